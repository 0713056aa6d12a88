"""The integrations, with the real libraries."""

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hone
from hone.integrations import lightgbm as hone_lightgbm
from hone.integrations import sklearn as hone_sklearn
from hone.integrations import xgboost as hone_xgboost
from hone.integrations._values import chosen

from .support.worker import GO_ON, PRUNE, PlayedWorker

X, Y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, HELD_OUT = (X[:400], Y[:400]), (X[400:], Y[400:])


def reported(worker: PlayedWorker) -> list[tuple[int | None, dict[str, float]]]:
    """Steps and metrics, in order."""
    return [(line["step"], line["metrics"]) for line in worker.lines]


def stop_at(worker: PlayedWorker, step: int) -> hone.Trial:
    """A trial that is pruned at this step."""
    worker.answer = lambda line: PRUNE if line["step"] == step else GO_ON
    return worker.trial()


def test_cross_validation_has_the_librarys_own_scores_fold_by_fold(worker: PlayedWorker) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    mean = hone_sklearn.cross_validate(worker.trial(), model, X, Y, cv=4, scoring="roc_auc", metric="auc")
    expected = [float(score) for score in cross_val_score(model, X, Y, cv=4, scoring="roc_auc")]
    steps = [(step, {"auc": score}) for step, score in enumerate(expected, 1)]
    assert reported(worker) == [*steps, (None, {"auc": pytest.approx(mean)})]
    assert mean == pytest.approx(np.mean(expected))


def test_cross_validation_ends_with_the_trial_and_reports_no_result(worker: PlayedWorker) -> None:
    trial = stop_at(worker, 2)
    mean = hone_sklearn.cross_validate(trial, LogisticRegression(), X, Y)
    scores = [values["score"] for _, values in reported(worker)]
    assert len(scores) == 2
    assert mean == pytest.approx(sum(scores) / 2)


def test_training_in_steps_reports_each_and_ends_with_the_trial(worker: PlayedWorker) -> None:
    model = SGDClassifier(random_state=0)
    score = hone_sklearn.fit_in_steps(stop_at(worker, 3), model, TRAIN, HELD_OUT, steps=10)
    assert [step for step, _ in reported(worker)] == [1, 2, 3]
    assert reported(worker)[-1][1] == {"score": score} == {"score": model.score(*HELD_OUT)}


def test_regressors_train_in_steps_too(worker: PlayedWorker) -> None:
    hone_sklearn.fit_in_steps(
        worker.trial(), SGDRegressor(), TRAIN, HELD_OUT, steps=2, scoring="neg_mean_absolute_error", metric="mae"
    )
    assert [(step, list(values)) for step, values in reported(worker)] == [(1, ["mae"]), (2, ["mae"])]


def fit_xgboost(callback: Any) -> Any:
    """Ten rounds; returns the model and what the library itself has measured."""
    matrix, held_out = xgboost.DMatrix(*TRAIN), xgboost.DMatrix(HELD_OUT[0], HELD_OUT[1])
    history: dict[str, Any] = {}
    settings = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
    evals = [(matrix, "train"), (held_out, "held_out")]
    model = xgboost.train(
        settings, matrix, 10, evals=evals, evals_result=history, verbose_eval=False, callbacks=[callback]
    )
    return model, history


def test_xgboost_reports_each_round(worker: PlayedWorker) -> None:
    _, history = fit_xgboost(hone_xgboost.Report(worker.trial()))
    losses = zip(history["train"]["logloss"], history["held_out"]["logloss"], strict=True)
    assert reported(worker) == [
        (step, {"train-logloss": train, "held_out-logloss": held_out})
        for step, (train, held_out) in enumerate(losses, 1)
    ]


def test_xgboost_ends_with_the_trial(worker: PlayedWorker) -> None:
    model, _ = fit_xgboost(hone_xgboost.Report(stop_at(worker, 4), val_loss="held_out-logloss"))
    assert model.num_boosted_rounds() == 4
    assert [(step, list(values)) for step, values in reported(worker)] == [(s, ["val_loss"]) for s in range(1, 5)]


def test_xgboosts_cross_validation_reports_means(worker: PlayedWorker) -> None:
    settings = {"objective": "binary:logistic", "nthread": 1}
    callback = hone_xgboost.Report(worker.trial(), loss="test-logloss")
    table = xgboost.cv(settings, xgboost.DMatrix(*TRAIN), 3, nfold=3, callbacks=[callback], as_pandas=False)
    assert [values["loss"] for _, values in reported(worker)] == table["test-logloss-mean"]


def fit_lightgbm(callback: Any) -> Any:
    """Ten rounds; returns the model and what the library itself has measured."""
    train = lightgbm.Dataset(*TRAIN)
    history: dict[str, Any] = {}
    settings = {"objective": "binary", "num_leaves": 4, "verbose": -1, "num_threads": 1}
    callbacks = [lightgbm.record_evaluation(history), callback]
    model = lightgbm.train(
        settings, train, 10, valid_sets=[train.create_valid(*HELD_OUT)], valid_names=["held_out"], callbacks=callbacks
    )
    return model, history


def test_lightgbm_reports_each_round(worker: PlayedWorker) -> None:
    _, history = fit_lightgbm(hone_lightgbm.Report(worker.trial()))
    assert reported(worker) == [
        (step, {"held_out-binary_logloss": loss}) for step, loss in enumerate(history["held_out"]["binary_logloss"], 1)
    ]


def test_lightgbm_ends_with_the_trial(worker: PlayedWorker) -> None:
    model, _ = fit_lightgbm(hone_lightgbm.Report(stop_at(worker, 4), val_loss="held_out-binary_logloss"))
    assert model.num_trees() == 4
    assert [step for step, _ in reported(worker)] == [1, 2, 3, 4]


def test_a_value_that_the_library_does_not_have_is_named_with_those_it_has() -> None:
    with pytest.raises(hone.HoneError, match="no value `val_auc` to report; there are: val_loss, loss"):
        chosen({"val_loss": 1.0, "loss": 2.0}, {"auc": "val_auc"})


@pytest.mark.parametrize(
    ("fit", "callback"), [(fit_xgboost, hone_xgboost.Report), (fit_lightgbm, hone_lightgbm.Report)]
)
def test_a_failing_report_reaches_the_script(worker: PlayedWorker, fit: Any, callback: Any) -> None:
    worker.answer = lambda line: {"ok": False, "error": "no"}
    with pytest.raises(hone.HoneError, match="refused"):
        fit(callback(worker.trial()))
