"""The range or the options of a parameter that a trial asks for while it runs."""

from collections.abc import Sequence
from typing import Any

from hone._proto import client_pb2 as wire

from ._records import parameter_value

Option = bool | int | float | str
_KINDS: tuple[tuple[type, str], ...] = ((bool, "bool"), (int, "int"), (float, "float"), (str, "string"))


def float_range(low: float, high: float, step: float | None, log: bool) -> wire.Distribution:
    """Real numbers, bounds included."""
    return wire.Distribution(float=wire.FloatRange(low=low, high=high, log=log, step=step))


def int_range(low: int, high: int, step: int, log: bool) -> wire.Distribution:
    """Whole numbers, bounds included."""
    return wire.Distribution(int=wire.IntRange(low=low, high=high, log=log, step=step))


def options(name: str, choices: Sequence[Any]) -> wire.Distribution:
    """Texts, numbers or truth values."""
    if not choices:
        raise ValueError(f"parameter `{name}` has no choices")
    return wire.Distribution(options=wire.Options(options=[_option(name, choice) for choice in choices]))


def _option(name: str, choice: Any) -> wire.Option:
    plain: Any = (
        choice.item() if hasattr(choice, "item") and not isinstance(choice, (str, bool, int, float)) else choice
    )
    for kind, field in _KINDS:
        if isinstance(plain, kind):
            given: dict[str, Any] = {field: plain}
            return wire.Option(**given)
    raise TypeError(
        f"parameter `{name}`: {choice!r} can be no choice; name each with a text and look it up in a dictionary"
    )


def chosen(parameter: Any) -> Any:
    """The value of an answer."""
    return parameter_value(parameter)


def same_kind(value: Any, choices: Sequence[Any]) -> Any:
    """The choice that is meant, as the caller wrote it."""
    for choice in choices:
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return choice
    return value
