"""The trials that this client holds, and what becomes of their leases."""

import threading
from collections.abc import Iterable
from typing import Protocol

from . import _calls
from ._wire import Call

Pair = tuple[int, int]
#: Renewals within the time of one lease.
RENEWALS = 3


class Holdable(Protocol):
    """A trial under way."""

    @property
    def _pair(self) -> Pair:
        """Its id and its attempt."""

    def _lose(self, reason: str) -> None:
        """Learns that it is no longer its client's."""


class Held:
    """The trials under way; any thread may ask."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._trials: dict[Pair, Holdable] = {}
        self._lock = threading.Lock()

    @property
    def interval_s(self) -> float:
        """Between two renewals."""
        return self.lease_s / RENEWALS

    def add(self, trials: Iterable[Holdable]) -> None:
        """Takes trials up."""
        with self._lock:
            self._trials.update({trial._pair: trial for trial in trials})

    def remove(self, trial: Holdable) -> None:
        """Lets a trial go."""
        with self._lock:
            self._trials.pop(trial._pair, None)

    def renewal(self) -> Call[list[Pair]] | None:
        """The call that keeps all leases; `None` where there are none."""
        with self._lock:
            pairs = list(self._trials)
        return _calls.renew(pairs, self.lease_s) if pairs else None

    def over(self, pairs: Iterable[Pair]) -> None:
        """Tells trials that they are lost."""
        with self._lock:
            lost = [trial for pair in pairs if (trial := self._trials.pop(pair, None)) is not None]
        for trial in lost:
            trial._lose("its lease is over: the trial was ended, or waits for another client")
