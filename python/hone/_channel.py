"""Where reports go: to the worker, over its socket, or by hand to standard output.

One line of JSON to the worker, one line back, and never two questions at once on one connection:

    {"op":"report","step":3,"metrics":{"loss":0.1}}   →  {"ok":true,"prune":false}
    {"op":"checkpoint","step":3}                      →  {"ok":true}
                                                      →  {"ok":false,"error":"…"}
"""

import contextlib
import json
import math
import os
import select
import socket
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from ._errors import HoneError
from ._fork import weakly
from ._preemption import Preemption

Metrics = Mapping[str, float]


class Channel(Protocol):
    """The other side of a trial."""

    def report(self, step: int | None, metrics: Metrics) -> bool:
        """Hands values over; returns whether the pruner has ended the trial."""

    def checkpoint(self, step: int | None) -> None:
        """Says that the checkpoint folder is complete; returns when it may be written again."""


class Printer:
    """Nobody: a script that was started by hand prints one line for each report."""

    def report(self, step: int | None, metrics: Metrics) -> bool:
        """Prints; nothing is ever ended."""
        values = " ".join(f"{name}={value:.6g}" for name, value in metrics.items())
        print(f"final: {values}" if step is None else f"step {step}: {values}", flush=True)
        return False

    def checkpoint(self, step: int | None) -> None:
        """Does nothing: the files are there."""


class Worker:
    """The worker behind `HONE_SOCKET`.

    Opened with the first message. Threads take turns. A forked child opens a connection of its own.
    """

    def __init__(self, path: str, preemption: Preemption) -> None:
        self._path = path
        self._preemption = preemption
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=weakly(self._forget))

    def report(self, step: int | None, metrics: Metrics) -> bool:
        """Sends values and waits for the verdict; a preemption ends the waiting."""
        values = {name: _number(value) for name, value in metrics.items()}
        answer = self._ask({"op": "report", "step": step, "metrics": values}, may_be_interrupted=True)
        return bool(answer.get("prune", False))

    def checkpoint(self, step: int | None) -> None:
        """Waits until the worker has copied the folder."""
        self._ask({"op": "checkpoint", "step": step})

    def _forget(self) -> None:
        """In a forked child: the parent's answers are not ours, and nobody here will unlock the parent's lock."""
        self._lock = threading.Lock()
        self._close()

    def _ask(self, question: Mapping[str, object], may_be_interrupted: bool = False) -> dict[str, Any]:
        line = json.dumps(question, allow_nan=False).encode() + b"\n"
        with self._lock:
            try:
                reply = self._exchange(line, may_be_interrupted)
            except OSError as error:
                self._close()
                raise HoneError(f"cannot reach the worker at `{self._path}`: {error}") from error
            except BaseException:
                # The answer is still to come, and must not be taken for the next question's.
                self._close()
                raise
        return _read(reply) if reply else {}

    def _exchange(self, line: bytes, may_be_interrupted: bool) -> bytes:
        """One line there, one line back; nothing where a preemption came first."""
        connection = self._open()
        connection.sendall(line)
        reply = bytearray()
        while not reply.endswith(b"\n"):
            if may_be_interrupted and not self._is_answered(connection):
                self._close()
                return b""
            received = connection.recv(65_536)
            if not received:
                raise ConnectionError("it has closed the connection")
            reply += received
        return bytes(reply)

    def _is_answered(self, connection: socket.socket) -> bool:
        """Waits for something to read; false where the trial is preempted instead."""
        alarm = self._preemption.alarm
        if alarm is None:
            return True
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        poll.register(alarm, select.POLLIN)
        return any(ready == connection.fileno() for ready, _ in poll.poll())

    def _open(self) -> socket.socket:
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(self._path)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()


def _number(value: float) -> float | str:
    """JSON has no word for numbers that are not finite: they travel as "nan", "inf" and "-inf"."""
    return value if math.isfinite(value) else repr(value)


def _read(reply: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(reply)
        accepted = answer["ok"]
    except (ValueError, KeyError, TypeError):
        raise HoneError(f"the worker answered {reply!r}, which is no answer") from None
    if not accepted:
        raise HoneError(f"the worker refused: {answer.get('error', 'without a reason')}")
    return dict(answer)
