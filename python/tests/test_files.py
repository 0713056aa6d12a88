"""Checkpoints and outputs on the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hone
from hone import _checkpoint

from .support.worker import GO_ON, Line, PlayedWorker


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def trial(worker: PlayedWorker, place: Path) -> hone.Trial:
    """A trial whose checkpoint holds `old`."""
    checkpoint = place / "attempt" / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "old").write_text("old")
    return worker.trial(HONE_CHECKPOINT=str(checkpoint), HONE_OUTPUT=str(place / "attempt" / "output"))


def test_a_checkpoint_is_announced_with_its_step(worker: PlayedWorker, trial: hone.Trial) -> None:
    trial.checkpoint(3)
    trial.checkpoint()
    assert worker.lines == [{"op": "checkpoint", "step": 3}, {"op": "checkpoint", "step": None}]


def test_a_saved_checkpoint_replaces_the_old_one_before_the_worker_hears_of_it(
    worker: PlayedWorker, trial: hone.Trial
) -> None:
    seen: list[list[str]] = []

    def answer(line: Line) -> Line:
        seen.append(names(trial.checkpoint_dir))
        return GO_ON

    worker.answer = answer
    with trial.save_checkpoint(5) as folder:
        (folder / "weights").write_text("new")
        (folder / "deep").mkdir()
        assert names(trial.checkpoint_dir) == ["old"]
    assert seen == [["deep", "weights"]]
    assert worker.lines == [{"op": "checkpoint", "step": 5}]
    assert names(trial.checkpoint_dir.parent) == ["checkpoint"], "something is left beside it"


def test_an_exception_leaves_the_old_checkpoint(worker: PlayedWorker, trial: hone.Trial) -> None:
    with pytest.raises(IsADirectoryError), trial.save_checkpoint(5) as folder:
        folder.write_text("ne")
    assert worker.told == []
    assert (trial.checkpoint_dir / "old").read_text() == "old"
    assert names(trial.checkpoint_dir.parent) == ["checkpoint"]


def test_a_swap_that_fails_puts_the_old_checkpoint_back(trial: hone.Trial) -> None:
    with pytest.raises(FileNotFoundError), _checkpoint.replacement(trial.checkpoint_dir) as folder:
        folder.rmdir()
    assert (trial.checkpoint_dir / "old").read_text() == "old"


def test_a_trial_killed_while_it_writes_leaves_the_old_checkpoint(worker: PlayedWorker, trial: hone.Trial) -> None:
    script = """
import hone, os, signal
with hone.trial().save_checkpoint() as folder:
    (folder / "weights").write_text("ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, **worker.environment(HONE_CHECKPOINT=str(trial.checkpoint_dir))}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, timeout=60)
    assert ended.returncode == -9
    assert names(trial.checkpoint_dir) == ["old"]


def test_a_checkpoint_that_is_refused_is_an_error(worker: PlayedWorker, trial: hone.Trial) -> None:
    worker.answer = lambda line: {"ok": False, "error": "larger than its limit"}
    with pytest.raises(hone.HoneError, match="larger than its limit"), trial.save_checkpoint() as folder:
        (folder / "weights").write_text("new")


def test_files_and_folders_are_kept_under_their_names_or_others(trial: hone.Trial, place: Path) -> None:
    (place / "plots" / "deep").mkdir(parents=True)
    (place / "plots" / "deep" / "a.png").write_text("png")
    (place / "model").write_text("1")
    out = trial.output_dir
    assert trial.log_artifact(place / "plots") == out / "plots"
    assert trial.log_artifact(str(place / "model"), "models/best") == out / "models" / "best"
    (place / "model").write_text("2")
    trial.log_artifact(place / "model", "models/best")
    assert (out / "plots" / "deep" / "a.png").read_text() == "png"
    assert (out / "models" / "best").read_text() == "2"


def test_a_file_that_is_an_output_already_stays(trial: hone.Trial) -> None:
    path = trial.output_dir / "model"
    path.write_text("1")
    assert trial.log_artifact(path) == path
    assert path.read_text() == "1"


@pytest.mark.parametrize("name", ["../x", "/x", "", "a/../../x"])
def test_nothing_is_written_outside_of_the_output_folder(trial: hone.Trial, place: Path, name: str) -> None:
    (place / "model").write_text("1")
    with pytest.raises(hone.HoneError, match="no name below the output folder"):
        trial.log_artifact(place / "model", name)


def test_what_cannot_be_kept_is_an_error(trial: hone.Trial, place: Path) -> None:
    with pytest.raises(FileNotFoundError, match="to keep"):
        trial.log_artifact(place / "nothing")
    with pytest.raises(hone.HoneError, match="holds the output folder itself"):
        trial.log_artifact(place)


def test_the_shortcut_keeps_a_file_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (place / "model").write_text("1")
    assert hone.log_artifact("model").read_text() == "1"
