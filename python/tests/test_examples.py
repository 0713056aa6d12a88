"""The examples in Python, and the wheel that workers on other hosts install."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .support.real import LIMIT_S, REPOSITORY, Hone, binary
from .support.served import is_running, wait_until

EXAMPLES = REPOSITORY / "studies" / "examples"
PACKAGE = REPOSITORY / "python"


def build_wheel(folder: Path) -> Path:
    """A wheel of the package as it is now."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, PACKAGE], check=True, timeout=LIMIT_S)
    (wheel,) = folder.glob("hone-*.whl")
    return wheel


def test_the_wheel_holds_the_package_and_nothing_else(place: Path) -> None:
    with zipfile.ZipFile(build_wheel(place)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = {
        path for path in (PACKAGE / "hone").rglob("*") if path.suffix in (".py", ".pyi") or path.name == "py.typed"
    }
    assert names == {str(path.relative_to(PACKAGE)) for path in files}


def test_setup_makes_an_environment_from_the_wheel(place: Path) -> None:
    study = place / "study"
    shutil.copytree(EXAMPLES / "sklearn", study)
    # Without the libraries, which would have to be fetched.
    (study / "requirements.txt").write_text("")
    (study / "wheels").mkdir()
    build_wheel(study / "wheels")
    bare = Path(sys.base_prefix) / "bin"
    environment = {"PATH": f"{bare}:/usr/bin:/bin", "HOME": str(place), "PIP_NO_INDEX": "1"}
    subprocess.run(["sh", "setup.sh"], cwd=study, env=environment, check=True, timeout=LIMIT_S)
    command = [str(study / "bin" / "python3"), "-c", "import hone; print(hone.__file__)"]
    found = subprocess.run(command, cwd=place, env={}, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(study.resolve()))


def test_the_other_setup_is_the_same_one() -> None:
    sklearn, pytorch = ((EXAMPLES / name / "setup.sh").read_text() for name in ("sklearn", "pytorch"))
    assert sklearn.replace("import hone, sklearn", "import hone, sklearn, torch") == pytorch


def test_setup_does_nothing_where_everything_is_there(place: Path) -> None:
    shutil.copy(EXAMPLES / "sklearn" / "setup.sh", place)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    subprocess.run(["sh", "setup.sh"], cwd=place, env=environment, check=True, timeout=LIMIT_S)
    assert [path.name for path in place.iterdir()] == ["setup.sh"]


def run_example(real: Hone, example: str, study: str, trials: int) -> None:
    """Runs some trials of an example, as its page says, and looks at the best one."""
    real.run("run", str(EXAMPLES / example), "--max-trials", str(trials))
    shown = real.json("study", "show", study)
    assert (shown["counts"]["counted"], shown["counts"]["failed"]) == (trials, 0)
    assert shown["best"]["values"][0] > 0.5
    assert real.json("trial", "show", f"{study}/best")["outputs"], "the best trial keeps no model"


def test_the_sklearn_example_runs(real: Hone) -> None:
    run_example(real, "sklearn", "cancer-sklearn", 4)


@pytest.mark.torch
def test_the_pytorch_example_runs(real: Hone) -> None:
    run_example(real, "pytorch", "digits-pytorch", 3)


@pytest.mark.parametrize("example", ["sklearn", pytest.param("pytorch", marks=pytest.mark.torch)])
def test_the_examples_run_by_hand(place: Path, example: str) -> None:
    script = EXAMPLES / example / "train.py"
    ended = subprocess.run([sys.executable, script], cwd=place, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) in (11, 20)
    assert list((place / "hone-output" / "output").glob("model.*"))


def test_the_optuna_example_runs(real: Hone) -> None:
    script = EXAMPLES / "optuna" / "search.py"
    environment = {**real.variables, "HONE_BINARY": str(binary())}
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, cwd=real.root, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr
    accuracy, _, params = ended.stdout.partition(" with ")
    assert float(accuracy) > 0.97
    assert "kernel" in params
    assert "pruned" in ended.stderr


def test_the_optuna_example_says_which_lines_change() -> None:
    page = (EXAMPLES / "optuna" / "README.md").read_text()
    changes = page.split("```diff")[1].split("```")[0].splitlines()
    script = (EXAMPLES / "optuna" / "search.py").read_text()
    added = [line[1:] for line in changes if line.startswith("+")]
    assert len(added) == 3
    assert all(line.strip() in script for line in added)


class LabellingLoop:
    """The labelling example in a folder of its own: a few rounds of a few trials."""

    def __init__(self, real: Hone) -> None:
        self.folder = real.root / "loop"
        self.hone = real
        self.hone.variables["HONE_DATA"] = str(self.folder / "store")

    def start(self, rounds: int, *options: str) -> subprocess.Popen[str]:
        """Starts it, or goes on with it."""
        few = ["--folder", str(self.folder), "--rounds", str(rounds), "--trials", "2"]
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / "labelling" / "loop.py"), *few, *options],
            cwd=self.hone.root,
            env={**self.hone.variables, "HONE_BINARY": str(binary())},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> str:
        """Waits for its end; returns what it printed."""
        out, error = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, error
        return out

    def rounds(self, kind: str) -> list[dict[str, Any]]:
        """What was measured."""
        lines = [json.loads(line) for line in (self.folder / "rounds.jsonl").read_text().splitlines()]
        return [line for line in lines if line["kind"] == kind]

    def requests(self) -> list[dict[str, Any]]:
        """Every label request in the store."""
        return list(self.hone.json("label", "requests", "digits", "--all"))

    def answers(self) -> list[dict[str, Any]]:
        """Every answer in the store."""
        lines = self.hone.run("label", "export", "digits", "--answers").splitlines()
        return [json.loads(line) for line in lines]

    def labels(self) -> list[dict[str, str]]:
        """Every label in the store."""
        return list(csv.DictReader(self.hone.run("label", "export", "digits", "--format", "csv").splitlines()))


def test_the_labelling_example_closes_the_loop(real: Hone) -> None:
    loop = LabellingLoop(real)
    printed = loop.finish(loop.start(rounds=3))
    assert [line["labels"] for line in loop.rounds("active")] == [20, 30, 40]
    assert [line["labels"] for line in loop.rounds("control")] == [20, 21, 22]
    labels, answers = loop.labels(), loop.answers()
    assert len(labels) == 40
    assert len({label["id"] for label in labels}) == len(answers) == 40
    assert sum(label["control"] == "true" for label in labels) == 22
    assert {answer["annotator"] for answer in answers} == {"robot"}
    # What the models were trained on is a version of a dataset, one a round.
    assert [version["rows"] for version in real.json("dataset", "ls", "digits-labels")] == [20, 30, 40]
    assert "40 labels, 22 of them at random" in printed
    assert "saved        too early: 22 labels were chosen at random, and 30 are needed to compare with" in printed
    assert "what labelling at random takes is told then" in printed
    assert ElementTree.parse(loop.folder / "accuracy.svg").getroot().tag.endswith("svg")
    assert loop.finish(loop.start(rounds=3)) == printed
    assert loop.answers() == answers


def test_the_labelling_example_goes_on_after_a_kill(real: Hone) -> None:
    loop = LabellingLoop(real)
    process = loop.start(rounds=2)
    chosen = loop.folder / "round-1" / "chosen.jsonl"
    wait_until(lambda: chosen.exists() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    for pid in (loop.folder / "started").read_text().split():
        wait_until(lambda pid=pid: not is_running(int(pid)))  # type: ignore[misc]
    asked = chosen.read_text()
    assert "30 labels, 21 of them at random" in loop.finish(loop.start(rounds=2))
    assert chosen.read_text() == asked
    assert len({label["id"] for label in loop.labels()}) == len(loop.answers()) == 30


def test_the_labelling_example_waits_for_a_person(real: Hone) -> None:
    from sklearn.datasets import load_digits

    loop = LabellingLoop(real)
    process = loop.start(1, "--person", "ada")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("label here, ada: http://127.0.0.1:")
    classes = load_digits().target
    wait_until(lambda: len(loop.requests()) == 20)
    for request in loop.requests():
        row = int(request["sample"].removeprefix("digit-"))
        real.run("label", "submit", str(request["request"]), str(classes[row]), "--as", "ada")
    assert "20 labels" in loop.finish(process)
    assert {answer["annotator"] for answer in loop.answers()} == {"ada"}
