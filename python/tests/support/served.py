"""A real coordinator that serves until it is ended, and can be killed and started again."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hone

from .real import LIMIT_S, Hone


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks every hundredth of a second."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Served:
    """`hone serve` in a folder of its own, on its socket and a port that the system chooses."""

    def __init__(self, hone: Hone) -> None:
        self.hone = hone
        self.process: subprocess.Popen[str] | None = None

    @property
    def data(self) -> Path:
        return self.hone.root / "data"

    def start(self, listen: str = "127.0.0.1:0") -> None:
        """Starts it, and waits until it serves."""
        self.process = self.hone.start("serve", "--listen", listen)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving"), line

    def kill(self) -> None:
        """As a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, and waits until it is gone."""
        if self.process is not None:
            os.killpg(self.process.pid, how)
            self.process.communicate(timeout=LIMIT_S)
            self.process = None

    @contextlib.contextmanager
    def connect(self, lease: float = 60.0) -> Iterator[hone.Client]:
        """A client of it."""
        with hone.connect(data=self.data, lease=lease) as client:
            yield client
