"""SIGTERM: a flag for those who ask for it, and the end for all others."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import hone

from .support.worker import GO_ON, PlayedWorker


def run(script: str, worker: PlayedWorker, term_at: int, place: Path) -> tuple[int, str]:
    """Runs a script as a trial that gets TERM instead of an answer to this step; returns how it ended."""
    process: list[subprocess.Popen[str]] = []
    started, asked_to_end = threading.Event(), list[bool]()

    def answer(line: dict[str, Any]) -> dict[str, Any] | None:
        if line["op"] == "report" and line["step"] == term_at and not asked_to_end:
            assert started.wait(60)
            asked_to_end.append(True)
            process[0].send_signal(signal.SIGTERM)
            return None
        return GO_ON

    worker.answer = answer
    environment = {**os.environ, **worker.environment(HONE_CHECKPOINT=str(place / "checkpoint"))}
    command = [sys.executable, "-c", script]
    process.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    started.set()
    out, _ = process[0].communicate(timeout=60)
    return process[0].returncode, out


def test_a_trial_that_did_not_ask_is_ended_by_term(worker: PlayedWorker, place: Path) -> None:
    script = "import hone; hone.trial().report(1, loss=1); print('went on')"
    assert run(script, worker, 1, place) == (-signal.SIGTERM, "")


def test_a_preemption_ends_the_waiting_and_leaves_time_for_a_checkpoint(worker: PlayedWorker, place: Path) -> None:
    script = """
import hone
trial = hone.trial(handle_preemption=True)
assert not trial.report(1, loss=1)
assert not trial.preempted
assert trial.report(2, loss=1)          # never answered
assert trial.preempted and trial.stopped and not trial.pruned
with trial.save_checkpoint(2) as folder:
    (folder / "state").write_text("2")
assert trial.report(2, loss=1)          # does not wait
try:
    trial.report_or_stop(3, loss=1)
except hone.Preempted as stop:
    print(stop)
"""
    assert run(script, worker, 2, place) == (0, "preempted after step 3\n")
    told = [(line["op"], line["step"]) for line in worker.lines]
    # The last ones are on connections of their own, and nobody waits for them.
    assert told[:3] == [("report", 1), ("report", 2), ("checkpoint", 2)]
    assert (place / "checkpoint" / "state").read_text() == "2"


def test_a_former_handler_is_called_too(worker: PlayedWorker, place: Path) -> None:
    script = """
import hone, signal
signal.signal(signal.SIGTERM, lambda number, frame: print("former", flush=True))
trial = hone.trial(handle_preemption=True)
hone.trial(handle_preemption=True)
trial.report(1, loss=1)
print(trial.preempted)
"""
    assert run(script, worker, 1, place) == (0, "former\nTrue\n")


def test_forked_children_can_still_be_ended_by_term(worker: PlayedWorker, place: Path) -> None:
    script = """
import hone, multiprocessing, time
trial = hone.trial(handle_preemption=True)
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
child.start()
child.terminate()
child.join(60)
print(child.exitcode, trial.preempted, trial.report(1, loss=1))
"""
    assert run(script, worker, 99, place) == (0, "-15 False False\n")


def test_only_the_main_thread_may_ask_for_it(worker: PlayedWorker) -> None:
    errors: list[Exception] = []

    def ask() -> None:
        try:
            worker.trial().handle_preemption()
        except hone.HoneError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_nothing_is_taken_over_unasked() -> None:
    before = signal.getsignal(signal.SIGTERM)
    hone.trial().report(1, loss=1)
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(AttributeError):
        hone.trial().preempted = True  # type: ignore[misc]
