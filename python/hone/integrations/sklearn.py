"""scikit-learn: scores fold by fold, and training in steps."""

from collections.abc import Callable
from typing import Any

from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv

from .. import Trial

Scoring = str | Callable[[Any, Any, Any], float] | None


def cross_validate(
    trial: Trial, model: Any, x: Any, y: Any, *, cv: Any = 5, scoring: Scoring = None, metric: str = "score"
) -> float:
    """Fits a copy of `model` on each fold and reports its score, with the fold's number, from 1, as the step.

    At last the mean is reported as the trial's result. Returns the mean, of a trial that was stopped the one so far.
    `cv` and `scoring` mean what they mean in scikit-learn. The pruner for such trials is `wilcoxon`.
    """
    scorer = check_scoring(model, scoring=scoring)
    scores: list[float] = []
    for train, test in check_cv(cv, y, classifier=is_classifier(model)).split(x, y):
        fitted = clone(model).fit(_rows(x, train), _rows(y, train))
        scores.append(float(scorer(fitted, _rows(x, test), _rows(y, test))))
        if trial.report(len(scores), **{metric: scores[-1]}):
            break
    mean = sum(scores) / len(scores)
    if not trial.stopped:
        trial.report(None, **{metric: mean})
    return mean


def fit_in_steps(
    trial: Trial, model: Any, train: tuple[Any, Any], validation: tuple[Any, Any], *, steps: int,
    scoring: Scoring = None, metric: str = "score", **partial_fit: Any,
) -> float:  # fmt: skip
    """Calls `model.partial_fit` up to `steps` times on `train`, and reports the score on `validation` after each.

    Returns the last score. Classifiers need `classes=…` if the first call does not see all of them in `train`.
    """
    scorer = check_scoring(model, scoring=scoring)
    if is_classifier(model):
        partial_fit.setdefault("classes", sorted(set(train[1])))
    score = float("nan")
    for step in range(1, steps + 1):
        model.partial_fit(*train, **partial_fit)
        score = float(scorer(model, *validation))
        if trial.report(step, **{metric: score}):
            break
    return score


def _rows(table: Any, indices: Any) -> Any:
    return table.iloc[indices] if hasattr(table, "iloc") else table[indices]
