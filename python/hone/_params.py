"""The parameters of a trial."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from ._errors import HoneError


class Params(dict[str, Any]):
    """The parameters that exist in this trial: a `dict` whose `KeyError` names those there are."""

    def __missing__(self, name: str) -> NoReturn:
        there = ", ".join(f"`{name}`" for name in self) or "none at all"
        raise KeyError(f"this trial has no parameter `{name}`; it has {there}")


def read_params(text: str | None, defaults: Mapping[str, Any]) -> Params:
    """Reads a JSON object of parameters; what it leaves out comes from `defaults`."""
    if not text:
        return Params(defaults)
    try:
        given = json.loads(text)
    except ValueError as error:
        raise HoneError(f"HONE_PARAMS is no JSON ({error}): {text}") from None
    if not isinstance(given, dict):
        raise HoneError(f"HONE_PARAMS is no JSON object: {text}")
    return Params({**defaults, **given})
