"""Reports, as the worker sees them."""

import contextlib
import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

import hone
from hone._channel import Worker
from hone._preemption import Preemption

from .support.worker import GO_ON, PRUNE, PlayedWorker

NAN, INF = float("nan"), float("inf")


def run(script: str, worker: PlayedWorker) -> subprocess.CompletedProcess[str]:
    """Runs a script as a trial of this worker."""
    environment = {**os.environ, **worker.environment()}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_a_report_carries_step_and_values_and_brings_back_the_verdict(worker: PlayedWorker) -> None:
    trial = worker.trial()
    assert trial.report(3, val_loss=0.41, val_accuracy=1) is False
    assert worker.lines == [{"op": "report", "step": 3, "metrics": {"val_loss": 0.41, "val_accuracy": 1.0}}]
    worker.answer = lambda line: PRUNE
    assert trial.report(step=4, val_loss=0.4) is True
    worker.answer = lambda line: GO_ON
    assert trial.report(step=5, val_loss=0.4) is True, "a verdict stands"
    assert trial.pruned
    assert trial.stopped


def test_a_value_without_a_step_is_final(worker: PlayedWorker) -> None:
    worker.trial().report(loss=1.5)
    assert worker.lines == [{"op": "report", "step": None, "metrics": {"loss": 1.5}}]


def test_values_that_are_not_finite_travel_as_words(worker: PlayedWorker) -> None:
    worker.trial().report(1, a=NAN, b=INF, c=-INF)
    assert worker.lines[0]["metrics"] == {"a": "nan", "b": "inf", "c": "-inf"}


def test_whatever_is_a_number_can_be_reported(worker: PlayedWorker) -> None:
    np = pytest.importorskip("numpy")
    values = {"val/loss": np.float32(0.5), "b": Decimal("0.25"), "c": True, "d": np.array(3)}
    worker.trial().report(np.int64(7), **values)
    assert worker.lines == [
        {"op": "report", "step": 7, "metrics": {"val/loss": 0.5, "b": 0.25, "c": 1.0, "d": 3.0}},
    ]


def test_mistakes_are_told_before_anything_is_sent(worker: PlayedWorker) -> None:
    trial = worker.trial()
    with pytest.raises(ValueError, match="nothing to report"):
        trial.report(3)
    with pytest.raises(TypeError, match=r"a step is a whole number, not 0\.4"):
        trial.report(0.4)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="metric `loss` is no number"):
        trial.report(1, loss="low")  # type: ignore[arg-type]
    assert worker.told == []


def test_a_refusal_is_an_error_with_the_workers_words(worker: PlayedWorker) -> None:
    worker.answer = lambda line: {"ok": False, "error": "the disk is full"}
    with pytest.raises(hone.HoneError, match="the worker refused: the disk is full"):
        worker.trial().report(1, loss=1)


@pytest.mark.parametrize("nonsense", ["hello\n", "[]\n", "{}\n", "3\n"])
def test_an_answer_that_is_none_is_an_error(worker: PlayedWorker, nonsense: str) -> None:
    worker.answer = lambda line: nonsense
    with pytest.raises(hone.HoneError, match="which is no answer"):
        worker.trial().report(1, loss=1)


def test_a_worker_that_is_gone_is_an_error(worker: PlayedWorker, place: Path) -> None:
    worker.answer = lambda line: ""
    with pytest.raises(hone.HoneError, match="closed the connection"):
        worker.trial().report(1, loss=1)
    with pytest.raises(hone.HoneError, match="cannot reach the worker at `/nowhere`"):
        hone.Trial({"HONE_SOCKET": "/nowhere"}, {}).report(1, loss=1)


def test_after_an_error_the_next_report_opens_a_new_connection(worker: PlayedWorker) -> None:
    trial = worker.trial()
    worker.answer = lambda line: ""
    with pytest.raises(hone.HoneError):
        trial.report(1, loss=1)
    worker.answer = lambda line: GO_ON
    assert trial.report(2, loss=1) is False
    assert [(connection, line["step"]) for connection, line in worker.told] == [(0, 1), (1, 2)]


def test_threads_take_turns_and_get_their_own_answers(worker: PlayedWorker) -> None:
    worker.answer = lambda line: {"ok": True, "prune": line["step"] % 3 == 0}
    channel = Worker(str(worker.path), Preemption())
    wrong: list[int] = []

    def report(first: int) -> None:
        wrong.extend(s for s in range(first, first + 100) if channel.report(s, {"loss": s}) != (s % 3 == 0))

    threads = [threading.Thread(target=report, args=(100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(worker.told) == 800
    assert {connection for connection, _ in worker.told} == {0}


def test_a_forked_child_has_a_connection_of_its_own(worker: PlayedWorker) -> None:
    script = """
import hone, os, threading
trial = hone.trial()
assert not trial.report(1, loss=1)
# Another thread waits for an answer, under the lock, while the child is made.
threading.Thread(target=trial.report, args=(2,), kwargs={"loss": 2}, daemon=True).start()
import sys
sys.stdin.readline()
child = os.fork()
if child == 0:
    os._exit(7 if trial.report(3, loss=3) else 1)
_, status = os.waitpid(child, 0)
os._exit(os.waitstatus_to_exitcode(status))
"""
    two = threading.Event()

    def answer(line: dict[str, object]) -> dict[str, object] | None:
        if line["step"] == 2:
            two.set()
            return None
        return PRUNE if line["step"] == 3 else GO_ON

    worker.answer = answer
    environment = {**os.environ, **worker.environment()}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, stdin=subprocess.PIPE)
    assert two.wait(60)
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 7, "the child did not get the answer to its own report"
    assert [(connection, line["step"]) for connection, line in worker.told] == [(0, 1), (0, 2), (1, 3)]


def test_pruned_ends_the_process_quietly_with_code_0(worker: PlayedWorker) -> None:
    worker.answer = lambda line: PRUNE
    ended = run("import hone; hone.trial().report_or_stop(1, loss=1); print('went on')", worker)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_no_except_exception_swallows_pruned(worker: PlayedWorker) -> None:
    worker.answer = lambda line: PRUNE
    trial = worker.trial()
    with pytest.raises(hone.Pruned, match="pruned after step 2"), contextlib.suppress(Exception):
        trial.report_or_stop(2, loss=1)


def test_report_or_stop_goes_on_where_there_is_no_reason_to_stop(worker: PlayedWorker) -> None:
    worker.trial().report_or_stop(2, loss=1)
    assert worker.lines[0]["step"] == 2


def test_the_shortcuts_use_the_trial_of_this_process(worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in worker.environment().items():
        monkeypatch.setenv(name, value)
    worker.answer = lambda line: PRUNE
    assert hone.report(1, loss=0.5)
    assert hone.trial() is hone.trial()
    assert hone.trial().pruned
