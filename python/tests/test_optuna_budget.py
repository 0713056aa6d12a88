"""The end of a study whose budget is Hone's."""

from collections.abc import Iterator

import grpc
import optuna
import pytest

from hone.optuna import within_budget

from .support.real import Hone
from .support.storage_server import Coordinator, Forwarder

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One coordinator for all tests."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("budget")))
    yield server
    server.kill()


def bowl(trial: optuna.Trial) -> float:
    return trial.suggest_float("x", -5, 5) ** 2  # type: ignore[no-any-return]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_budget_that_is_used_up_ends_the_block(server: Coordinator, jobs: int) -> None:
    name = f"bounded-{jobs}"
    study = optuna.create_study(study_name=name, storage=server.storage())
    server.hone.run("study", "set", name, "max_trials=7")
    with within_budget() as ending:
        study.optimize(bowl, n_jobs=jobs)
    assert ending.reason is not None
    assert ending.reason.startswith("the budget of 7 trials is used up")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 7
    assert server.hone.json("study", "show", name)["state"] == "finished"


def test_so_it_does_behind_a_forwarder(server: Coordinator) -> None:
    forwarder = Forwarder(server.hone)
    study = optuna.create_study(study_name="forwarded", storage=forwarder.storage())
    server.hone.run("study", "set", "forwarded", "max_trials=4")
    with within_budget() as ending:
        study.optimize(bowl)
    assert ending.reason is not None
    assert ending.reason.startswith("the budget of 4 trials is used up")
    forwarder.stop()


def test_so_does_a_study_that_somebody_has_stopped(server: Coordinator) -> None:
    study = optuna.create_study(study_name="stopped", storage=server.storage())

    def stop(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.number == 3:
            server.hone.run("study", "stop", "stopped")

    with within_budget() as ending:
        study.optimize(bowl, callbacks=[stop])
    assert ending.reason is not None
    assert ending.reason.startswith("the study is finished")
    assert len(study.trials) == 4


def test_a_block_that_runs_to_its_end_has_no_reason() -> None:
    with within_budget() as ending:
        pass
    assert ending.reason is None


class Failure(grpc.RpcError):  # type: ignore[misc]
    """What gRPC raises."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self._code, self._message = code, message

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "there is no room on the disk"),
        (grpc.StatusCode.UNAVAILABLE, "connection refused"),
    ],
)
def test_other_errors_stay_errors(code: grpc.StatusCode, message: str) -> None:
    with pytest.raises(grpc.RpcError), within_budget():
        raise Failure(code, message)
