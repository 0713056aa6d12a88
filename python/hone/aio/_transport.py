"""Carrying calls over gRPC in an event loop; the counterpart of `hone.client._transport`."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from hone._errors import HoneError
from hone.client import _calls
from hone.client._embedded import Server, locate
from hone.client._errors import refusal
from hone.client._patience import TRY_S, Patience
from hone.client._place import Place, Wanted
from hone.client._transport import LEAVE_S, metadata, options, status
from hone.client._wire import Call

T = TypeVar("T")


class Transport:
    """A connection of one event loop."""

    def __init__(self, choice: Wanted, retry_for_s: float, place: Place, server: Server | None) -> None:
        self._choice = choice
        self._retry_for_s = retry_for_s
        self._closed = False
        self._lock = asyncio.Lock()
        self.place, self.server = place, server
        self._metadata = metadata(place)
        self._channel = self._open()
        self._stay: Any = None

    @classmethod
    async def connect(cls, choice: Wanted, retry_for_s: float) -> "Transport":
        """Finds a coordinator, or starts one."""
        transport = cls(choice, retry_for_s, *await asyncio.to_thread(locate, choice))
        await transport._stays()
        return transport

    @property
    def shown(self) -> str:
        """Where the coordinator is, for people."""
        return self.place.target

    async def call(self, call: Call[T], retry_for_s: float | None = None) -> T:
        """Sends a request until it is answered; raises `HoneError` where the answer is a refusal, or none comes."""
        if not call.repeatable:
            # Whether this arrives may not be known afterwards; a coordinator that is away is noticed before.
            await self.call(_calls.ping(), retry_for_s)
        send = self._channel.unary_unary(call.method.path, call.method.serialize, call.method.parse)
        return await self._repeat(call, lambda: send(call.request, timeout=TRY_S, metadata=self._metadata), retry_for_s)

    async def upload(self, call: Call[T]) -> T:
        """Sends a file, as often as it takes."""
        send = self._channel.stream_unary(call.method.path, call.method.serialize, call.method.parse)
        return await self._repeat(call, lambda: send(call.request, metadata=self._metadata))

    async def stream(self, call: Call[T]) -> AsyncIterator[T]:
        """Sends a request and reads what comes; a stream that breaks off is an error."""
        self._check_open()
        open_stream = self._channel.unary_stream(call.method.path, call.method.serialize, call.method.parse)
        try:
            async for reply in open_stream(call.request, metadata=self._metadata):
                yield call.read(reply)
        except grpc.RpcError as error:
            raise refusal(*status(error)) from None

    async def close(self) -> None:
        """Ends the connection; a coordinator that was started for it ends with its last user."""
        if self._closed:
            return
        self._closed = True
        if self._stay is not None:
            self._stay.cancel()
        await self._channel.close()
        if self.server is not None:
            await asyncio.to_thread(self.server.wait, LEAVE_S)

    async def _repeat(self, call: Call[T], send: Callable[[], Awaitable[Any]], retry_for_s: float | None = None) -> T:
        patience = Patience(call, self._retry_for_s if retry_for_s is None else retry_for_s, self.shown)
        while True:
            self._check_open()
            try:
                reply = await send()
            except grpc.RpcError as error:
                pause = patience.after(*status(error))
            else:
                if patience.was_tried:
                    await self._stays()
                return call.read(reply)
            await asyncio.sleep(pause)
            await self._revive()

    def _check_open(self) -> None:
        if self._closed:
            raise HoneError("this client is closed; `hone.aio.connect` makes another one")

    def _open(self) -> grpc.aio.Channel:
        if self.place.authority is None:
            return grpc.aio.insecure_channel(self.place.target, options(self.place))
        trust = grpc.ssl_channel_credentials(self.place.authority)
        return grpc.aio.secure_channel(self.place.target, trust, options(self.place))

    async def _stays(self) -> None:
        """Tells a coordinator that is there on demand that it is needed; it goes on doing so by itself."""
        if not self.place.stay:
            return
        async with self._lock:
            if self._stay is not None and not self._stay.done():
                return
            call = _calls.stay(f"Python, process {os.getpid()}")
            open_stream = self._channel.unary_stream(call.method.path, call.method.serialize, call.method.parse)
            stay = open_stream(call.request, metadata=self._metadata)
            try:
                await stay.read()
            except grpc.RpcError as error:
                raise refusal(*status(error)) from None
            self._stay = stay

    async def _revive(self) -> None:
        """Starts a coordinator that was there on demand and is gone; a service comes back by itself."""
        if self.place.on_demand is None:
            return
        async with self._lock:
            _, server = await asyncio.to_thread(locate, self._choice)
            self.server = server or self.server
