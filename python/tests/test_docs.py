"""The code of `docs/python.md`: written to files as it stands there, and run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .support.pages import blocks, commands, files, holds
from .support.real import LIMIT_S, REPOSITORY, Hone, binary

PAGE = (REPOSITORY / "docs" / "python.md").read_text()
BLOCKS, FILES = blocks(PAGE), files(PAGE)


def run_as_told(command: str, real: Hone) -> str:
    """Runs a command of the page in the folder of its files."""
    path = f"{binary().parent}:{real.variables['PATH']}"
    ended = subprocess.run(
        ["sh", "-c", command],
        cwd=real.root / "line",
        env={**real.variables, "PATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return ended.stderr + ended.stdout


def test_the_tutorial_does_what_it_says(real: Hone) -> None:
    folder = real.root / "line"
    folder.mkdir()
    for name in ("train.py", "study.toml"):
        (folder / name).write_text(FILES[name])
    assert [shlex.split(command)[0] for command, _ in commands(PAGE)][:2] == ["python3", "hone"]
    for command, expected in commands(PAGE):
        printed = run_as_told(command, real)
        assert holds(printed, expected), f"`{command}` does not print {expected}, but:\n{printed}"
    assert (folder / "hone-output" / "output" / "line.txt").exists()
    states = {trial["state"] for trial in real.trials("line")}
    assert states == {"complete", "pruned"}


def is_torch(name: str) -> bool:
    """Whether a file of the page needs PyTorch."""
    return "import torch" in FILES[name]


SCRIPTS = [
    pytest.param(name, marks=[pytest.mark.torch] if is_torch(name) else []) for name in FILES if name.endswith(".py")
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_runs_by_hand(name: str, place: Path) -> None:
    (place / name).write_text(FILES[name])
    ended = subprocess.run(
        [sys.executable, name], cwd=place, env=dict(os.environ), capture_output=True, text=True, timeout=LIMIT_S
    )
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^(step 2|final): ", ended.stdout, re.MULTILINE), ended.stdout


def test_every_block_of_python_is_one_of_the_files() -> None:
    texts = [text for kind, text in BLOCKS if kind == "python"]
    assert len(texts) == len(SCRIPTS) >= 7


def test_the_reference_names_what_there_is() -> None:
    import hone

    reference = PAGE.split("## Reference")[1].split("## By hand")[0]
    of_trial, of_package = reference.split("| Of the package")
    documented = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (.*?) \|", of_trial, re.MULTILINE))))
    assert documented == {name for name in vars(hone.Trial) if not name.startswith("_")}
    missing = [name for name in hone.__all__ if f"`{name}" not in of_package and name not in ("Trial", "Params")]
    assert missing == []
