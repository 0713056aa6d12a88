"""A real MLflow tracking server, from an environment of its own, and what it holds, over its REST interface."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

#: Starting takes ten seconds, and several times as long on a machine that is busy.
START_LIMIT_S = 180


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class MlflowServer:
    """A tracking server with its database and artifacts in `folder`; it may be stopped and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self.begin()
        end = time.monotonic() + START_LIMIT_S
        while not self.answers():
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.1)

    def begin(self) -> None:
        """Starts it, in a process group of its own."""
        private = {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.program, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
                    *("--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"),
                    *("--artifacts-destination", str(self.folder / "artifacts"), "--serve-artifacts"),
                ],
                env={**os.environ, **private, "HOME": str(self.folder)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.read() == b"OK")
        except OSError:
            return False

    def send(self, how: signal.Signals) -> None:
        """Signals all its processes."""
        assert self.process is not None
        os.killpg(self.process.pid, how)

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.process.wait(timeout=60)
            self.process = None

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call, GET without a body."""
        request = urllib.request.Request(f"{self.url}/api/2.0/mlflow/{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def experiment(self, name: str) -> Any:
        """The experiment of this name, or `None`."""
        try:
            return self.call("experiments/get-by-name?experiment_name=" + urllib.parse.quote(name))["experiment"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def runs(self, name: str) -> list["Run"]:
        """All runs of an experiment, by the numbers of their trials."""
        experiment = self.experiment(name)
        if experiment is None:
            return []
        found: list[Run] = []
        token = None
        while token != "":
            body = {"experiment_ids": [experiment["experiment_id"]], "max_results": 500, "page_token": token}
            answer = self.call("runs/search", body)
            found += [Run(self, run) for run in answer.get("runs", [])]
            token = answer.get("next_page_token", "")
        return sorted(found, key=lambda run: int(run.tags["hone.number"]))


class Run:
    """A run as the server tells it."""

    def __init__(self, server: MlflowServer, told: Any) -> None:
        self.server = server
        self.id: str = told["info"]["run_id"]
        self.status: str = told["info"]["status"]
        self.times: tuple[int, int] = (told["info"]["start_time"], told["info"].get("end_time", 0))
        data = told["data"]
        self.tags: dict[str, str] = {tag["key"]: tag["value"] for tag in data.get("tags", [])}
        self.params: dict[str, str] = {param["key"]: param["value"] for param in data.get("params", [])}
        self.last: dict[str, float] = {metric["key"]: metric["value"] for metric in data.get("metrics", [])}
        self.inputs: list[Any] = told.get("inputs", {}).get("dataset_inputs", [])

    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """What was reported by step, by metric."""
        curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for name in self.last:
            key = urllib.parse.quote(name)
            for point in self.server.call(f"metrics/get-history?run_id={self.id}&metric_key={key}").get("metrics", []):
                if not name.startswith("value."):
                    curves[name].append((point["step"], point["value"]))
        return {name: sorted(points) for name, points in curves.items()}

    def files(self, path: str) -> dict[str, int]:
        """Sizes of the artifacts below a folder."""
        answer = self.server.call(f"artifacts/list?run_id={self.id}&path={path}")
        return {file["path"]: file.get("file_size", 0) for file in answer.get("files", [])}
