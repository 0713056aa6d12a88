"""Unmodified Optuna programs that outlive their coordinator, and trials that outlive their programs."""

import functools
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import optuna
import pytest
from optuna.storages import GrpcStorageProxy
from optuna.storages._grpc.auto_generated import api_pb2, api_pb2_grpc
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState

from .support.real import Hone
from .support.storage_server import Coordinator, Forwarder, Link, until

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)

#: Kills of the coordinator while Optuna's suite runs, and the calls among which they are spread.
SUITE_KILLS = 18
SUITE_CALLS = 1_200
#: The fleet: how many programs, trials and kills; a longer run names its own.
PROGRAMS = int(os.environ.get("HONE_OPTUNA_PROGRAMS", "4"))
TRIALS = int(os.environ.get("HONE_OPTUNA_TRIALS", "200"))
KILLS = int(os.environ.get("HONE_OPTUNA_KILLS", "5"))
#: A lease that can be waited for.
SHORT = {"HONE_LEASE_MS": "1500"}


class Chaos:
    """Kills the coordinator in the middle of calls that are chosen beforehand, and starts it again."""

    def __init__(self, coordinator: Coordinator, seed: int) -> None:
        self.coordinator = coordinator
        self.random = random.Random(seed)
        self.due = set(self.random.sample(range(SUITE_CALLS), SUITE_KILLS))
        self.calls = 0
        self.kills = 0
        self.killer: threading.Thread | None = None

    def before_a_call(self) -> None:
        self.calls += 1
        if self.calls not in self.due:
            return
        self.wait()
        self.killer = threading.Thread(target=self.kill, args=(self.random.uniform(0, 0.004),))
        self.killer.start()

    def kill(self, after_s: float) -> None:
        threading.Event().wait(after_s)
        self.coordinator.kill()
        self.coordinator.start()
        self.kills += 1

    def wait(self) -> None:
        if self.killer is not None:
            self.killer.join()


chaos: Chaos


class Harried:
    """A stub whose calls give chaos its moments."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Callable[..., Any]:
        chaos.before_a_call()
        return getattr(self._stub, name)  # type: ignore[no-any-return]


class HarriedStorage(GrpcStorageProxy):  # type: ignore[misc]
    """The storage as programs use it, while the coordinator is killed."""

    _stub: Any

    def _setup(self) -> None:
        super()._setup()
        self._stub = self._cache.grpc_client = Harried(self._stub)


@pytest.fixture(scope="module")
def harried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a forwarder whose coordinator is killed again and again."""
    global chaos
    hone = Hone(tmp_path_factory.mktemp("suite"))
    coordinator, forwarder = Coordinator(hone), Forwarder(hone)
    chaos = Chaos(coordinator, seed=8)
    yield forwarder.port
    chaos.wait()
    forwarder.stop()
    coordinator.stop()
    print(f"{chaos.kills} kills in {chaos.calls} calls")


@pytest.fixture
def storage(harried: int) -> Iterator[GrpcStorageProxy]:
    """Empty, as the suite wants it."""
    storage = HarriedStorage(host="127.0.0.1", port=harried)
    for study in storage.get_all_studies():
        storage.delete_study(study._study_id)
    yield storage
    storage.close()


class TestStorage(StorageTestCase):  # type: ignore[misc]
    """Whatever Optuna asks of a storage, while its coordinator is killed."""

    @pytest.mark.parametrize("param_names", [["a", "b"], ["b", "a"]])
    def test_get_all_trials_params_order(self, storage: GrpcStorageProxy, param_names: list[str]) -> None:
        pytest.skip("maps have no order on the wire; Optuna skips this for its own proxy")


def test_the_suite_met_the_kills(harried: int) -> None:
    chaos.wait()
    assert chaos.kills == SUITE_KILLS, f"{chaos.calls} calls"


@pytest.fixture
def coordinator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    coordinator = Coordinator(Hone(tmp_path_factory.mktemp("coordinator")))
    yield coordinator
    coordinator.stop()


@pytest.fixture
def forwarder(coordinator: Coordinator) -> Iterator[Forwarder]:
    forwarder = Forwarder(coordinator.hone)
    yield forwarder
    forwarder.stop()


FLEET = """
import sys, grpc, optuna
port, witness = int(sys.argv[1]), sys.argv[2]
storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=port)
study = optuna.load_study(study_name="fleet", storage=storage, pruner=optuna.pruners.NopPruner())

def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    for step in range(3):
        trial.report(x + step, step)
    with open(witness, "a") as file:
        file.write(f"{trial.number} {x!r}\\n")
    return x * x

try:
    study.optimize(objective, n_trials=None)
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
"""


def have_ended(study: optuna.Study, count: int) -> bool | None:
    return len(study.get_trials(states=[TrialState.COMPLETE])) >= count or None


def test_programs_go_on_while_their_coordinator_is_killed_and_the_budget_is_exact(
    coordinator: Coordinator, forwarder: Forwarder, tmp_path: Path
) -> None:
    hone, chance = coordinator.hone, random.Random(5)
    study = optuna.create_study(study_name="fleet", storage=forwarder.storage())
    hone.run("study", "set", "fleet", f"max_trials={TRIALS}")
    witness = [tmp_path / f"program-{number}" for number in range(PROGRAMS)]
    programs = [hone.start_python(FLEET, str(forwarder.port), str(path)) for path in witness]
    for kill in range(KILLS):
        due = (kill + 1) * TRIALS // (KILLS + 1)
        until("more trials have ended", functools.partial(have_ended, study, due))
        threading.Event().wait(chance.uniform(0, 0.05))
        coordinator.kill()
        coordinator.start()
    assert [program.wait(timeout=600) for program in programs] == [0] * PROGRAMS
    trials = study.trials
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert [trial.value for trial in trials] == [trial.params["x"] * trial.params["x"] for trial in trials]
    assert {len(trial.intermediate_values) for trial in trials} == {3}
    run = sorted(line.split() for path in witness for line in path.read_text().splitlines())
    assert run == sorted([str(trial.number), repr(trial.params["x"])] for trial in trials), "a trial was run twice"
    shown = hone.json("study", "show", "fleet")
    assert (shown["state"], shown["counts"]["counted"]) == ("finished", TRIALS)


HOLDER = """
import sys, optuna
storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=int(sys.argv[1]))
trial = optuna.load_study(study_name="held", storage=storage).ask()
trial.suggest_float("x", -5, 5)
print(trial.number, flush=True)
sys.stdin.read()
"""


def begin(hone: Hone, port: int) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a program that takes a trial and computes for ever."""
    program = hone.start_python(HOLDER, str(port), pipe=subprocess.PIPE)
    assert program.stdout is not None
    return program, int(program.stdout.readline())


def kill(program: subprocess.Popen[bytes]) -> None:
    program.send_signal(signal.SIGKILL)
    program.communicate(timeout=60)


def waits_again_when_its_program_is_killed(hone: Hone, port: int, storage: GrpcStorageProxy) -> None:
    study = optuna.create_study(study_name="held", storage=storage)
    living, kept = begin(hone, port)
    doomed, lost = begin(hone, port)
    kill(doomed)
    until("its trial waits again", lambda: study.trials[lost].state == TrialState.WAITING)
    assert study.trials[kept].state == TrialState.RUNNING, "the other program is there, though it says nothing"
    before = study.trials[lost].params
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5), n_trials=1)
    assert (len(study.trials), study.trials[lost].state) == (2, TrialState.COMPLETE)
    assert study.trials[lost].params == before
    kill(living)


def test_a_killed_programs_trial_is_finished_by_another(tmp_path_factory: pytest.TempPathFactory) -> None:
    coordinator = Coordinator(Hone(tmp_path_factory.mktemp("direct")), "--optuna-grace", "1s")
    waits_again_when_its_program_is_killed(coordinator.hone, coordinator.optuna, coordinator.storage())
    coordinator.stop()


def test_a_killed_programs_trial_behind_a_forwarder_is_finished_by_another(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    coordinator = Coordinator(Hone(tmp_path_factory.mktemp("behind")), **SHORT)
    forwarder = Forwarder(coordinator.hone, **SHORT)
    waits_again_when_its_program_is_killed(coordinator.hone, forwarder.port, forwarder.storage())
    forwarder.stop()
    coordinator.stop()


def test_without_a_grace_time_a_killed_programs_trial_stays_its_own(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    coordinator = Coordinator(Hone(tmp_path_factory.mktemp("never")), "--optuna-grace", "0s", **SHORT)
    forwarder = Forwarder(coordinator.hone, **SHORT)
    study = optuna.create_study(study_name="held", storage=coordinator.storage())
    direct, kept = begin(coordinator.hone, coordinator.optuna)
    forwarded, lost = begin(coordinator.hone, forwarder.port)
    kill(direct)
    kill(forwarded)
    until("the other one waits again", lambda: study.trials[lost].state == TrialState.WAITING)
    assert study.trials[kept].state == TrialState.RUNNING
    forwarder.stop()
    coordinator.stop()


@pytest.fixture
def link(coordinator: Coordinator) -> Iterator[tuple[Link, Forwarder]]:
    """A forwarder whose link to the coordinator can be cut."""
    link = Link(coordinator.port)
    token = coordinator.contact()["token"]
    forwarder = Forwarder(coordinator.hone, "--server", f"127.0.0.1:{link.port}", HONE_TOKEN=token)
    yield link, forwarder
    forwarder.stop()
    link.close()


def test_what_was_done_is_not_done_again_when_its_answer_is_lost(
    coordinator: Coordinator, link: tuple[Link, Forwarder]
) -> None:
    (cable, forwarder), witness = link, coordinator.storage()
    through = forwarder.storage()
    with ThreadPoolExecutor() as pool:

        def lose_the_answer(call: Callable[[], Any], is_done: Callable[[], bool]) -> Any:
            cable.keep_back()
            answer = pool.submit(call)
            until("it is done", lambda: is_done() or None)
            cable.cut()
            return answer.result(timeout=60)

        directions = [optuna.study.StudyDirection.MINIMIZE]
        study = lose_the_answer(
            lambda: through.create_new_study(directions, "lossy"), lambda: len(witness.get_all_studies()) == 1
        )
        assert [found._study_id for found in witness.get_all_studies()] == [study]
        trial = lose_the_answer(
            lambda: through.create_new_trial(study), lambda: len(witness.get_all_trials(study)) == 1
        )
        assert [found._trial_id for found in witness.get_all_trials(study)] == [trial]
        lose_the_answer(
            lambda: through.set_trial_state_values(trial, TrialState.COMPLETE, [1.0]),
            lambda: witness.get_trial(trial).state == TrialState.COMPLETE,
        )
        whole = optuna.trial.create_trial(value=2.0)
        finished = lose_the_answer(
            lambda: through.create_new_trial(study, whole), lambda: len(witness.get_all_trials(study)) == 2
        )
        assert [found._trial_id for found in witness.get_all_trials(study)] == [trial, finished]
        queued = through.create_new_trial(study, optuna.trial.create_trial(state=TrialState.WAITING))
        took = lose_the_answer(
            lambda: through.set_trial_state_values(queued, TrialState.RUNNING),
            lambda: witness.get_trial(queued).state == TrialState.RUNNING,
        )
        assert (took, witness.set_trial_state_values(queued, TrialState.RUNNING)) == (True, False)
        lose_the_answer(lambda: through.delete_study(study), lambda: not witness.get_all_studies())


def test_a_take_that_is_sent_again_is_true_for_its_taker_alone(coordinator: Coordinator) -> None:
    study = optuna.create_study(study_name="queue", storage=coordinator.storage())
    study.enqueue_trial({"x": 1.0})
    trial = study.trials[0]._trial_id

    def take(request: str) -> bool:
        with grpc.insecure_channel(f"127.0.0.1:{coordinator.optuna}") as channel:
            stub = api_pb2_grpc.StorageServiceStub(channel)
            wanted = api_pb2.SetTrialStateValuesRequest(trial_id=trial, state=api_pb2.RUNNING)
            return bool(stub.SetTrialStateValues(wanted, metadata=[("hone-request-id", request)]).trial_updated)

    assert [take("a" * 32), take("b" * 32), take("a" * 32)] == [True, False, True]
    coordinator.kill()
    coordinator.start()
    assert [take("b" * 32), take("a" * 32)] == [False, True]
    with pytest.raises(grpc.RpcError) as refused:
        take("once more")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_another_host_reaches_the_coordinator_over_tls_with_a_token_that_outlives_a_restart(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    hone = Hone(tmp_path_factory.mktemp("tls"))
    coordinator = Coordinator(hone, host="0.0.0.0")
    (token := tmp_path / "token").write_text(coordinator.contact()["token"])
    token.chmod(0o600)
    authority = Path(hone.variables["HONE_DATA"]) / "tls" / "authority.pem"
    elsewhere = Hone(tmp_path_factory.mktemp("elsewhere"))
    place = ("--server", f"127.0.0.1:{coordinator.port}", "--ca", str(authority))
    forwarder = Forwarder(elsewhere, *place, "--token-file", str(token))
    study = optuna.create_study(study_name="far", storage=forwarder.storage())
    running = study.ask()
    coordinator.kill()
    coordinator.start()
    study.tell(running, 1.0)
    assert study.best_value == 1.0
    stranger = Forwarder(elsewhere, *place, HONE_TOKEN="guessed")
    with pytest.raises(grpc.RpcError) as refused:
        stranger.storage().get_all_studies()
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    stranger.stop()
    forwarder.stop()
    coordinator.stop()


def test_a_call_fails_when_the_coordinator_is_away_for_longer_than_the_hold(real: Hone) -> None:
    forwarder = Forwarder(real, "--hold", "100ms")
    with pytest.raises(grpc.RpcError) as failed:
        forwarder.storage().get_all_studies()
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "cannot reach the coordinator" in failed.value.details()
    forwarder.stop()


def test_a_forwarder_that_is_told_to_stop_lets_no_call_wait(real: Hone) -> None:
    forwarder = Forwarder(real)
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(forwarder.storage().get_all_studies)
        forwarder.process.says("calls wait for it")
        forwarder.stop()
        assert waits.exception(timeout=60) is not None


def test_other_hosts_are_not_forwarded(real: Hone) -> None:
    process = real.start("optuna-proxy", "--listen", "0.0.0.0:0")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "loopback" in error
