"""How many trials one call of `optimize` still wants, and what its objective's ends count for."""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._errors import NoTrial, StudyOver

T = TypeVar("T")
#: Pauses between questions while there are no trials, in seconds.
FIRST_IDLE_S = 0.05
LONGEST_IDLE_S = 1.0


@dataclass(frozen=True)
class Taken(Generic[T]):
    """Trials that this client holds now, or why there are none."""

    trials: list[T]
    over: bool
    reason: str

    def some(self, study: str) -> list[T]:
        """The trials; raises where there are none."""
        if self.trials:
            return self.trials
        if self.over:
            raise StudyOver(f"study `{study}` is over: {self.reason or 'no trial will come any more'}")
        raise NoTrial(f"study `{study}` has no trial to run at the moment: {self.reason or 'ask again later'}")


@dataclass(frozen=True)
class Options:
    """What `optimize` was told."""

    n_trials: int | None
    timeout_s: float | None
    n_jobs: int
    catch: tuple[type[BaseException], ...]
    retries: int


def options(
    n_trials: int | None,
    timeout: float | None,
    n_jobs: int,
    catch: type[BaseException] | Sequence[type[BaseException]],
    retries: int,
) -> Options:
    """Checks what `optimize` was told."""
    if n_jobs < 1:
        raise ValueError(f"`n_jobs` is {n_jobs}; at least one trial has to run at a time")
    if n_trials is not None and n_trials < 0:
        raise ValueError(f"`n_trials` is {n_trials}; leave it out to go on until the study's budget is used")
    return Options(n_trials, timeout, n_jobs, (catch,) if isinstance(catch, type) else tuple(catch), retries)


class Quota:
    """What is left of one call of `optimize`; any thread may ask."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._left = math.inf if options.n_trials is None else options.n_trials
        self._until = math.inf if options.timeout_s is None else time.monotonic() + options.timeout_s
        self._tried: dict[int, int] = {}
        self._idle = FIRST_IDLE_S
        self.stopped = False

    def take(self, at_most: int) -> int:
        """Sets places aside, and says how many; none where nothing shall begin any more."""
        with self._lock:
            if self.stopped or time.monotonic() >= self._until:
                return 0
            taken = int(min(at_most, self._left))
            self._left -= taken
            return taken

    def put_back(self, places: int) -> None:
        """Gives places back: there were fewer trials, or one did not come to its end."""
        with self._lock:
            self._left += places

    def retries(self, trial: int) -> bool:
        """Whether a trial that failed is to be tried again."""
        with self._lock:
            self._tried[trial] = self._tried.get(trial, 0) + 1
            return self._tried[trial] <= self._options.retries

    def idle_s(self, had_some: bool) -> float:
        """How long to wait before asking again."""
        with self._lock:
            pause = self._idle
            self._idle = FIRST_IDLE_S if had_some else min(2 * self._idle, LONGEST_IDLE_S)
            return max(min(pause, self._until - time.monotonic()), 0.0)

    def stop(self) -> None:
        """Nothing begins any more."""
        self.stopped = True
