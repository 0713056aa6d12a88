"""Running an objective in this process, one trial after the other or in several threads.

    ask ─► objective(trial) ─► outcome ─► tell ─► callbacks        one lane; `n_jobs` lanes share one quota

Two calls a trial where the space is declared and nothing is reported. Lanes that wait at the same time ask together.
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._errors import Invalid, LeaseLost
from ._outcome import ENDINGS, PRUNED, Outcome, raised, returned
from ._progress import Progress
from ._quota import Options, Quota
from ._records import TrialRecord
from ._trial import Trial

if TYPE_CHECKING:
    from ._study import Study

Objective = Callable[[Trial], Any]
Callback = Callable[["Study", TrialRecord], None]


class Run:
    """One call of `optimize`."""

    def __init__(
        self, study: "Study", objective: Objective, options: Options, callbacks: Sequence[Callback], progress: Progress
    ) -> None:
        self._study = study
        self._objective = objective
        self._options = options
        self._callbacks = callbacks
        self._progress = progress
        self._quota = Quota(options)
        self._asking = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._asked: list[Trial] = []
        self._changed = threading.Event()
        self._running: set[Trial] = set()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Runs until there is nothing left to do; raises what the objective raised."""
        try:
            if self._options.n_jobs == 1:
                self._lane()
            else:
                self._lanes()
        except BaseException:
            self._give_back()
            raise
        finally:
            self._progress.close()
        self._return_asked()
        if self._error is not None:
            raise self._error

    def _lanes(self) -> None:
        lanes = [
            threading.Thread(target=self._guarded_lane, name=f"hone-trial-{index}", daemon=True)
            for index in range(self._options.n_jobs)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()

    def _guarded_lane(self) -> None:
        try:
            self._lane()
        except BaseException as error:
            self._error = self._error or error
            self._quota.stop()
            self._changed.set()

    def _lane(self) -> None:
        while (trial := self._next()) is not None:
            self._running.add(trial)
            try:
                done = self._one(trial)
            finally:
                self._changed.set()
            self._running.discard(trial)
            if not done:
                self._quota.put_back(1)

    def _next(self) -> Trial | None:
        """The next trial, once there is one; `None` where nothing is left to do."""
        self._wait(1)
        with self._asking:
            try:
                while not self._asked:
                    places = self._quota.take(self._waiting)
                    if not places or not self._ask(places):
                        return None
                if self._quota.stopped:
                    self._return_asked()
                    return None
                return self._asked.pop()
            finally:
                self._wait(-1)

    def _wait(self, lanes: int) -> None:
        with self._counting:
            self._waiting += lanes

    def _ask(self, places: int) -> bool:
        """Asks for so many trials; false where none will come any more."""
        self._changed.clear()
        asked = self._study._take(places)
        self._asked = list(reversed(asked.trials))
        self._quota.put_back(places - len(asked.trials))
        if asked.over and not asked.trials:
            return False
        pause = self._quota.idle_s(bool(asked.trials))
        if not asked.trials:
            self._progress.say(asked.reason)
            self._changed.wait(pause)
        return True

    def _one(self, trial: Trial) -> bool:
        """Runs a trial; whether it came to its end."""
        outcome, error = self._outcome(trial)
        if trial.preempted or outcome is None:
            if not trial.preempted:
                trial.give_back()
            return False
        if outcome.state == "failed" and self._quota.retries(trial.id):
            trial.give_back()
            return False
        try:
            record = trial._conclude(outcome)
        except Invalid as error:
            # The last report was none that counts, or there was none.
            record = trial._conclude(Outcome("failed", message=str(error)))
        except LeaseLost:
            return False
        self._progress.ended(record)
        for callback in self._callbacks:
            callback(self._study, record)
        if error is not None and not isinstance(error, self._options.catch):
            raise error
        return True

    def _outcome(self, trial: Trial) -> tuple[Outcome | None, BaseException | None]:
        """How a trial ends, and by which exception; no outcome: it was made to stop, and may go on later."""
        try:
            result = self._objective(trial)
        except ENDINGS as error:
            return raised(error), error if isinstance(error, Exception) else None
        return PRUNED if trial.pruned else returned(result, self._study.metrics), None

    def _give_back(self) -> None:
        """Nobody runs these any more; another client may take them now instead of when their leases are over."""
        self._quota.stop()
        self._changed.set()
        for trial in list(self._running):
            if not trial._ended:
                trial.give_back()
        self._return_asked()

    def _return_asked(self) -> None:
        """Gives trials back that no lane has begun."""
        asked, self._asked = self._asked, []
        for trial in asked:
            trial.give_back()
