"""Fixtures: a played worker, a real Hone, and a trial of this process that each test finds unmade."""

import importlib.util
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hone import _trial

from .support.real import Hone
from .support.served import Served, wait_until
from .support.worker import PlayedWorker

# Who runs in the background of a shell is born deaf to SIGINT; some tests interrupt themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests of the page need a browser and what drives it: `python/test --browser` has both.
collect_ignore = ["page"] if importlib.util.find_spec("selenium") is None else []


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, so that sockets fit into it."""
    folder = Path(tempfile.mkdtemp(prefix="hone-py-", dir="/tmp"))
    yield folder
    # A coordinator whose last user has just left may write its last file meanwhile.
    wait_until(lambda: is_removed(folder))


def is_removed(folder: Path) -> bool:
    """Removes a folder as far as nobody fills it again."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.fixture
def worker(place: Path) -> Iterator[PlayedWorker]:
    """A worker that tells every trial to go on."""
    played = PlayedWorker(place)
    yield played
    played.close()


@pytest.fixture
def real(place: Path) -> Hone:
    """A real Hone that has no studies yet."""
    return Hone(place)


@pytest.fixture
def served(real: Hone) -> Iterator[Served]:
    """A real coordinator that serves."""
    served = Served(real)
    try:
        served.start()
        yield served
    finally:
        served.end()


@pytest.fixture(autouse=True)
def unmade(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the trial of another one, nor that of whoever started the tests."""
    for name in ("SOCKET", "PARAMS", "TRIAL", "STUDY", "SEED", "ATTEMPT", "OUTPUT", "CHECKPOINT"):
        monkeypatch.delenv(f"HONE_{name}", raising=False)
    monkeypatch.setattr(_trial, "_current", None)
