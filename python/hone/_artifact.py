"""Copying what a trial has made into its output folder."""

import os
import shutil
from pathlib import Path

from ._errors import HoneError


def copy_into(folder: Path, source: str | os.PathLike[str], name: str | None) -> Path:
    """Copies a file or a folder to `folder/name` and returns that path; what was there under the name is replaced."""
    origin = Path(source)
    if not origin.exists():
        raise FileNotFoundError(f"there is no `{origin}` to keep")
    target = folder / _checked(name if name is not None else origin.resolve().name)
    if target.exists() and target.samefile(origin):
        return target
    if folder.resolve().is_relative_to(origin.resolve()):
        raise HoneError(f"`{origin}` holds the output folder itself and cannot be copied into it")
    target.parent.mkdir(parents=True, exist_ok=True)
    if origin.is_dir():
        shutil.copytree(origin, target, dirs_exist_ok=True)
    else:
        shutil.copy2(origin, target)
    return target


def _checked(name: str) -> str:
    path = Path(name)
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise HoneError(f"`{name}` is no name below the output folder")
    return name
