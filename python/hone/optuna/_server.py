"""The coordinator that samplers and pruners ask.

A connection is made when it is first needed, and once in a process for all that mean the same coordinator. A sampler
that is copied to another process, by pickling or by a fork, connects there anew.
"""

import os
import threading
from typing import Any, TypeVar

from hone.client import Client, connect
from hone.client._place import Wanted, wanted
from hone.client._wire import Call

T = TypeVar("T")

_lock = threading.Lock()
_clients: dict[tuple[int, Wanted], Client] = {}


class Server:
    """A coordinator: an address, a client that is connected to it, or whichever `hone.connect()` finds."""

    def __init__(self, given: str | Client | None) -> None:
        self._given = given

    def call(self, call: Call[T]) -> T:
        """Sends a request until it is answered."""
        return self._client()._transport.call(call)

    def _client(self) -> Client:
        if isinstance(self._given, Client):
            return self._given
        key = os.getpid(), wanted(self._given, None, None, None, False, os.environ)
        with _lock:
            if key not in _clients:
                _clients[key] = connect(self._given)
            return _clients[key]

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self._given, Client):
            raise TypeError(
                "a client is a connection of this process and cannot be pickled; give the sampler or pruner"
                " the address, with HONE_CA and HONE_TOKEN in the environment"
            )
        return {"_given": self._given}
