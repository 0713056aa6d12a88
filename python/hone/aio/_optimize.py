"""Running an asynchronous objective, several trials at a time in one event loop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from hone.client._errors import Invalid, LeaseLost
from hone.client._outcome import ENDINGS, PRUNED, Outcome, raised, returned
from hone.client._progress import Progress
from hone.client._quota import Options, Quota
from hone.client._records import TrialRecord

from ._trial import Trial

if TYPE_CHECKING:
    from ._study import Study

Objective = Callable[[Trial], Awaitable[Any]]
Callback = Callable[["Study", TrialRecord], object]


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
        self._asking = asyncio.Lock()
        self._waiting = 0
        self._asked: list[Trial] = []
        self._changed = asyncio.Event()
        self._running: set[Trial] = set()

    async def run(self) -> None:
        """Runs until there is nothing left to do; raises what the objective raised."""
        lanes = [asyncio.create_task(self._guarded_lane()) for _ in range(self._options.n_jobs)]
        try:
            errors = await asyncio.gather(*lanes)
        except BaseException:
            await self._leave(lanes)
            raise
        finally:
            self._progress.close()
        await self._return_asked()
        for error in errors:
            if error is not None:
                raise error

    async def _guarded_lane(self) -> Exception | None:
        try:
            await self._lane()
        except Exception as error:
            self._quota.stop()
            self._changed.set()
            return error
        return None

    async def _lane(self) -> None:
        while (trial := await self._next()) is not None:
            self._running.add(trial)
            try:
                done = await self._one(trial)
            finally:
                self._changed.set()
            self._running.discard(trial)
            if not done:
                self._quota.put_back(1)

    async def _next(self) -> Trial | None:
        """The next trial, once there is one; `None` where nothing is left to do."""
        self._waiting += 1
        try:
            async with self._asking:
                while not self._asked:
                    places = self._quota.take(self._waiting)
                    if not places or not await self._ask(places):
                        return None
                if self._quota.stopped:
                    await self._return_asked()
                    return None
                return self._asked.pop()
        finally:
            self._waiting -= 1

    async def _ask(self, places: int) -> bool:
        """Asks for so many trials; false where none will come any more."""
        self._changed.clear()
        asked = await self._study._take(places)
        self._asked = list(reversed(asked.trials))
        self._quota.put_back(places - len(asked.trials))
        if asked.over and not asked.trials:
            return False
        pause = self._quota.idle_s(bool(asked.trials))
        if not asked.trials:
            self._progress.say(asked.reason)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), pause)
        return True

    async def _one(self, trial: Trial) -> bool:
        """Runs a trial; whether it came to its end."""
        outcome, error = await self._outcome(trial)
        if trial.preempted or outcome is None:
            if not trial.preempted:
                await trial.give_back()
            return False
        if outcome.state == "failed" and self._quota.retries(trial.id):
            await trial.give_back()
            return False
        try:
            record = await trial._conclude(outcome)
        except Invalid as error:
            # The last report was none that counts, or there was none.
            record = await trial._conclude(Outcome("failed", message=str(error)))
        except LeaseLost:
            return False
        self._progress.ended(record)
        for callback in self._callbacks:
            callback(self._study, record)
        if error is not None and not isinstance(error, self._options.catch):
            raise error
        return True

    async def _outcome(self, trial: Trial) -> tuple[Outcome | None, BaseException | None]:
        """How a trial ends, and by which exception; no outcome: it was made to stop, and may go on later."""
        try:
            result = await self._objective(trial)
        except ENDINGS as error:
            return raised(error), error if isinstance(error, Exception) else None
        return PRUNED if trial.pruned else returned(result, self._study.metrics), None

    async def _leave(self, lanes: Sequence["asyncio.Task[Exception | None]"]) -> None:
        """Ends the lanes, and gives their trials back."""
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        await self._give_back()

    async def _give_back(self) -> None:
        """Nobody runs these any more; another client may take them now instead of when their leases are over."""
        self._quota.stop()
        self._changed.set()
        for trial in list(self._running):
            if not trial._ended:
                await trial.give_back()
        await self._return_asked()

    async def _return_asked(self) -> None:
        """Gives trials back that no lane has begun."""
        asked, self._asked = self._asked, []
        for trial in asked:
            await trial.give_back()
