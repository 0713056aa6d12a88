"""Reading what a script reports."""

import operator
from collections.abc import Mapping
from typing import SupportsFloat, SupportsIndex


def read_step(step: SupportsIndex | None) -> int | None:
    """A whole number, or none: the values are final."""
    try:
        return None if step is None else operator.index(step)
    except TypeError:
        raise TypeError(f"a step is a whole number, not {step!r}; metrics are given by name: loss={step!r}") from None


def read_values(metrics: Mapping[str, SupportsFloat]) -> dict[str, float]:
    """Numbers by metric."""
    if not metrics:
        raise ValueError("nothing to report; give metrics by name: report(step, loss=0.4)")
    return {name: _value(name, value) for name, value in metrics.items()}


def _value(name: str, value: SupportsFloat) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"metric `{name}` is no number: {error}") from None
