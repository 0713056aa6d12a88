"""Carrying calls over gRPC, and waiting for a coordinator that restarts."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import grpc

from hone._errors import HoneError

from . import _calls
from ._embedded import locate
from ._errors import refusal
from ._patience import TRY_S, Patience
from ._place import SERVER_NAME, Place, Wanted
from ._wire import Call, Method

T = TypeVar("T")

#: Answers can be long: a study with thousands of parameters.
_MAX_ANSWER_BYTES = 64 << 20
#: For a coordinator of our own to end, in seconds; where others use it, it goes on without us.
LEAVE_S = 1.0


def options(place: Place) -> Sequence[tuple[str, Any]]:
    """Settings of a channel to this place."""
    settings = [
        ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.min_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Two clients of one process have nothing to do with each other.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.default_authority", SERVER_NAME if place.authority else "localhost"),
    ]
    if place.authority is not None:
        settings.append(("grpc.ssl_target_name_override", SERVER_NAME))
    if not place.target.startswith("unix:"):
        settings.append(("grpc.keepalive_time_ms", 20_000))
    return settings


def metadata(place: Place) -> tuple[tuple[str, str], ...]:
    """What is shown with every call."""
    return (("authorization", f"Bearer {place.token}"),) if place.token else ()


def status(error: grpc.RpcError) -> tuple[str, str]:
    """Code and message of a failed call."""
    return error.code().name, error.details() or ""


class Transport:
    """A connection that any thread may use."""

    def __init__(self, choice: Wanted, retry_for_s: float) -> None:
        self._choice = choice
        self._retry_for_s = retry_for_s
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self.place, self.server = locate(choice)
        self._metadata = metadata(self.place)
        self._channel = self._open()
        self._methods: dict[str, Any] = {}
        self._stay: Any = None
        self._stays()

    @property
    def shown(self) -> str:
        """Where the coordinator is, for people."""
        return self.place.target

    def call(self, call: Call[T], retry_for_s: float | None = None) -> T:
        """Sends a request until it is answered; raises `HoneError` where the answer is a refusal, or none comes."""
        if not call.repeatable:
            # Whether this arrives may not be known afterwards; a coordinator that is away is noticed before.
            self.call(_calls.ping(), retry_for_s)
        send = self._method(call.method)
        return self._repeat(call, lambda: send(call.request, timeout=TRY_S, metadata=self._metadata), retry_for_s)

    def upload(self, call: Call[T]) -> T:
        """Sends a file, as often as it takes."""
        send = self._channel.stream_unary(call.method.path, call.method.serialize, call.method.parse)
        return self._repeat(call, lambda: send(iter(call.request), metadata=self._metadata))

    def stream(self, call: Call[T]) -> Iterator[T]:
        """Sends a request and reads what comes; a stream that breaks off is an error."""
        self._check_open()
        open_stream = self._channel.unary_stream(call.method.path, call.method.serialize, call.method.parse)
        try:
            for reply in open_stream(call.request, metadata=self._metadata):
                yield call.read(reply)
        except grpc.RpcError as error:
            raise refusal(*status(error)) from None

    def close(self) -> None:
        """Ends the connection; a coordinator that was started for it ends with its last user."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._stay is not None:
            self._stay.cancel()
        self._channel.close()
        if self.server is not None:
            self.server.wait(LEAVE_S)

    def _repeat(self, call: Call[T], send: Callable[[], Any], retry_for_s: float | None = None) -> T:
        patience = Patience(call, self._retry_for_s if retry_for_s is None else retry_for_s, self.shown)
        while True:
            self._check_open()
            try:
                reply = send()
            except grpc.RpcError as error:
                pause = patience.after(*status(error))
            else:
                if patience.was_tried:
                    self._stays()
                return call.read(reply)
            self._closed.wait(pause)
            self._revive()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise HoneError("this client is closed; `hone.connect` makes another one")

    def _open(self) -> grpc.Channel:
        if self.place.authority is None:
            return grpc.insecure_channel(self.place.target, options(self.place))
        trust = grpc.ssl_channel_credentials(self.place.authority)
        return grpc.secure_channel(self.place.target, trust, options(self.place))

    def _method(self, method: Method) -> Any:
        known = self._methods.get(method.path)
        if known is None:
            known = self._channel.unary_unary(method.path, method.serialize, method.parse)
            self._methods[method.path] = known
        return known

    def _stays(self) -> None:
        """Tells a coordinator that is there on demand that it is needed; it goes on doing so by itself."""
        if not self.place.stay:
            return
        with self._lock:
            if self._stay is not None and self._stay.is_active():
                return
            call = _calls.stay(f"Python, process {os.getpid()}")
            open_stream = self._channel.unary_stream(call.method.path, call.method.serialize, call.method.parse)
            stay = open_stream(call.request, metadata=self._metadata)
            try:
                next(stay)
            except grpc.RpcError as error:
                raise refusal(*status(error)) from None
            self._stay = stay

    def _revive(self) -> None:
        """Starts a coordinator that was there on demand and is gone; a service comes back by itself."""
        if self.place.on_demand is None:
            return
        with self._lock:
            _, server = locate(self._choice)
            self.server = server or self.server
