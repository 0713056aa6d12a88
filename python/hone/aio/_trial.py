"""A trial that this process runs, with calls to be awaited."""

import contextlib
from collections.abc import Sequence
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

from hone._errors import HoneError, Preempted, Pruned
from hone.client import _calls, _distributions
from hone.client._base import BaseTrial, output
from hone.client._errors import LeaseLost, NotFound, Refused
from hone.client._held import Held
from hone.client._outcome import Outcome
from hone.client._records import AskedTrial, StudyRecord, TrialRecord
from hone.client._trial import GIVE_BACK_S
from hone.client._wire import Call

from ._transport import Transport

T = TypeVar("T")


class Trial(BaseTrial):
    """A trial that this process runs; made by `Study.ask` and `Study.optimize`."""

    def __init__(self, transport: Transport, held: Held, asked: AskedTrial, study: StudyRecord) -> None:
        super().__init__(asked, study)
        self._transport = transport
        self._held = held

    async def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number from `low` to `high`, bounds included; one that the trial has already stays."""
        return float(await self._suggest(name, _distributions.float_range(low, high, step, log)))

    async def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number from `low` to `high`, bounds included; one that the trial has already stays."""
        return int(await self._suggest(name, _distributions.int_range(low, high, step, log)))

    async def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of these texts, numbers or truth values; one that the trial has already stays."""
        return _distributions.same_kind(await self._suggest(name, _distributions.options(name, choices)), choices)

    async def report(self, step: SupportsIndex | None = None, **metrics: SupportsFloat) -> bool:
        """Reports values of one step, or final ones where there is no step. Returns whether to stop here."""
        call = self._report(step, metrics)
        if self.preempted:
            return True
        try:
            return self._judged(await self._send(call))
        except LeaseLost:
            return True

    async def report_or_stop(self, step: SupportsIndex | None = None, **metrics: SupportsFloat) -> None:
        """Reports values as `report` does, and raises `hone.Pruned` or `hone.Preempted` when to stop."""
        await self.report(step, **metrics)
        if self.pruned:
            raise Pruned(f"pruned after step {step}")
        if self.preempted:
            raise Preempted(f"preempted after step {step}")

    async def set_user_attr(self, key: str, value: object) -> None:
        """Sets an attribute of the trial: bytes as they are, another value as JSON."""
        await self._send(_calls.set_attributes(self.id, {key: value}))

    async def attributes(self) -> dict[str, Any]:
        """All attributes of the trial."""
        return await self._transport.call(_calls.get_attributes(self.id))

    async def give_back(self) -> None:
        """Hands the trial back unharmed: it waits again, for whoever asks next."""
        self._preempt()
        self._held.remove(self)
        if not self._ended:
            self._end()
            with contextlib.suppress(HoneError):
                await self._transport.call(_calls.give_back(*self._pair), retry_for_s=GIVE_BACK_S)

    async def _conclude(self, outcome: Outcome) -> TrialRecord:
        """Uploads what is in `output_dir`, and ends the trial; where that is refused as `Invalid`, it goes on."""
        outputs = [
            output(name, file, await self._transport.upload(_calls.put_blob(file))) for name, file in self._files()
        ]
        record = await self._send(self._tell(outcome, outputs))
        self._held.remove(self)
        self._end()
        return record

    async def _suggest(self, name: str, distribution: Any) -> Any:
        if name in self._params:
            return self._params[name]
        return self._learn(name, await self._send(self._suggestion(name, distribution)))

    async def _send(self, call: Call[T]) -> T:
        try:
            return await self._transport.call(call)
        except (Refused, NotFound) as error:
            self._held.remove(self)
            self._end()
            self._lose(str(error))
            raise LeaseLost(str(error)) from None
