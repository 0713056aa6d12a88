"""`optimize`, in threads of this process, against a real coordinator."""

import itertools
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import hone
from hone.client import NoTrial, Trial, TrialRecord
from hone.client._held import RENEWALS

from .support.real import LIMIT_S, Hone
from .support.served import Served, wait_until

SPACE = {"x": {"float": [0, 1]}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(Hone(tmp_path_factory.mktemp("hone")))
    served.start()
    yield served
    served.end()


@pytest.fixture
def client(served: Served) -> Iterator[hone.Client]:
    with served.connect() as client:
        yield client


def calls(client: hone.Client, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what is sent from now on, but for leases, which go by the clock."""
    sent: Counter[str] = Counter()
    send = client._transport.call

    def count(call: Any, *more: Any, **options: Any) -> Any:
        sent[call.method.path.rpartition("/")[2]] += 1
        return send(call, *more, **options)

    monkeypatch.setattr(client._transport, "call", count)
    return sent


def test_a_declared_space_costs_two_calls_a_trial(client: hone.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    study = client.create_study(space=SPACE)
    sent = calls(client, monkeypatch)
    study.optimize(lambda trial: trial.params["x"] + trial.suggest_float("x", 0, 1), n_trials=10)
    assert sent == {"Ask": 10, "Tell": 10}
    assert study.info.counts["complete"] == 10


def test_it_ends_quietly_with_the_budget(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, max_trials=7)
    study.optimize(lambda trial: trial.params["x"])
    study.optimize(lambda trial: trial.params["x"])
    assert study.info.counts["counted"] == 7
    assert study.state == "finished"
    assert study.best_value == min(trial.params["x"] for trial in study.trials)


def test_the_search_is_better_than_chance(client: hone.Client) -> None:
    def bowl(trial: Trial) -> float:
        return (trial.suggest_float("x", -5, 5) - 1) ** 2 + (trial.suggest_float("y", -5, 5) + 2) ** 2

    study = client.create_study(sampler="tpe", seed=1)
    study.optimize(bowl, n_trials=60)
    assert study.best_value < 0.5
    assert set(study.explain().importances) == {"x", "y"}


def test_jobs_run_side_by_side_and_keep_the_budget(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, max_trials=41, sampler="random")
    together = threading.Barrier(4, timeout=LIMIT_S)
    counter = itertools.count()
    names = set()

    def objective(trial: Trial) -> float:
        # The first four meet: they cannot run one after the other.
        if next(counter) < 4:
            together.wait()
        names.add(threading.current_thread().name)
        return float(trial.params["x"])

    study.optimize(objective, n_jobs=4)
    assert next(counter) == 41
    assert len(names) >= 4
    assert [trial.number for trial in study.trials] == list(range(41))
    assert all(trial.state == "complete" for trial in study.trials)


def test_lanes_that_wait_ask_together(client: hone.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    study = client.create_study(space=SPACE, sampler="random")
    sent = calls(client, monkeypatch)
    together = threading.Barrier(8, timeout=LIMIT_S)

    def objective(trial: Trial) -> float:
        together.wait()
        return 0.0

    study.optimize(objective, n_trials=64, n_jobs=8)
    assert sent["Tell"] == 64
    assert sent["Ask"] < 60


def test_the_number_of_trials_is_that_of_this_call(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, max_trials=100)
    study.optimize(lambda trial: 0.0, n_trials=3, n_jobs=8)
    study.optimize(lambda trial: 0.0, n_trials=2)
    study.optimize(lambda trial: 0.0, n_trials=0)
    assert len(study.trials) == 5


def test_it_ends_when_its_time_is_over(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, sampler="random")
    start = time.monotonic()
    study.optimize(lambda trial: 0.0, timeout=0.3)
    assert 0.3 <= time.monotonic() - start < LIMIT_S
    assert len(study.trials) > 1


def test_an_exception_fails_the_trial_and_ends_the_call(client: hone.Client) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 2:
            raise ValueError("a bad batch")
        return 0.0

    for jobs in (1, 3):
        study = client.create_study(space=SPACE)
        with pytest.raises(ValueError, match="a bad batch"):
            study.optimize(objective, n_trials=20, n_jobs=jobs)
        failed = study.trial(2)
        assert failed.state == "failed"
        assert "ValueError: a bad batch" in failed.end
        # What nobody had begun waits for another call.
        states = Counter(trial.state for trial in study.trials)
        assert set(states) <= {"complete", "failed", "waiting"}
        assert states["failed"] == 1


def test_what_is_caught_fails_the_trial_alone(client: hone.Client) -> None:
    def objective(trial: Trial) -> float:
        raise (ValueError if trial.number % 2 else KeyError)(f"trial {trial.number}")

    study = client.create_study(space=SPACE, max_trials=4)
    study.optimize(objective, catch=(ValueError, KeyError))
    assert [trial.state for trial in study.trials] == 4 * ["failed"]
    with pytest.raises(KeyError):
        client.create_study(space=SPACE).optimize(objective, catch=ValueError)


def test_a_result_that_is_none_fails_the_trial_alone(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    study.optimize(lambda trial: math.nan if trial.number == 0 else 1.0, n_trials=2)
    assert [trial.state for trial in study.trials] == ["failed", "complete"]
    assert "the value of `value` is nan" in study.trial(0).end


def test_a_trial_that_fails_may_be_tried_again(client: hone.Client) -> None:
    tried: Counter[int] = Counter()

    def objective(trial: Trial) -> float:
        tried[trial.number] += 1
        if trial.number == 1 and tried[1] < 3:
            raise OSError("the disk was busy")
        if trial.number == 3:
            raise OSError("always")
        return 0.0

    study = client.create_study(space=SPACE, max_trials=5)
    study.optimize(objective, retries=2, catch=OSError)
    assert tried == {0: 1, 1: 3, 2: 1, 3: 3, 4: 1}
    assert [trial.state for trial in study.trials] == ["complete", "complete", "complete", "failed", "complete"]
    assert [trial.attempts for trial in study.trials] == [1, 3, 1, 3, 1]


def test_the_pruner_ends_trials_through_the_objective(client: hone.Client) -> None:
    pruner = {"kind": "asha", "min_steps": 1, "reduction": 3, "max_steps": 9}

    def train(trial: Any) -> None:
        for epoch in range(1, 10):
            trial.report_or_stop(epoch, loss=trial.params["x"] + 1 / epoch)

    def polite(trial: Any) -> float:
        loss = 0.0
        for epoch in range(1, 10):
            loss = trial.params["x"] + 1 / epoch
            if trial.report(epoch, loss=loss):
                break
        return loss

    for objective in (train, polite):
        study = client.create_study(space=SPACE, pruner=pruner, metric="loss", max_trials=12, sampler="random")
        study.optimize(objective)
        states = Counter(trial.state for trial in study.trials)
        assert set(states) == {"complete", "pruned"}, states
        for trial in study.trials:
            assert trial.last_step is not None
            assert (trial.state == "pruned") == (trial.last_step < 9)


def test_one_function_serves_workers_and_this_process(client: hone.Client) -> None:
    def train(trial: Any) -> None:
        x = trial.params["x"]
        for epoch in range(1, 4):
            trial.report_or_stop(epoch, loss=x / epoch)
        (trial.output_dir / "x").write_text(str(x))
        trial.log_artifact(trial.output_dir / "x", "copy")
        assert trial.attempt >= 1
        assert trial.seed < 2**32
        assert trial.study == study.name
        assert not trial.by_hand

    study = client.create_study(space=SPACE, metric="loss")
    study.optimize(train, n_trials=1)
    assert [file.path for file in study.trial(0).outputs] == ["copy", "x"]
    public = {name for name in vars(hone.Trial) if not name.startswith("_")}
    missing = {name for name in public if not hasattr(Trial, name)}
    # A program that holds a trial has neither checkpoints of its own nor anybody who preempts it.
    assert missing == {"checkpoint", "checkpoint_dir", "save_checkpoint", "handle_preemption", "study_seed"}


def test_callbacks_see_each_trial_and_may_end_the_study(client: hone.Client) -> None:
    seen: list[TrialRecord] = []

    def stop_at_five(study: hone.Study, trial: TrialRecord) -> None:
        seen.append(trial)
        if len(seen) == 5:
            study.stop()

    study = client.create_study(space=SPACE)
    study.optimize(lambda trial: float(trial.number), callbacks=[stop_at_five])
    assert [trial.value for trial in seen] == [0, 1, 2, 3, 4]
    assert study.state == "finished"


def test_it_waits_while_the_study_is_paused(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    study.pause()
    ended = threading.Event()

    def run() -> None:
        study.optimize(lambda trial: 0.0, n_trials=3)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert not ended.wait(0.2)
    study.resume()
    assert ended.wait(LIMIT_S)
    assert len(study.trials) == 3


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_interruption_gives_running_trials_back(client: hone.Client, jobs: int) -> None:
    study = client.create_study(space=SPACE, max_trials=10)
    go_on, together = threading.Event(), threading.Barrier(jobs, timeout=LIMIT_S)

    def objective(trial: Trial) -> float:
        if trial.number >= 4:
            together.wait()
        if trial.number == 4:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if trial.number >= 4:
            go_on.wait(LIMIT_S if jobs > 1 else 0.0)
            for _ in range(10**9):
                if trial.report(1, value=1):
                    break
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_jobs=jobs)
    go_on.set()
    wait_until(lambda: study.info.counts["running"] == 0)
    assert study.info.counts["failed"] == 0
    assert study.info.counts["waiting"] == jobs
    study.optimize(lambda trial: 0.0)
    assert [trial.state for trial in study.trials] == 10 * ["complete"]


def test_a_study_of_workers_is_not_run_here(client: hone.Client) -> None:
    study = client.create_study({"source": "none", "space": SPACE, "trial": {"command": ["true"]}})
    with pytest.raises(hone.HoneError, match="worker"):
        study.optimize(lambda trial: 0.0)


def test_wrong_usage_is_named(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    with pytest.raises(ValueError, match="`n_jobs` is 0; at least one trial"):
        study.optimize(lambda trial: 0.0, n_jobs=0)
    with pytest.raises(ValueError, match="`n_trials` is -1; leave it out"):
        study.optimize(lambda trial: 0.0, n_trials=-1)


def test_progress_is_shown_by_tqdm(client: hone.Client, capsys: pytest.CaptureFixture[str]) -> None:
    study = client.create_study(space=SPACE, name="shown")
    study.optimize(lambda trial: trial.number / 3, n_trials=4, show_progress_bar=True)
    error = capsys.readouterr().err
    assert "shown: 100%" in error
    assert "4/4" in error
    assert "best value=0" in error


def test_progress_is_shown_by_lines_without_tqdm(
    client: hone.Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    study = client.create_study(space=SPACE, name="lines", direction="maximize")
    study.optimize(lambda trial: trial.number / 3, n_trials=2, show_progress_bar=True)
    assert capsys.readouterr().err.splitlines() == [
        "lines: 1 of 2 trials  best value=0",
        "lines: 2 of 2 trials  best value=0.333333",
    ]


def test_a_long_trial_keeps_its_lease(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with served.connect(lease=0.6) as client:
        study = client.create_study(space=SPACE, max_trials=1)
        sent = calls(client, monkeypatch)
        trial = study.ask()
        # The time of two leases passes.
        wait_until(lambda: sent["Renew"] > 2 * RENEWALS)
        with pytest.raises(NoTrial):
            study.ask()
        assert study.tell(trial, 1.0).attempts == 1
