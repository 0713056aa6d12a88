#!/usr/bin/env python3
"""Cross-validates a classifier on the breast cancer data, fold by fold.

Started by Hone, it takes its parameters from the study and reports each fold. Started by hand, it uses DEFAULTS and
prints.
"""

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import hone
from hone.integrations.sklearn import cross_validate

DEFAULTS = {"model": "svm", "C": 1.0, "gamma": 0.01}
FOLDS = 10


def build(params, seed):
    """The model that the parameters describe; each kind has parameters of its own."""
    if params["model"] == "svm":
        return make_pipeline(StandardScaler(), SVC(C=params["C"], gamma=params["gamma"]))
    return GradientBoostingClassifier(
        learning_rate=params["learning_rate"],
        n_estimators=params["trees"],
        max_depth=params["depth"],
        random_state=seed,
    )


def main():
    """One trial."""
    trial = hone.trial(DEFAULTS)
    x, y = load_breast_cancer(return_X_y=True)
    model = build(trial.params, trial.seed)
    # The same folds in every trial: the pruner compares trials fold by fold.
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    cross_validate(trial, model, x, y, cv=folds, scoring="roc_auc", metric="auc")
    if not trial.stopped:
        joblib.dump(model.fit(x, y), trial.output_dir / "model.joblib")


if __name__ == "__main__":
    main()
