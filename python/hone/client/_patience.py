"""How often and how long something is sent again while nobody answers."""

import random
import time

from hone._errors import HoneError

from ._errors import Unreachable, refusal
from ._wire import Call

#: The pauses between tries double from the first to the longest, in seconds.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
#: A single try that takes longer is given up, and counts as unanswered.
TRY_S = 60.0

#: What a coordinator that restarts, or the way to it, answers.
_PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED")


class Patience:
    """The tries of one call."""

    def __init__(self, call: Call[object], retry_for_s: float, shown: str) -> None:
        self._call = call
        self._until = time.monotonic() + retry_for_s
        self._retry_for_s = retry_for_s
        self._shown = shown
        self._tries = 0

    @property
    def was_tried(self) -> bool:
        """Whether a try has failed."""
        return self._tries > 0

    def after(self, code: str, message: str) -> float:
        """Seconds to wait before the next try; raises what the caller is told where there is none."""
        if code not in _PASSING:
            raise refusal(code, message)
        if not self._call.repeatable:
            raise Unreachable(
                f"the coordinator at `{self._shown}` went away before it answered ({message});"
                " look whether it was done, then try again"
            )
        pause = min(FIRST_PAUSE_S * 2.0**self._tries, LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
        self._tries += 1
        if time.monotonic() + pause > self._until:
            raise self._given_up(message)
        return pause

    def _given_up(self, message: str) -> HoneError:
        return Unreachable(
            f"cannot reach the coordinator at `{self._shown}`, tried for {self._retry_for_s:g} s: {message};"
            " `hone serve` starts one, `hone.connect(retry_for=…)` waits longer"
        )
