"""The code of `docs/optuna.md`, run from top to bottom, and optuna-dashboard as it says."""

import inspect
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import optuna
import pytest

import hone.optuna

from .support.pages import blocks
from .support.real import LIMIT_S, REPOSITORY, Hone, binary
from .support.served import wait_until
from .support.storage_server import Coordinator

PAGE = (REPOSITORY / "docs" / "optuna.md").read_text()
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One coordinator for all tests."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("docs")))
    yield server
    server.kill()


def here(text: str, server: Coordinator) -> str:
    """What the page says, with the ports of this test and a budget that is soon used up."""
    return text.replace("13000", str(server.optuna)).replace("max_trials=2000", "max_trials=60")


def run(server: Coordinator, *command: str) -> str:
    """Runs a command in the folder of the coordinator."""
    environment = {**server.hone.variables, "PATH": f"{binary().parent}:{server.hone.variables['PATH']}"}
    ended = subprocess.run(
        command, cwd=server.hone.root, env=environment, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_code_runs_from_top_to_bottom(server: Coordinator) -> None:
    program = ["import subprocess"]
    for kind, text in blocks(PAGE):
        if kind == "python":
            program.append(here(text, server))
        for command in [line[2:] for line in here(text, server).splitlines() if line.startswith("$ hone study set")]:
            program.append(f"subprocess.run({command.split()!r}, check=True, stdout=subprocess.DEVNULL)")
    assert len(program) == 8
    assert run(server, sys.executable, "-c", "\n".join(program)).startswith("the budget of 60 trials is used up; ")
    names = {study["name"] for study in server.hone.json("study", "ls")}
    assert names == {"bowl", "bowl again"}
    assert server.hone.json("study", "show", "bowl again")["counts"]["complete"] == 60


def get(port: int, path: str) -> Any:
    """An answer of the dashboard's API."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LIMIT_S) as answer:
        return json.load(answer)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def dashboard(server: Coordinator) -> Iterator[int]:
    """The port of optuna-dashboard, started as the page says."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (line,) = [line for line in PAGE.splitlines() if "optuna_dashboard.run_server" in line]
    program = here(line.split('"')[1], server).replace("8080", str(port))
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stderr=subprocess.DEVNULL)
    wait_until(lambda: listens(port))
    yield port
    process.kill()
    process.wait(timeout=LIMIT_S)


def test_the_dashboard_shows_studies_of_hone(server: Coordinator, dashboard: int) -> None:
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(study_name="shown", storage=server.storage(), sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5) + 1e-3 * trial.suggest_int("y", 0, 9), n_trials=20)
    listed = {summary["study_name"]: summary for summary in get(dashboard, "/api/studies")["study_summaries"]}
    assert "shown" in listed
    path = f"/api/studies/{listed['shown']['study_id']}"
    shown = get(dashboard, path)
    assert [trial["number"] for trial in shown["trials"]] == list(range(20))
    assert sorted(trial["values"][0] for trial in shown["trials"]) == sorted(trial.value for trial in study.trials)
    (importances,) = get(dashboard, f"{path}/param_importances")["param_importances"]
    assert [it["name"] for it in importances] == ["x", "y"]
    assert importances[0]["importance"] > 0.5


def test_the_page_names_every_argument() -> None:
    section = PAGE.split("| Argument | Meaning |")[1].split("\n\n")[0]
    arguments = inspect.signature(hone.optuna.HoneSampler.__init__).parameters
    assert [name for name in arguments if name != "self" and f"`{name}`" not in section] == []
    assert [name for name in hone.optuna.__all__ if name not in PAGE and name != "Ending"] == []
