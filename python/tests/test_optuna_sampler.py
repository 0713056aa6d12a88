"""Optuna's own suites for samplers on `HoneSampler`, and what they do not look at, against a real coordinator."""

import pickle
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.trial import TrialState

import hone
from hone.client import Invalid
from hone.optuna import HoneSampler

from .support.real import LIMIT_S, Hone
from .support.storage_server import Coordinator

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
optuna.logging.set_verbosity(optuna.logging.WARNING)

#: `grid` takes no space of real numbers without steps, which the suites are full of.
KINDS = ["tpe", "random", "sobol", "gp", "cmaes", "nsga2", "auto"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One coordinator for all tests, which `hone.connect()` finds by itself."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("sampler")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_DATA", str(server.hone.root / "data"))
        yield server
    server.kill()


@pytest.fixture(autouse=True)
def needed(server: Coordinator) -> None:
    """Every test asks the coordinator."""


class _Suite:
    @pytest.fixture(params=KINDS)
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], HoneSampler]:
        """All of Hone's samplers take several objectives, so that the suite for those that do not has no place here."""
        return lambda: HoneSampler(kind=request.param)


class TestBasic(_Suite, BasicSamplerTestCase):  # type: ignore[misc]
    """Whatever Optuna asks of a sampler."""


class TestRelative(_Suite, RelativeSamplerTestCase):  # type: ignore[misc]
    """Of one that chooses parameters together."""


class TestMultiObjective(_Suite, MultiObjectiveSamplerTestCase):  # type: ignore[misc]
    """Of one that takes several objectives."""


def bowl(trial: optuna.Trial) -> float:
    """The nearer to (2, 3) the better."""
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_int("y", 0, 9)
    return float((x - 2) ** 2 + (y - 3) ** 2)


def search(sampler: HoneSampler, storage: Any = None, trials: int = 30, objective: Any = bowl, **given: Any) -> Study:
    """A study that has run."""
    study = optuna.create_study(sampler=sampler, storage=storage, **given)
    study.optimize(objective, n_trials=trials)
    return study


def points(study: Study) -> list[dict[str, Any]]:
    """What the trials tried."""
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("kind", ["tpe", "gp", "cmaes", {"kind": "tpe", "multivariate": False}])
def test_it_learns(kind: Any) -> None:
    assert search(HoneSampler(kind=kind, seed=1), trials=60).best_value < 0.5


def test_a_seed_gives_the_same_trials_in_every_storage(tmp_path: Path, server: Coordinator) -> None:
    storages = [
        None,
        RDBStorage(f"sqlite:///{tmp_path}/studies.db"),
        JournalStorage(JournalFileBackend(str(tmp_path / "studies.log"))),
        server.storage(),
    ]
    first, *others = [points(search(HoneSampler(seed=7), storage, trials=14)) for storage in storages]
    assert all(other == first for other in others)
    assert points(search(HoneSampler(seed=8), trials=14)) != first
    assert points(search(HoneSampler(), trials=3)) != points(search(HoneSampler(), trials=3))


def start(storage: str, name: str, trials: int) -> "subprocess.Popen[bytes]":
    """Another process that runs trials of a study."""
    program = (
        "import optuna, hone\nfrom tests.test_optuna_sampler import bowl\n"
        f"study = optuna.load_study(study_name={name!r}, storage={storage}, sampler=hone.optuna.HoneSampler(seed=7))\n"
        f"study.optimize(bowl, n_trials={trials})\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[1], stderr=subprocess.DEVNULL)


def test_a_study_goes_on_in_another_process_as_in_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    whole = points(search(HoneSampler(seed=7), trials=24))
    search(HoneSampler(seed=7), url, trials=12, study_name="parts")
    assert start(repr(url), "parts", 12).wait(timeout=LIMIT_S) == 0
    assert points(optuna.load_study(study_name="parts", storage=url)) == whole


def test_processes_share_a_study(server: Coordinator) -> None:
    storage = f"optuna.storages.GrpcStorageProxy(host='127.0.0.1', port={server.optuna})"
    study = optuna.create_study(study_name="shared", storage=server.storage())
    programs = [start(storage, "shared", 15) for _ in range(3)]
    assert [program.wait(timeout=LIMIT_S) for program in programs] == [0, 0, 0]
    assert len({trial.params["x"] for trial in study.trials}) == 45
    assert study.best_value < 2


def test_it_goes_on_when_the_coordinator_was_killed(server: Coordinator) -> None:
    unharmed = points(search(HoneSampler(seed=3), trials=20))
    sampler = HoneSampler(seed=3)
    study = search(sampler, trials=10)
    server.kill()
    server.start()
    study.optimize(bowl, n_trials=10)
    assert points(study) == unharmed


def test_one_sampler_serves_several_studies_at_once() -> None:
    alone = [points(search(HoneSampler(seed=5), trials=14, direction=way)) for way in ("minimize", "maximize")]
    sampler = HoneSampler(seed=5)
    studies = [optuna.create_study(sampler=sampler, direction=way) for way in ("minimize", "maximize")]
    for _ in range(14):
        for study in studies:
            study.optimize(bowl, n_trials=1)
    assert [points(study) for study in studies] == alone


def test_a_study_that_was_made_anew_is_another_one(tmp_path: Path) -> None:
    url, sampler = f"sqlite:///{tmp_path}/studies.db", HoneSampler(seed=5)
    former = search(sampler, url, trials=14, objective=lambda trial: -bowl(trial), study_name="again")
    optuna.delete_study(study_name="again", storage=former._storage)
    study = search(sampler, former._storage, trials=14, study_name="again")
    assert study._study_id == former._study_id
    assert points(study) == points(search(HoneSampler(seed=5), trials=14))


def test_options_are_any_values_of_python() -> None:
    class Opaque:
        pass

    options = [None, True, 1, 1.5, "1", Opaque]

    def objective(trial: optuna.Trial) -> float:
        chosen = trial.suggest_categorical("option", options)
        return float(chosen is not Opaque)

    with pytest.warns(UserWarning, match="should be a tuple of None, bool, int, float"):
        study = search(HoneSampler(seed=1), trials=40, objective=objective)
    tried = [trial.params["option"] for trial in study.trials]
    assert all(any(it is option for option in options) for it in tried)
    assert tried[20:].count(Opaque) > 10


def test_parameters_that_not_every_trial_has_are_learnt_too() -> None:
    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("kind", ["far", "near"]) == "near":
            return float(abs(trial.suggest_float("near", -1, 1)))
        return float(1 + abs(trial.suggest_int("far", -100, 100)))

    sampler = HoneSampler(seed=1)
    study = search(sampler, trials=60, objective=objective)
    assert study.best_value < 0.05
    shared = sampler.infer_relative_search_space(study, study.trials[-1])
    assert list(shared) == ["kind"]
    assert [trial.params["kind"] for trial in study.trials[30:]].count("near") > 20


def test_ranges_may_change() -> None:
    def objective(trial: optuna.Trial) -> float:
        return float(trial.suggest_float("x", 0, 10 + trial.number))

    assert search(HoneSampler(seed=1), trials=30, objective=objective).best_value < 1


@pytest.mark.parametrize("own", [False, True])
def test_constraints_are_kept(own: bool) -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        if own and hasattr(trial, "set_constraint"):
            trial.set_constraint("right", 1 - x)
        return float(x * x)

    def constraints(trial: optuna.trial.FrozenTrial) -> tuple[float]:
        return (1 - trial.params["x"],)

    sampler = HoneSampler(seed=1, constraints_func=None if own else constraints)
    study = search(sampler, trials=60, objective=objective)
    # Without the constraint they crowd around 0.
    assert 0.5 < statistics.median(trial.params["x"] for trial in study.trials[30:]) < 1.5
    attribute = "constraints:right" if own else "constraints"
    assert all(attribute in trial.system_attrs for trial in study.trials)


def test_a_constraint_that_is_no_number_is_refused() -> None:
    sampler = HoneSampler(constraints_func=lambda trial: (float("nan"),))
    with pytest.raises(ValueError, match="a constraint is NaN"):
        search(sampler, trials=1)


def test_several_objectives() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", -5, 5)
        return x * x, -((x - 1) ** 2)

    study = search(HoneSampler(seed=1), trials=60, objective=objective, directions=["minimize", "maximize"])
    between = [-0.3 < trial.params["x"] < 1.3 for trial in study.trials[30:]]
    assert sum(between) > 15


def test_trials_under_way_keep_apart() -> None:
    study = search(HoneSampler(seed=1), trials=20)
    space = {"x": FloatDistribution(-5, 5), "y": IntDistribution(0, 9)}
    asked = [study.ask(space) for _ in range(8)]
    assert len({trial.params["x"] for trial in asked}) == 8
    # Under the same number: what was asked for before counts.
    (proposed,) = {trial.params["x"] for trial in asked[7:]}
    lonely = optuna.create_study(sampler=HoneSampler(seed=1))
    lonely.add_trials(study.trials[:20])
    for _ in range(7):
        lonely.add_trial(optuna.create_trial(state=TrialState.FAIL))
    assert lonely.ask(space).params["x"] != proposed


def test_threads_share_a_sampler() -> None:
    study = optuna.create_study(sampler=HoneSampler(seed=1))
    study.optimize(bowl, n_trials=40, n_jobs=4)
    assert len({trial.params["x"] for trial in study.trials}) == 40
    assert study.best_value < 2


def test_trials_without_a_value() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        trial.report(x * x, 1)
        if trial.number % 3 == 0:
            raise optuna.TrialPruned
        return float("nan") if trial.number % 3 == 1 else x * x

    study = search(HoneSampler(seed=1), trials=60, objective=objective)
    assert study.best_value < 0.1
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}


def test_trials_that_were_pruned_teach_too() -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.report(abs(trial.suggest_float("x", -5, 5)), 1)
        raise optuna.TrialPruned

    study = search(HoneSampler(seed=1), trials=60, objective=objective)
    assert statistics.median(abs(trial.params["x"]) for trial in study.trials[30:]) < 0.5


def test_a_grid_ends_when_every_point_was_tried() -> None:
    def objective(trial: optuna.Trial) -> float:
        return float(trial.suggest_int("a", 1, 3) + trial.suggest_categorical("b", [0, 10]))

    space = {"a": IntDistribution(1, 3), "b": CategoricalDistribution([0, 10])}
    study = search(HoneSampler(kind="grid", space=space), trials=50, objective=objective)
    tried = [(trial.params["a"], trial.params["b"]) for trial in study.trials]
    # Where a trial finds that nothing is left, it is the last one.
    assert sorted(tried[:6]) == [(a, b) for a in (1, 2, 3) for b in (0, 10)]
    assert len(tried) == 7
    with pytest.raises(ValueError, match="give them as `space`"):
        HoneSampler(kind={"kind": "grid"})
    with pytest.raises(ValueError, match="the bounds of `x`; give it a `step`"):
        HoneSampler(kind="grid", space={"x": FloatDistribution(0, 1)})


def test_what_is_known_beforehand_is_chosen_together_from_the_first_trial_on() -> None:
    space = {"x": FloatDistribution(-5, 5), "y": IntDistribution(0, 9)}
    sampler = HoneSampler(space=space)
    study = optuna.create_study(sampler=sampler)
    trial = study.ask(space)
    assert sampler.infer_relative_search_space(study, study.trials[trial.number]) == space
    assert set(trial._relative_params) == {"x", "y"}


def test_it_travels_to_other_processes() -> None:
    sampler = HoneSampler(seed=5)
    first = points(search(sampler, trials=14))
    assert points(search(pickle.loads(pickle.dumps(sampler)), trials=14)) == first
    with hone.connect() as client, pytest.raises(TypeError, match="give the sampler or pruner the address"):
        pickle.dumps(HoneSampler(client))


def test_a_client_may_be_given(server: Coordinator) -> None:
    with hone.connect(data=server.hone.root / "data") as client:
        assert (
            search(HoneSampler(client, seed=5), trials=14).trials[13].params
            == points(search(HoneSampler(seed=5), trials=14))[13]
        )


def test_a_mistake_is_told_as_in_a_study_file() -> None:
    with pytest.raises(Invalid, match="unknown value `tpee`"):
        search(HoneSampler(kind="tpee"), trials=1)


def test_a_parameter_that_optuna_would_refuse_is_never_chosen() -> None:
    space = {
        "step": FloatDistribution(-0.3, 0.7, step=0.1),
        "log": FloatDistribution(1e-300, 1e300, log=True),
        "wide": IntDistribution(-(2**53), 2**53),
        "one": CategoricalDistribution(["a"]),
    }
    study = optuna.create_study(sampler=HoneSampler(seed=1))
    for _ in range(30):
        study.tell(study.ask(space), 0.0)
    for trial in study.trials:
        for name, distribution in space.items():
            assert distribution._contains(distribution.to_internal_repr(trial.params[name]))
