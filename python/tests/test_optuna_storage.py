"""Optuna's own suite for storages, and an unmodified program, against a real coordinator."""

from collections.abc import Iterator

import grpc
import optuna
import pytest
from optuna.storages import GrpcStorageProxy
from optuna.testing.pytest_storages import StorageTestCase

from .support.real import Hone
from .support.storage_server import Coordinator

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One server for the whole suite."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("optuna")))
    yield server
    server.stop()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    server = Coordinator(Hone(tmp_path_factory.mktemp("optuna")))
    yield server
    server.stop()


@pytest.fixture
def storage(shared: Coordinator) -> Iterator[GrpcStorageProxy]:
    """Empty, as the suite wants it."""
    storage = shared.storage()
    for study in storage.get_all_studies():
        storage.delete_study(study._study_id)
    yield storage
    storage.close()


class TestStorage(StorageTestCase):  # type: ignore[misc]
    """Whatever Optuna asks of a storage."""

    @pytest.mark.parametrize("param_names", [["a", "b"], ["b", "a"]])
    def test_get_all_trials_params_order(self, storage: GrpcStorageProxy, param_names: list[str]) -> None:
        pytest.skip("maps have no order on the wire; Optuna skips this for its own proxy")


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_int("y", 0, 9)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    for step in range(3):
        trial.report(x * x + y + 1 / (step + 1), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(x * x + y + (kind == "b"))


def test_an_unmodified_program_leaves_a_study_of_hone(server: Coordinator) -> None:
    study = optuna.create_study(
        study_name="plain",
        storage=server.storage(),
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, n_trials=30)
    shown = server.hone.json("study", "show", "plain")
    assert shown["counts"]["counted"] == 30
    assert shown["best"]["values"] == [study.best_value]
    kinds = [trial["params"]["kind"] for trial in server.hone.trials("plain")]
    assert kinds == [str(trial.params["kind"]) for trial in study.trials]


def test_what_was_answered_survives_the_coordinator_being_killed(server: Coordinator) -> None:
    study = optuna.create_study(study_name="kept", storage=server.storage())
    study.enqueue_trial({"x": 1.0}, user_attrs={"why": "a guess"})
    study.optimize(objective, n_trials=10)
    running = study.ask()
    running.suggest_float("x", -5, 5)
    before = study.trials
    server.kill()
    server.start()
    again = optuna.load_study(study_name="kept", storage=server.storage())
    assert again.trials == before
    again.tell(running.number, 3.0)
    assert again.trials[running.number].value == 3.0


def test_the_budget_is_hones_and_exact(server: Coordinator) -> None:
    study = optuna.create_study(study_name="bounded", storage=server.storage())
    server.hone.run("study", "set", "bounded", "max_trials=7")
    with pytest.raises(grpc.RpcError) as refused:
        study.optimize(objective)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "the budget of 7 trials is used up" in refused.value.details()
    assert len(study.trials) == 7
    assert server.hone.json("study", "show", "bounded")["state"] == "finished"


def test_other_hosts_are_not_served_unless_it_is_typed_in_full(real: Hone) -> None:
    process = real.start("serve", "--optuna", "0.0.0.0:0", "--listen", "127.0.0.1:0")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--insecure-optuna" in error


def test_clients_in_many_processes_take_each_waiting_trial_once(server: Coordinator) -> None:
    study = optuna.create_study(study_name="queue", storage=server.storage())
    for number in range(20):
        study.enqueue_trial({"x": number / 10})
    program = (
        "import optuna, sys\n"
        "study = optuna.load_study(study_name='queue',"
        f" storage=optuna.storages.GrpcStorageProxy(host='127.0.0.1', port={server.optuna}))\n"
        "study.optimize(lambda trial: trial.suggest_float('x', -5, 5), n_trials=10)\n"
    )
    clients = [server.hone.start_python(program) for _ in range(4)]
    assert [client.wait(timeout=120) for client in clients] == [0] * len(clients)
    values = [trial.params["x"] for trial in study.trials]
    assert len(values) == 40
    assert sorted(values[:20]) == [number / 10 for number in range(20)]
