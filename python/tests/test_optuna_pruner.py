"""`HonePruner` beside Optuna's pruners, on the same curves, against a real coordinator."""

import math
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from optuna import pruners
from optuna.study import Study

from hone.client import Invalid
from hone.optuna import HonePruner

from .support.real import Hone
from .support.storage_server import Coordinator

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    # Of Optuna's pruner, about the trial that diverges.
    pytest.mark.filterwarnings("ignore:.*contain infinity/NaNs"),
]
optuna.logging.set_verbosity(optuna.logging.WARNING)

TRIALS, STEPS = 60, 27


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One coordinator for all tests, which `hone.connect()` finds by itself."""
    server = Coordinator(Hone(tmp_path_factory.mktemp("pruner")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_DATA", str(server.hone.root / "data"))
        yield server
    server.kill()


def curves(kind: str) -> list[list[float]]:
    """Losses by step, from 1, that fall to a floor of their own."""
    noise = 0 if kind == "smooth" else 0.05
    draw = random.Random(1)
    made = []
    for number in range(TRIALS):
        floor, speed = draw.uniform(0, 1), draw.uniform(0.05, 0.5)
        curve = [floor + math.exp(-speed * step) + draw.gauss(0, noise) for step in range(STEPS)]
        made.append(curve[:5] + [math.nan] * (STEPS - 5) if kind == "diverging" and number == 20 else curve)
    return made


def ends(pruner: Any, direction: str, kind: str) -> list[int]:
    """After how many steps each trial has ended."""
    study = optuna.create_study(pruner=pruner, direction=direction, sampler=optuna.samplers.RandomSampler())
    made, sign = curves(kind), 1.0 if direction == "minimize" else -1.0

    def objective(trial: optuna.Trial) -> float:
        for step, loss in enumerate(made[trial.number], start=1):
            trial.report(sign * loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(sign * made[trial.number][-1])

    study.optimize(objective, n_trials=TRIALS)
    return [len(trial.intermediate_values) for trial in study.trials]


#: Whose verdicts have to be equal, and the curves on which they are.
SAME: dict[str, tuple[dict[str, Any], Callable[[], Any], str]] = {
    # Hone takes the median of what others had reached by a step, Optuna of what they reported there: on smooth
    # curves the same.
    "median": ({"kind": "median"}, lambda: pruners.MedianPruner(), "smooth"),
    "median, later and seldom": (
        {"kind": "median", "startup_trials": 3, "warmup_steps": 6, "interval": 4},
        lambda: pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=6, interval_steps=4),
        "smooth",
    ),
    "percentile": ({"kind": "percentile", "percentile": 40}, lambda: pruners.PercentilePruner(40), "smooth"),
    "asha": (
        {"kind": "asha", "min_steps": 1, "reduction": 3},
        lambda: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        "diverging",
    ),
    "asha, later": (
        {"kind": "asha", "min_steps": 2, "reduction": 2, "early_stopping_rate": 1},
        lambda: pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=2, min_early_stopping_rate=1),
        "diverging",
    ),
    "threshold": (
        {"kind": "threshold", "lower": -0.9, "upper": 0.9, "warmup_steps": 8, "interval": 2},
        lambda: pruners.ThresholdPruner(lower=-0.9, upper=0.9, n_warmup_steps=8, interval_steps=2),
        "diverging",
    ),
    # Optuna looks one report further back, and lets a trial go on that reports no number any more; Hone ends it.
    "patience": ({"kind": "patience", "patience": 5}, lambda: pruners.PatientPruner(None, patience=4), "noisy"),
    "patience around threshold": (
        {"kind": "patience", "patience": 3, "pruner": {"kind": "threshold", "lower": -0.6, "upper": 0.6}},
        lambda: pruners.PatientPruner(pruners.ThresholdPruner(lower=-0.6, upper=0.6), patience=2),
        "noisy",
    ),
    "wilcoxon": (
        {"kind": "wilcoxon", "p_threshold": 0.1, "startup_steps": 3},
        lambda: pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=3),
        "diverging",
    ),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_same_trials_end_at_the_same_steps(name: str, direction: str) -> None:
    kind, pruner, curves = SAME[name]
    ours, theirs = ends(HonePruner(kind=kind), direction, curves), ends(pruner(), direction, curves)
    assert [(n, a, b) for n, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b] == []
    assert 5 < sum(steps < STEPS for steps in ours) < TRIALS


@pytest.mark.parametrize(
    "kind", ["halving", {"kind": "hyperband", "max_steps": STEPS}, {"kind": "learning_curve", "startup_trials": 5}]
)
def test_those_that_optuna_has_not_or_otherwise_end_trials_too(kind: Any) -> None:
    ended = ends(HonePruner(kind=kind), "minimize", "diverging")
    assert 5 < sum(steps < STEPS for steps in ended) < TRIALS


def report(trial: optuna.Trial, *losses: float) -> bool:
    """Reports these, from step 1 on, and asks once."""
    for step, loss in enumerate(losses, start=1):
        trial.report(loss, step)
    return bool(trial.should_prune())


def test_trials_under_way_elsewhere_count() -> None:
    kind = {"kind": "asha", "min_steps": 1, "reduction": 2}
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    for loss in (0.1, 0.2, 0.3):
        report(study.ask(), loss)
    study.pruner = HonePruner(kind=kind)
    assert report(study.ask(), 0.4)
    assert not report(study.ask(), 0.05)


def ask_ladder(study: Study, *losses: float) -> list[bool]:
    """Verdicts on trials that report one value each and go on."""
    return [report(study.ask(), loss) for loss in losses]


@pytest.mark.parametrize("ended", [0, 1])
def test_it_goes_on_when_the_coordinator_was_killed(server: Coordinator, ended: int) -> None:
    def begun() -> Study:
        study = optuna.create_study(pruner=HonePruner(kind={"kind": "asha", "min_steps": 1, "reduction": 2}))
        for _ in range(ended):
            trial = study.ask()
            trial.report(0.55, 1)
            study.tell(trial, 0.55)
        return study

    losses = [0.5, 0.4, 0.6, 0.3, 0.52, 0.2, 0.44]
    unharmed = ask_ladder(begun(), *losses)
    study = begun()
    before = ask_ladder(study, *losses[:4])
    server.kill()
    server.start()
    assert before + ask_ladder(study, *losses[4:]) == unharmed
    assert set(unharmed) == {True, False}


def test_it_travels_to_other_processes() -> None:
    pruner = HonePruner(kind="median")
    copy = pickle.loads(pickle.dumps(pruner))
    assert ends(copy, "minimize", "smooth") == ends(pruner, "minimize", "smooth")


def test_a_trial_that_reports_nothing_goes_on() -> None:
    study = optuna.create_study(pruner=HonePruner())
    assert not study.ask().should_prune()


def test_a_mistake_is_told_as_in_a_study_file() -> None:
    with pytest.raises(Invalid, match="unknown value `medium`"):
        report(optuna.create_study(pruner=HonePruner(kind="medium")).ask(), 1.0)
