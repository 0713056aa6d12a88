"""Studies from one of Optuna's storages to another, Hone's among them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import Study
from optuna.trial import TrialState

from hone import HoneError
from hone.client import NotFound, Unreachable
from hone.optuna import _copy, copy_study

from .support.real import Hone
from .support.storage_server import Coordinator

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One coordinator for all tests."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("copy")))
    yield server
    server.kill()


def objective(trial: optuna.Trial) -> float:
    """Of all kinds: parameters, states, reports, attributes."""
    x = trial.suggest_float("x", 1e-3, 1, log=True)
    y = trial.suggest_int("y", 0, 100, step=5)
    kind = trial.suggest_categorical("kind", [None, True, 2, 0.5, "text"])
    trial.set_user_attr("note", {"of": kind, "text": "käse"})
    trial.storage.set_trial_system_attr(trial._trial_id, "constraints:c", x - 0.5)
    trial.report(math.inf if trial.number == 1 else x, 0)
    trial.report(math.nan if trial.number == 2 else y, 7)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ValueError("broken")
    return -math.inf if trial.number == 5 else x + y


def make(storage: Any, name: str = "bowl") -> Study:
    """A study with trials of all states."""
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    study.set_user_attr("why", ["to", "see"])
    study.set_metric_names(["score"])
    study.optimize(objective, n_trials=8, catch=ValueError)
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.5})
    study.ask()
    assert {trial.state for trial in study.trials} == set(TrialState)
    return study


def described(study: Study) -> str:
    """All that Optuna shows of a study; as text, in which NaN is equal to itself."""
    trials = [
        (_copy._content(trial), trial.datetime_start, trial.datetime_complete, trial.number)
        for trial in study.get_trials(deepcopy=False)
    ]
    return repr((study.directions, study.user_attrs, sorted(study.metric_names or []), trials))


@pytest.fixture(params=["sqlite", "journal", "hone"])
def target(request: pytest.FixtureRequest, server: Coordinator, tmp_path: Path) -> str:
    """A storage by its URL."""
    if request.param == "hone":
        storage = server.storage()
        for study in storage.get_all_studies():
            storage.delete_study(study._study_id)
        return f"hone://127.0.0.1:{server.optuna}"
    return f"sqlite:///{tmp_path}/studies.db" if request.param == "sqlite" else str(tmp_path / "studies.log")


def test_a_copy_is_what_was_copied(target: str) -> None:
    original = make(InMemoryStorage())
    copy = copy_study("bowl", original._storage, target)
    assert described(copy) == described(original)


def test_there_and_back(target: str, tmp_path: Path) -> None:
    make(f"sqlite:///{tmp_path}/first.db")
    there = copy_study("bowl", f"sqlite:///{tmp_path}/first.db", target, new_name="other")
    back = copy_study("other", target, str(tmp_path / "back.log"))
    assert described(back) == described(there)
    assert back.study_name == "other"


def test_a_copy_that_is_there_is_left_alone_and_a_part_of_one_completed(target: str) -> None:
    original = make(InMemoryStorage())
    copy_study("bowl", original._storage, target)
    assert described(copy_study("bowl", original._storage, target)) == described(original)
    for number in range(3):
        original.add_trial(optuna.create_trial(value=number))
    assert described(copy_study("bowl", original._storage, target)) == described(original)


def test_another_study_of_that_name_is_not_touched(target: str) -> None:
    optuna.create_study(
        study_name="bowl", storage=_copy._open(target, must_exist=False), direction="maximize"
    ).add_trial(optuna.create_trial(value=1.0))
    before = described(optuna.load_study(study_name="bowl", storage=_copy._open(target, must_exist=True)))
    source = InMemoryStorage()
    make(source)
    with pytest.raises(
        DuplicatedStudyError, match=r"no earlier copy of this one: its trial 0 differs; give .* `new_name`"
    ):
        copy_study("bowl", source, target)
    assert described(optuna.load_study(study_name="bowl", storage=_copy._open(target, must_exist=True))) == before


def test_a_study_that_is_further_than_its_source_is_not_touched() -> None:
    source, target = InMemoryStorage(), InMemoryStorage()
    make(source)
    copy_study("bowl", source, target).add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(DuplicatedStudyError, match="it has 11 trials, and the source 10"):
        copy_study("bowl", source, target)


def test_a_study_with_other_directions_is_not_touched() -> None:
    source, target = InMemoryStorage(), InMemoryStorage()
    make(source)
    optuna.create_study(study_name="bowl", storage=target)
    with pytest.raises(DuplicatedStudyError, match="its directions differ"):
        copy_study("bowl", source, target)


def test_hone_shows_what_was_copied(server: Coordinator) -> None:
    study = make(InMemoryStorage())
    copy_study("bowl", study._storage, f"hone://127.0.0.1:{server.optuna}", new_name="shown")
    shown = server.hone.json("study", "show", "shown")
    assert shown["counts"]["complete"] == 6
    assert shown["best"]["values"] == [study.best_value]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("sqlite:///missing.db", NotFound, "there is no file `missing.db`"),
        ("missing.log", NotFound, "there is no file `missing.log`"),
        ("hone://", HoneError, "write `hone://HOST:PORT`"),
        (InMemoryStorage(), NotFound, "the source has no study `bowl`; it has none"),
    ],
)
def test_a_source_that_is_not_there_is_not_made(
    source: str | BaseStorage, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        copy_study("bowl", source, InMemoryStorage())
    assert list(tmp_path.iterdir()) == []


def test_where_nobody_speaks_the_protocol_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_copy, "READY_S", 0.1)
    with pytest.raises(Unreachable, match="`hone serve --optuna` and `hone optuna-proxy` do"):
        copy_study("bowl", "hone://127.0.0.1:1", InMemoryStorage())


def test_the_names_that_there_are_are_told() -> None:
    source = InMemoryStorage()
    make(source, "dish")
    with pytest.raises(NotFound, match="no study `bowl`; it has `dish`"):
        copy_study("bowl", source, InMemoryStorage())
