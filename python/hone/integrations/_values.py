"""Which of a library's values are reported, and under which names."""

from collections.abc import Mapping
from typing import SupportsFloat

from .. import HoneError


def chosen(values: Mapping[str, SupportsFloat], names: Mapping[str, str]) -> dict[str, SupportsFloat]:
    """`names` maps metrics of the study to values of the library; without any, all values keep their names."""
    if not names:
        return dict(values)
    missing = [theirs for theirs in names.values() if theirs not in values]
    if missing:
        raise HoneError(f"there is no value `{missing[0]}` to report; there are: {', '.join(values) or 'none'}")
    return {ours: values[theirs] for ours, theirs in names.items()}
