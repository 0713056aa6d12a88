"""What a study is made of: a dictionary, a text or a file, and keywords for what most studies say."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._toml import study_file

#: What `create_study` takes instead of a study file.
Spec = Mapping[str, Any] | str | os.PathLike[str]

_TRIAL = re.compile(r"^\s*(\[\s*trial\s*[\].]|trial\s*[.=])", re.MULTILINE)
_NO_SOURCE = re.compile(r"""^\s*source\s*=\s*["']none["']""", re.MULTILINE)


@dataclass(frozen=True)
class Shortcuts:
    """Keywords for single keys of a study."""

    direction: str | None = None
    directions: Sequence[str] | None = None
    metric: str | None = None
    metrics: Sequence[str] | None = None
    sampler: str | Mapping[str, Any] | None = None
    pruner: str | Mapping[str, Any] | None = None
    seed: int | None = None
    max_trials: int | None = None
    space: Mapping[str, Any] | None = None

    @property
    def search(self) -> dict[str, Any]:
        """Those of `[search]` that were given."""
        names = ("sampler", "pruner", "seed", "max_trials")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def any_given(self) -> bool:
        """Whether there are any."""
        return any(value is not None for value in vars(self).values())


@dataclass(frozen=True)
class StudyText:
    """A study file, and what its errors call it."""

    text: str
    file: str

    @property
    def for_workers(self) -> bool:
        """Whether it says how to start a trial."""
        return bool(_TRIAL.search(self.text))

    @property
    def has_source(self) -> bool:
        """Whether it wants files to be packed."""
        return not _NO_SOURCE.search(self.text)


def study_text(spec: Spec | None, name: str | None, shortcuts: Shortcuts) -> StudyText:
    """The study file that is meant."""
    if spec is None or isinstance(spec, Mapping):
        return StudyText(study_file(_filled(dict(spec or {}), name, shortcuts)), "study")
    if shortcuts.any_given:
        raise TypeError("keywords such as `sampler` go with a dictionary; write them into the text or the file instead")
    if isinstance(spec, str):
        if "=" not in spec:
            raise ValueError(f"`{spec}` is no text of a study; give a file as `pathlib.Path({spec!r})`")
        return StudyText(spec, f"{name or 'study'}.toml")
    path = Path(spec)
    path = path / "study.toml" if path.is_dir() else path
    return StudyText(path.read_text(), str(path.absolute()))


def _filled(spec: dict[str, Any], name: str | None, shortcuts: Shortcuts) -> dict[str, Any]:
    spec.setdefault("name", name or f"study-{os.urandom(4).hex()}")
    if "objective" not in spec:
        spec["objective"] = _objectives(shortcuts)
    elif any((shortcuts.direction, shortcuts.directions, shortcuts.metric, shortcuts.metrics)):
        raise TypeError("the objective is given twice: by keyword, and as `objective` of the study")
    for key, given in (("search", shortcuts.search), ("space", dict(shortcuts.space or {}))):
        if twice := [it for it in given if it in spec.get(key, {})]:
            raise TypeError(f"`{twice[0]}` is given twice: by keyword, and in `{key}` of the study")
        if given:
            spec[key] = {**spec.get(key, {}), **given}
    return spec


def _objectives(shortcuts: Shortcuts) -> dict[str, str] | list[dict[str, str]]:
    """`value`, or `value_0`, `value_1` and so on, unless they are called otherwise."""
    if shortcuts.direction is not None and shortcuts.directions is not None:
        raise TypeError("give `direction`, or `directions` for several objectives, but not both")
    if shortcuts.metric is not None and shortcuts.metrics is not None:
        raise TypeError("give `metric`, or `metrics` for several objectives, but not both")
    several = shortcuts.directions is not None or shortcuts.metrics is not None
    if not several:
        return {"metric": shortcuts.metric or "value", "direction": shortcuts.direction or "minimize"}
    metrics = list(shortcuts.metrics or ([shortcuts.metric] if shortcuts.metric else []))
    directions = list(shortcuts.directions or [shortcuts.direction or "minimize"] * len(metrics))
    metrics = metrics or [f"value_{index}" for index in range(len(directions))]
    if len(metrics) != len(directions):
        raise ValueError(
            f"there are {len(metrics)} metrics and {len(directions)} directions; one belongs to each other"
        )
    return [{"metric": metric, "direction": direction} for metric, direction in zip(metrics, directions, strict=True)]
