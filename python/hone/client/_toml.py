"""Writing a study file from a dictionary."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def study_file(spec: Mapping[str, Any]) -> str:
    """The text of a study: plain keys first, then a table for each group, one line for each of its keys."""
    plain = {key: value for key, value in spec.items() if not (isinstance(value, Mapping) or _is_tables(value))}
    lines = [f"{_key(key)} = {inline(value, key)}" for key, value in plain.items()]
    for key, value in spec.items():
        for table in [] if key in plain else [value] if isinstance(value, Mapping) else value:
            header = f"[{_key(key)}]" if isinstance(value, Mapping) else f"[[{_key(key)}]]"
            lines += ["", header, *(f"{_key(name)} = {inline(it, f'{key}.{name}')}" for name, it in table.items())]
    return "\n".join(lines).strip() + "\n"


def inline(value: Any, where: str) -> str:
    """A value on one line; numbers of NumPy are numbers."""
    if not isinstance(value, (str, bytes)) and hasattr(value, "item") and callable(value.item):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        # What JSON escapes, TOML reads; of control characters JSON leaves one as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {inline(it, f'{where}.{name}')}" for name, it in value.items()) + " }"
    if isinstance(value, (list, tuple, range)):
        return "[" + ", ".join(inline(it, where) for it in value) + "]"
    raise TypeError(f"`{where}` is {value!r}, which a study file cannot hold; use a text, a number or a truth value")


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(it, Mapping) for it in value)


def _key(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"`{name!r}` is no name; keys of a study are texts")
    return name if _BARE.match(name) else inline(name, name)
