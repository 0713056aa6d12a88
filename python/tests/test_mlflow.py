"""Studies on a real MLflow server: what is there afterwards, whatever was killed meanwhile."""

import base64
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import GrpcStorageProxy

from .support.mlflow import MlflowServer
from .support.real import LIMIT_S, Hone, binary

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]
optuna.logging.set_verbosity(optuna.logging.WARNING)

#: Reports a falling loss and an accuracy, and leaves a file; some trials fail, some are stopped early.
TRIAL = """
import hone, sys
trial = hone.trial()
x = trial.params["x"]
if trial.number % 6 == 5:
    sys.exit("not this one")
for epoch in range(1, 6):
    if trial.report(epoch, **{"loss": x + 1 / epoch, "acc(top 1)": 1 - x}):
        sys.exit()
(trial.output_dir / "model").write_text(str(x) * 100)
(trial.output_dir / "deep").mkdir()
(trial.output_dir / "deep" / "large").write_text("x" * 5000)
trial.report(loss=x)
"""
PRUNED = 'max_trials = 30\nparallel = 2\npruner = { kind = "asha", min_steps = 1, reduction = 2, max_steps = 5 }'


@pytest.fixture(scope="module")
def mlflow() -> Iterator[MlflowServer]:
    """One server for the whole suite, which each test leaves running."""
    folder = Path(tempfile.mkdtemp(prefix="hone-mlflow-", dir="/tmp"))
    server = MlflowServer(os.environ["MLFLOW_PROGRAM"], folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks ten times a second."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


class Coordinator:
    """`hone serve --optuna --mlflow`, on ports that the system chooses; later starts take the first one's."""

    def __init__(self, hone: Hone, *options: str) -> None:
        self.hone = hone
        self.options = options
        self.port = 0
        self.start()

    def start(self) -> None:
        optuna_address = f"127.0.0.1:{self.port}"
        self.log = self.hone.root / "coordinator.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--listen", "127.0.0.1:0", "--optuna", optuna_address, *self.options],
                env=self.hone.variables,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        wait_until(lambda: self.said(r"mirrored on") != "")
        self.port = int(self.said(r"protocol is served on 127\.0\.0\.1:(\d+)"))

    def said(self, pattern: str) -> str:
        """What a line on standard error says, or nothing."""
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(pattern, self.log.read_text())
        return found[found.lastindex or 0] if found else ""

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=60)

    def study(self, name: str) -> optuna.Study:
        storage = GrpcStorageProxy(host="127.0.0.1", port=self.port)
        storage.wait_server_ready(timeout=30)
        return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)

    def mirror(self) -> Any:
        return self.hone.json("store", "info")["mlflow"]

    def wait_for_mirror(self) -> None:
        wait_until(lambda: self.mirror()["behind"] == 0)


@pytest.fixture
def coordinator(real: Hone, mlflow: MlflowServer) -> Iterator[Coordinator]:
    coordinator = Coordinator(real, "--mlflow", mlflow.url)
    yield coordinator
    if coordinator.process.poll() is None:
        coordinator.end()


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def assert_mirrored(hone: Hone, mlflow: MlflowServer, study: str) -> None:
    """Exactly one run for each trial, with the same parameters, values, curves, states and times."""
    trials = hone.trials(study)
    runs = mlflow.runs(f"hone/{study}")
    assert [run.tags["hone.number"] for run in runs] == [str(trial["number"]) for trial in trials]
    objectives = [objective["metric"] for objective in hone.json("study", "show", study)["objectives"]]
    statuses = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
    for run, trial in zip(runs, trials, strict=True):
        assert run.tags["hone.trial_id"] == str(trial["id"])
        assert (run.status, run.tags["hone.state"]) == (statuses[trial["state"]], trial["state"])
        assert {name: text(value) for name, value in trial["params"].items()} == run.params
        values = {
            name: value for name, value in run.last.items() if name.startswith("value.") and name[6:] in objectives
        }
        assert values == {f"value.{name}": value for name, value in zip(objectives, trial["values"], strict=False)}
        told: dict[str, list[tuple[int, float]]] = {}
        for point in trial["curve"]:
            told.setdefault(point["metric"].replace("(", "_").replace(")", "_"), []).append(
                (point["step"], point["value"])
            )
        # What MLflow does not take as a name ends in a hash.
        curves = {re.sub(r"_-[0-9a-f]{8}$", "_", name): points for name, points in run.curves().items()}
        assert curves == {name: sorted(points) for name, points in told.items()}
        assert abs(run.times[0] - milliseconds(trial["started"])) <= 1
        assert abs(run.times[1] - milliseconds(trial["ended"])) <= 1


def text(value: Any) -> str:
    """A parameter as it is written there."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def test_a_study_of_worker_trials_is_there_when_the_command_ends(real: Hone, mlflow: MlflowServer) -> None:
    folder = real.study("worker", TRIAL, search=PRUNED)
    real.run("run", folder, "--mlflow", mlflow.url, "--mlflow-artifacts", "4KiB")
    assert_mirrored(real, mlflow, "worker")
    runs = mlflow.runs("hone/worker")
    assert {run.tags["hone.state"] for run in runs} == {"complete", "pruned", "failed"}
    complete = next(run for run in runs if run.tags["hone.state"] == "complete")
    size = len(complete.params["x"]) * 100
    assert complete.files("outputs") == {"outputs/model": size}
    assert complete.tags["hone.outputs_left_out"] == "deep/large"
    source = complete.tags["hone.source"]
    dataset = complete.inputs[0]["dataset"]
    assert (dataset["digest"], json.loads(dataset["source"])["blake3"]) == (source[:32], source)
    tags = {tag["key"]: tag["value"] for tag in mlflow.experiment("hone/worker")["tags"]}
    best = real.json("study", "show", "worker")["best"]
    assert tags["hone.best"].startswith(f"trial {best['number']}: ")
    assert "[search]" in tags["hone.file"]

    arguments = ["study", "mlflow-register", "worker", "--name", "model", "--alias", "champion", "--mlflow", mlflow.url]
    first, again = real.json(*arguments), real.json(*arguments)
    assert (first["trial"], first["version"], first["existed"]) == (best["number"], "1", False)
    assert again == {**first, "existed": True}
    version = mlflow.call("registered-models/alias?name=model&alias=champion")["model_version"]
    assert (version["version"], version["source"]) == ("1", f"runs:/{first['run']}/outputs")


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    for step in range(3):
        trial.report(x + 1 / (step + 1), step)
    if trial.number % 7 == 3:
        raise optuna.TrialPruned
    return float(x * x + (kind == "b"))


def wait_for_more(mlflow: MlflowServer, before: int) -> None:
    """Waits until trials of the study `kills` are on their way."""
    wait_until(lambda: len(mlflow.runs("hone/kills")) > before)


def test_nothing_is_missing_or_double_whatever_is_killed(
    real: Hone, coordinator: Coordinator, mlflow: MlflowServer
) -> None:
    mlflow.kill()
    coordinator.study("kills").optimize(objective, n_trials=25)
    wait_until(lambda: coordinator.mirror()["trouble"] is not None)
    assert coordinator.mirror()["behind"] == 25
    assert coordinator.log.read_text().count("nothing reaches the MLflow server") == 1
    mlflow.start()
    # The coordinator dies while trials are on their way, three times, once with calls that are answered too late.
    for kill in range(3):
        before = len(mlflow.runs("hone/kills"))
        coordinator.study("kills").optimize(objective, n_trials=25)
        wait_for_more(mlflow, before)
        if kill == 1:
            mlflow.send(signal.SIGSTOP)
        coordinator.end(signal.SIGKILL)
        mlflow.send(signal.SIGCONT)
        coordinator.start()
    # And so does the server.
    before = len(mlflow.runs("hone/kills"))
    coordinator.study("kills").optimize(objective, n_trials=25)
    wait_for_more(mlflow, before)
    mlflow.kill()
    mlflow.start()
    coordinator.wait_for_mirror()
    assert len(mlflow.runs("hone/kills")) == 125
    assert_mirrored(real, mlflow, "kills")


def test_what_is_known_is_not_sent_again_and_what_is_lost_is_looked_for(
    real: Hone, coordinator: Coordinator, mlflow: MlflowServer
) -> None:
    coordinator.study("lost").optimize(objective, n_trials=20)
    coordinator.wait_for_mirror()
    coordinator.end()
    (real.root / "data" / "mlflow.json").unlink()
    coordinator.start()
    coordinator.wait_for_mirror()
    coordinator.study("lost").optimize(objective, n_trials=5)
    coordinator.wait_for_mirror()
    assert_mirrored(real, mlflow, "lost")


def test_what_is_said_of_a_trial_later_is_said_there_too(
    real: Hone, coordinator: Coordinator, mlflow: MlflowServer
) -> None:
    coordinator.study("marks").optimize(objective, n_trials=3)
    coordinator.wait_for_mirror()
    real.run("trial", "note", "marks/1", "look again")
    real.run("trial", "tag", "marks/1", "odd", "kept")
    note = "mlflow.note.content"
    wait_until(lambda: mlflow.runs("hone/marks")[1].tags.get(note) == "look again")
    wait_until(lambda: mlflow.runs("hone/marks")[1].tags.get("hone.tags") == "kept odd")
    coordinator.end()
    coordinator.start()
    real.run("trial", "note", "marks/1", "")
    wait_until(lambda: mlflow.runs("hone/marks")[1].tags[note] == "")
    assert note not in mlflow.runs("hone/marks")[2].tags


def test_an_experiment_that_was_deleted_there_holds_nothing_else_up(
    real: Hone, coordinator: Coordinator, mlflow: MlflowServer
) -> None:
    coordinator.study("deleted").optimize(objective, n_trials=2)
    coordinator.wait_for_mirror()
    experiment = mlflow.experiment("hone/deleted")["experiment_id"]
    coordinator.end()
    mlflow.call("experiments/delete", {"experiment_id": experiment})
    coordinator.start()
    coordinator.study("deleted").optimize(objective, n_trials=2)
    coordinator.study("other").optimize(objective, n_trials=2)
    wait_until(lambda: len(mlflow.runs("hone/other")) == 2)
    assert "--mlflow-prefix" in coordinator.log.read_text()


class Guarded(http.server.BaseHTTPRequestHandler):
    """Wants a name and a password."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Authorization", ""))
        self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_credentials_are_shown_to_the_server_and_nowhere_else(real: Hone) -> None:
    Guarded.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    real.variables |= {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "s3cret-word"}
    real.variables |= {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server.server_port}", "HONE_LOG": "debug"}
    coordinator = Coordinator(real, "--mlflow", "MLFLOW_TRACKING_URI")
    coordinator.study("guarded").optimize(objective, n_trials=1)
    wait_until(lambda: coordinator.mirror()["trouble"] is not None)
    coordinator.end()
    server.shutdown()
    server.server_close()
    assert set(Guarded.asked) == {"Basic " + base64.b64encode(b"ada:s3cret-word").decode()}
    assert "401" in coordinator.log.read_text()
    for path in (real.root / "data").rglob("*"):
        assert not path.is_file() or b"s3cret-word" not in path.read_bytes(), path
    assert "s3cret-word" not in coordinator.log.read_text()
