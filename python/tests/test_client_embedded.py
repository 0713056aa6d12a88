"""The coordinator that is started for a program that finds none."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hone

from .support.real import LIMIT_S, Hone, binary
from .support.served import is_running, wait_until


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_BINARY", str(binary()))
    monkeypatch.delenv("HONE_SERVER", raising=False)


def holder_of(data: Path) -> int:
    return int(json.loads((data / "coordinator.json").read_text())["pid"])


def test_it_ends_with_the_client_that_it_was_started_for(real: Hone) -> None:
    data = real.root / "data"
    with hone.connect(data=data) as client:
        pid = holder_of(data)
        assert client.studies() == []
        assert real.json("study", "ls") == []
        # Nobody reaches it from elsewhere.
        assert json.loads((data / "coordinator.json").read_text())["address"] is None
    assert not is_running(pid)
    assert not (data / "coordinator.json").exists()
    with pytest.raises(hone.HoneError, match="this client is closed"):
        client.studies()


def test_programs_share_it_and_the_last_one_ends_it(real: Hone) -> None:
    data = real.root / "data"
    first = hone.connect(data=data)
    pid = holder_of(data)
    with hone.connect(data=data) as second:
        first.close()
        assert second.studies() == []
        assert is_running(pid)
    wait_until(lambda: not is_running(pid))


def test_a_killed_program_leaves_none_behind(real: Hone) -> None:
    variables = {**real.variables, "HONE_BINARY": str(binary())}
    text = "import hone, sys\nclient = hone.connect()\nprint(client.address, flush=True)\nsys.stdin.read()"
    program = subprocess.Popen(
        [sys.executable, "-c", text], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline().startswith("unix:")
    pid = holder_of(real.root / "data")
    assert is_running(pid)
    program.kill()
    program.communicate(timeout=LIMIT_S)
    wait_until(lambda: not is_running(pid))


def test_one_that_is_killed_is_started_again(real: Hone) -> None:
    data = real.root / "data"
    with hone.connect(data=data) as client:
        pid = holder_of(data)
        os.kill(pid, signal.SIGKILL)
        assert client.studies() == []
        again = holder_of(data)
        assert again != pid
    wait_until(lambda: not is_running(again))


def test_a_program_that_closes_nothing_ends_at_once(real: Hone) -> None:
    text = "import hone\nclient = hone.connect(lease=0.3)\nprint(client.studies(), flush=True)"
    variables = {**real.variables, "HONE_BINARY": str(binary())}
    ended = subprocess.run([sys.executable, "-c", text], env=variables, capture_output=True, text=True, timeout=LIMIT_S)
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
    wait_until(lambda: not (real.root / "data" / "coordinator.json").exists())


#: Runs what it gets of the shared budget, and says how much that was.
SHARES = """
import hone
with hone.connect() as client:
    study = client.create_study(name="shared", space={"x": {"float": [0, 1]}}, max_trials=60, load_if_exists=True)
    ran = []
    study.optimize(lambda trial: ran.append(trial.number) or trial.params["x"])
    print(*ran)
"""


def test_programs_that_start_together_share_a_budget(real: Hone) -> None:
    variables = {**real.variables, "HONE_BINARY": str(binary())}
    programs = [
        subprocess.Popen([sys.executable, "-c", SHARES], env=variables, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [program.communicate(timeout=LIMIT_S)[0] for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0]
    assert sorted(int(number) for text in printed for number in text.split()) == list(range(60))
    counts = real.json("study", "show", "shared")["counts"]
    assert (counts["complete"], counts["counted"]) == (60, 60)
