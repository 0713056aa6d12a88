"""What survives when coordinators and clients are killed."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial

import pytest

import hone
from hone.client import LeaseLost, StudyRecord, Trial, _calls
from hone.client._patience import Patience

from .support.real import LIMIT_S
from .support.served import Served, wait_until

SPACE = {"x": {"float": [0, 1]}}

#: Runs one trial for ever, and says so.
HOLDS = """
import hone, sys, time
client = hone.connect(lease=1.0)
trial = client.study("orphaned").ask()
trial.report(1, value=0.5)
print(trial.number, trial.params["x"], flush=True)
time.sleep(600)
"""


def test_a_killed_coordinator_costs_nothing(served: Served) -> None:
    with served.connect() as client:
        study = client.create_study(space=SPACE, name="kept", max_trials=120, sampler="tpe", seed=1)
        told: list[int] = []
        ran: Counter[int] = Counter()
        lock = threading.Lock()

        def objective(trial: Trial) -> float:
            with lock:
                ran[trial.number] += 1
            trial.report(1, value=trial.params["x"])
            return float(trial.params["x"])

        optimizer = threading.Thread(
            target=study.optimize,
            args=(objective,),
            kwargs={"n_jobs": 3, "callbacks": [lambda _, trial: told.append(trial.number)]},
        )
        optimizer.start()
        for count in (20, 50, 80):
            wait_until(partial(lambda count: len(told) >= count, count))
            served.kill()
            served.start()
        optimizer.join(LIMIT_S)
        assert not optimizer.is_alive()
        # Each trial was run once, told once, and the budget is exact.
        assert sorted(told) == list(range(120))
        assert ran == dict.fromkeys(range(120), 1)
        trials = study.trials
        assert [trial.state for trial in trials] == 120 * ["complete"]
        assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]
        assert [trial.attempts for trial in trials] == 120 * [1]
        assert study.state == "finished"
    assert served.hone.run("store", "verify", "--deep")


def test_a_trial_that_was_asked_for_is_still_held_after_a_restart(served: Served) -> None:
    with served.connect() as client:
        study = client.create_study(space=SPACE)
        trial = study.ask()
        served.kill()
        served.start()
        assert trial.report(1, value=0.5) is False
        assert study.tell(trial, 0.25).attempts == 1


def test_the_trial_of_a_killed_client_is_taken_by_another(served: Served) -> None:
    with served.connect() as client:
        study = client.create_study(space=SPACE, name="orphaned", max_trials=1)
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS],
            env=served.hone.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        number, x = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LIMIT_S)
        seen: list[tuple[int, float, int]] = []

        def objective(trial: Trial) -> float:
            seen.append((trial.number, trial.params["x"], trial.attempt))
            return 1.0

        study.optimize(objective)
        assert seen == [(int(number), float(x), 2)]
        assert study.info.counts["complete"] == 1


def test_a_client_that_was_silent_for_too_long_learns_it(served: Served) -> None:
    with served.connect(lease=0.5) as client, served.connect() as other:
        study = client.create_study(space=SPACE, name="silent", max_trials=1)
        trial = study.ask()
        # Nobody renews any more, as in a process that is stopped.
        client._leases.close()
        taken: list[Trial] = []
        wait_until(lambda: _try_to_take(other, taken))
        assert taken[0].attempt == 2
        assert trial.report(1, value=1) is True
        assert trial.preempted
        assert not trial.pruned
        with pytest.raises(LeaseLost):
            study.tell(trial, 1.0)
        other.study("silent").tell(taken[0], 2.0)
        assert study.best_value == 2.0


def _try_to_take(client: hone.Client, taken: list[Trial]) -> bool:
    try:
        taken.append(client.study("silent").ask())
    except hone.client.NoTrial:
        return False
    return True


def test_renewals_tell_what_is_over(served: Served) -> None:
    with served.connect(lease=0.3) as client:
        study = client.create_study(space=SPACE)
        trial = study.ask()
        study.cancel()
        wait_until(lambda: trial.preempted)
        with pytest.raises(LeaseLost):
            study.tell(trial, 1.0)


def test_a_coordinator_that_stays_away_is_given_up_in_time(served: Served) -> None:
    with hone.connect(data=served.data, retry_for=0.5) as client:
        study = client.create_study(space=SPACE)
        served.kill()
        start = time.monotonic()
        with pytest.raises(
            hone.client.Unreachable, match=r"tried for 0.5 s: .*`hone.connect\(retry_for=…\)` waits longer"
        ):
            study.ask()
        assert time.monotonic() - start < LIMIT_S


def test_what_must_not_be_done_twice_waits_for_the_coordinator(served: Served) -> None:
    with served.connect() as client:
        study = client.create_study(space=SPACE)
        served.kill()
        thread = threading.Timer(0.2, served.start)
        thread.start()
        study.enqueue({"x": 0.5})
        thread.join()
        assert [trial.params["x"] for trial in study.trials] == [0.5]


def test_what_may_have_been_done_is_not_done_again() -> None:
    record = StudyRecord(1, "s", "", "active", "", (("loss", "minimize"),), {}, None, None, "clients", "{}", None)
    patience = Patience(_calls.enqueue(record, {"x": 1}, (), ""), 60.0, "there")
    with pytest.raises(
        hone.client.Unreachable, match=r"at `there` went away before it answered .*look whether it was done"
    ):
        patience.after("UNAVAILABLE", "the connection was reset")
    assert Patience(_calls.get_study("s"), 60.0, "there").after("UNAVAILABLE", "the connection was reset") < 1.0
