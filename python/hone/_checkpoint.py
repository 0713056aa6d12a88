"""Writing a checkpoint so that a complete one is there at every moment."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacement(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, which takes its place at the end of the block, and goes away on an exception."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new, old = beside / "new", beside / "old"
        new.mkdir()
        yield new
        _swap(folder, new, old)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _swap(folder: Path, new: Path, old: Path) -> None:
    """Two renames, so that files of two checkpoints are never seen together."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
