"""Servers of Optuna's storage protocol: a coordinator, the forwarder before one, and a link that can be cut."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from optuna.storages import GrpcStorageProxy

from .real import LIMIT_S, Hone, binary

T = TypeVar("T")


def until(what: str, look: Callable[[], T | None]) -> T:
    """Looks again and again until there is something; fails when there is nothing for too long."""
    end = time.monotonic() + LIMIT_S
    while (found := look()) is None or found is False:
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)
    return found


class Process:
    """A command of Hone that stays. What it says goes into a file, so that it never waits for a reader."""

    def __init__(self, hone: Hone, *arguments: str, **variables: str) -> None:
        self.log = hone.root / f"{arguments[0]}.{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary(), *arguments],
                cwd=hone.root,
                env={**hone.variables, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def says(self, pattern: str) -> re.Match[str]:
        """Waits for a line."""

        def look() -> re.Match[str] | None:
            text = self.log.read_text()
            found = re.search(pattern, text)
            assert found or self.process.poll() is None, f"it has ended:\n{text}"
            return found

        return until(f"it says `{pattern}`", look)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, and returns its exit code."""
        os.kill(self.process.pid, how)
        return self.process.wait(timeout=LIMIT_S)


def storage(port: int) -> GrpcStorageProxy:
    """What programs connect with."""
    proxy = GrpcStorageProxy(host="127.0.0.1", port=port)
    proxy.wait_server_ready(timeout=30)
    return proxy


class Coordinator:
    """`hone serve`, on ports that the system chooses; a later start takes the first one's."""

    def __init__(self, hone: Hone, *arguments: str, host: str = "127.0.0.1", **variables: str) -> None:
        self.hone = hone
        self.host = host
        self.arguments = arguments
        self.variables = variables
        self.port = self.optuna = 0
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        optuna = ["--optuna", f"127.0.0.1:{self.optuna}", *self.arguments]
        self.process = Process(self.hone, "serve", "--listen", f"{self.host}:{self.port}", *optuna, **self.variables)
        self.optuna = int(self.process.says(r"protocol is served on 127\.0\.0\.1:(\d+)\n")[1])
        self.port = int(self.process.says(r"serving .* on [\d.]+:(\d+) and")[1])

    def kill(self) -> None:
        """`kill -9`."""
        self.process.end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it as a person would."""
        assert self.process.end() == 0, self.process.log.read_text()

    def contact(self) -> Any:
        """What it tells this host's commands."""
        return json.loads((Path(self.hone.variables["HONE_DATA"]) / "coordinator.json").read_text())

    def storage(self) -> GrpcStorageProxy:
        """A client without a forwarder."""
        return storage(self.optuna)


class Forwarder:
    """`hone optuna-proxy`."""

    def __init__(self, hone: Hone, *arguments: str, **variables: str) -> None:
        self.process = Process(hone, "optuna-proxy", "--listen", "127.0.0.1:0", *arguments, **variables)
        self.port = int(self.process.says(r"protocol is served on 127\.0\.0\.1:(\d+),")[1])

    def storage(self) -> GrpcStorageProxy:
        """A client behind it."""
        return storage(self.port)

    def stop(self) -> None:
        """Ends it as a person would."""
        assert self.process.end() == 0, self.process.log.read_text()


class Link:
    """A TCP link to a port of this host, whose answers can be kept back and lost."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._passes = threading.Event()
        self._passes.set()
        self._open: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def keep_back(self) -> None:
        """Answers wait from now on."""
        self._passes.clear()

    def cut(self) -> None:
        """Breaks every connection: answers that wait are lost. New ones work."""
        broken, self._open = self._open, []
        for pair in broken:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._passes.set()

    def close(self) -> None:
        """Ends it."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            pair = (near, far)
            self._open.append(pair)
            threading.Thread(target=self._carry, args=(near, far, pair, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, pair, True), daemon=True).start()

    def _carry(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket], answers: bool
    ) -> None:
        try:
            while data := source.recv(65_536):
                if answers:
                    self._passes.wait()
                if pair not in self._open:
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()
