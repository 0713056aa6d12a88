"""What an objective's return value means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hone._errors import Preempted, Pruned

#: Longest message of a failed trial that is sent, in characters.
_MESSAGE = 2_000


@dataclass(frozen=True)
class Outcome:
    """How a trial ends."""

    #: complete, pruned or failed
    state: str
    #: One for each objective, or none: the last reports count.
    values: tuple[float, ...] = ()
    #: Why it failed.
    message: str = ""


PRUNED = Outcome("pruned")


def returned(result: Any, metrics: Sequence[str]) -> Outcome:
    """A number, several in the order of the objectives, a dictionary by metric, or `None`: the last reports count."""
    if result is None:
        return Outcome("complete")
    try:
        values = _values(result, metrics)
    except (TypeError, ValueError) as error:
        return Outcome("failed", message=str(error))
    for metric, value in zip(metrics, values, strict=True):
        if not math.isfinite(value):
            return Outcome("failed", message=f"the value of `{metric}` is {value}, which is no result")
    return Outcome("complete", values)


#: What an objective may raise to end its trial; anything else, such as Ctrl-C, is not about the trial.
ENDINGS = (Pruned, Preempted, Exception)


def raised(error: BaseException) -> Outcome | None:
    """A failure by an exception, or the way to say that the trial was pruned; `None`: it may go on later."""
    if isinstance(error, Pruned):
        return PRUNED
    if isinstance(error, Preempted):
        return None
    return Outcome("failed", message=f"{type(error).__name__}: {error}"[:_MESSAGE])


def _values(result: Any, metrics: Sequence[str]) -> tuple[float, ...]:
    if isinstance(result, Mapping):
        missing = [metric for metric in metrics if metric not in result]
        if missing:
            raise ValueError(f"the objective returned no `{missing[0]}`; it returned {_listed(result)}")
        return tuple(_number(result[metric], metric) for metric in metrics)
    if isinstance(result, (str, bytes)):
        raise TypeError(f"the objective returned {result!r}, which is no number")
    if len(metrics) == 1 and not isinstance(result, (list, tuple)):
        return (_number(result, metrics[0]),)
    try:
        values = list(result)
    except TypeError:
        raise TypeError(f"the objective returned {result!r}; the study has {len(metrics)} objectives") from None
    if len(values) != len(metrics):
        raise ValueError(
            f"the objective returned {len(values)} values; the study has {len(metrics)}: {_listed(metrics)}"
        )
    return tuple(_number(value, metric) for value, metric in zip(values, metrics, strict=True))


def _number(value: Any, metric: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the value of `{metric}` is no number: {error}") from None


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
