"""Starting a coordinator for a program that finds none.

It is `hone serve --while-used`: a process of its own, on a socket in the data folder, which ends when the last one has
left that told it to stay. Nothing has to end it, so a killed program leaves none behind, and several programs share it.
"""

import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from hone._errors import HoneError

from ._place import Place, Wanted, holder, named

#: For a coordinator to be there or to be gone, in seconds: recovery of a large store takes some of them.
START_S = 60.0
LOOK_S = 0.02


class Server:
    """A coordinator that this process has started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        # Whenever it ends, somebody asks how, so that no zombie is left.
        self._reaper = threading.Thread(target=process.wait, name="hone-serve", daemon=True)
        self._reaper.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self, limit_s: float) -> None:
        """Waits until it has ended, or the time is over because others use it."""
        self._reaper.join(limit_s)


def locate(choice: Wanted) -> tuple[Place, Server | None]:
    """Finds the coordinator that is meant, and starts one where nobody holds the data folder."""
    if choice.address is not None:
        return named(choice, choice.address), None
    server, end = None, time.monotonic() + START_S
    while True:
        if (place := holder(choice.data)) is not None:
            return place, server
        if server is None:
            server = _start(choice.data)
        if time.monotonic() > end:
            raise HoneError(f"nobody answers for `{choice.data}`; end the `hone` that holds it, or give `address=…`")
        # Between our look and our start somebody was faster, or has not left yet.
        time.sleep(LOOK_S)


def _start(data: Path) -> Server | None:
    """Starts a coordinator and waits until it serves; `None` where another one holds the folder."""
    command = [program(), "serve", "--while-used", "--data", str(data)]
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={name: value for name, value in os.environ.items() if name != "HONE_SERVER"},
            # Ctrl-C is for this program; the coordinator ends when it is needed no more.
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout:
            serves = bool(process.stdout.readline())
        if serves:
            return Server(process)
        _check(process.wait(), complaints)
    return None


def _check(code: int, complaints: IO[bytes]) -> None:
    """Raises what kept a coordinator from starting, unless another one holds the folder."""
    complaints.seek(0)
    text = complaints.read().decode(errors="replace").strip()
    if code != 4:
        raise HoneError(f"`hone serve` did not start: {text or f'exit code {code}'}")


def program() -> str:
    """`HONE_BINARY`, else the one that came with this package, else `hone` on the path."""
    own = shutil.which("hone", path=sysconfig.get_path("scripts"))
    found = os.environ.get("HONE_BINARY") or own or shutil.which("hone")
    if not found:
        raise HoneError(
            "no coordinator runs here, and there is no `hone` on the path to start one; install it,"
            " name it in HONE_BINARY, or give `hone.connect(address)` the address of a coordinator"
        )
    return found
