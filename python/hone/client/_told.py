"""What `tell` is told: values, a state, or both."""

from typing import Any

from ._outcome import Outcome, returned
from ._records import StudyRecord

STATES = ("complete", "pruned", "failed")


def told(values: Any, state: str | None, message: str, study: StudyRecord) -> Outcome:
    """How the trial ends; a result that is none makes it a failure."""
    if state is not None and state not in STATES:
        raise ValueError(f"`{state}` is no state to tell; use {', '.join(f'`{it}`' for it in STATES)}")
    if state in ("pruned", "failed"):
        if values is not None:
            raise ValueError(f"a trial that is {state} has no values; report them before, or tell it as `complete`")
        return Outcome(state, message=message)
    return returned(values, study.metrics)
