"""A folder with a store: the commands on it, and the coordinator and the worker that run meanwhile."""

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 60
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """Asks the kernel to end this process when the one that started it is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_for(what, condition):
    """Looks twenty times a second."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


class Place:
    """Runs commands on the store in a folder, of which one loop at a time may make use."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "store"
        self.program = os.environ.get("HONE_BINARY") or shutil.which("hone")
        if self.program is None:
            sys.exit("there is no `hone` on the path; HONE_BINARY names the file")
        # Trials run with the Python that runs this.
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        self.environment = {**os.environ, "HONE_DATA": str(self.data), "PATH": path}
        self.environment.pop("HONE_SERVER", None)
        self.lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another loop works in `{self.folder}`")

    def run(self, *arguments):
        """Runs a command to its end; returns what it printed."""
        command = [self.program, *map(str, arguments)]
        ended = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, preexec_fn=end_with_parent, check=False
        )
        if ended.returncode != 0:
            sys.exit(f"`hone {' '.join(command[1:])}` ended with {ended.returncode}:\n{ended.stderr}")
        return ended.stdout

    def json(self, *arguments):
        """What a command prints with `--output json`."""
        return json.loads(self.run(*arguments, "--output", "json"))

    @contextlib.contextmanager
    def served(self):
        """A coordinator, with its page, and a worker; gives the page's address. What was started here is ended."""
        self.await_former()
        started = []
        try:
            contact = self.contact()
            if contact is None:
                started.append(self.start("serve", "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0"))
                contact = wait_for("the coordinator", lambda: self.contact(started[0]))
            if "page" not in contact:
                sys.exit(f"the coordinator of `{self.data}` serves no page: start it with `hone serve --page`")
            join = ("--join", f"unix:{contact['socket']}", "--folder", str(self.folder / "worker"))
            started.append(self.start("worker", *join, "--name", "labelling", "--drain-hand-back"))
            yield contact["page"]
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()

    def start(self, *arguments):
        """Starts what runs beside the loop; what it says is in a file."""
        path = self.folder / f"{arguments[0]}.log"
        with path.open("w") as log:
            process = subprocess.Popen(
                [self.program, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the loop, which then ends what it has started.
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        with (self.folder / "started").open("a") as started:
            started.write(f"{process.pid}\n")
        return process

    def await_former(self):
        """Waits for what a loop that was killed had started, which is ending."""
        started = self.folder / "started"
        for pid in started.read_text().split() if started.exists() else ():
            wait_for(f"process {pid} to end", lambda pid=pid: not self.is_ours(pid))
        started.unlink(missing_ok=True)

    def is_ours(self, pid):
        """Whether that is a process of this folder, and no later one of the same number."""
        try:
            return str(self.data).encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    def contact(self, process=None):
        """How to reach the coordinator that runs, if there is one. `process`: it is this one, which may be starting."""
        if process is not None and process.poll() is not None:
            sys.exit(f"`hone serve` ended:\n{(self.folder / 'serve.log').read_text()}")
        try:
            contact = json.loads((self.data / "coordinator.json").read_text())
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(contact["socket"])
        except OSError:
            return None
        return contact
