"""Tunes a support vector machine for the wines of scikit-learn, in a study of Optuna."""

import optuna
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import hone.optuna

TRIALS = 40
features, kinds = load_wine(return_X_y=True)


def accuracy(trial: optuna.Trial) -> float:
    """The mean over five divisions into folds, each reported."""
    kernel = trial.suggest_categorical("kernel", ["linear", "rbf", "sigmoid"])
    machine = SVC(C=trial.suggest_float("C", 1e-3, 1e3, log=True), kernel=kernel)
    if kernel != "linear":
        machine.gamma = trial.suggest_float("gamma", 1e-4, 10, log=True)
    model = make_pipeline(StandardScaler(), machine)
    total = 0.0
    for division in range(1, 6):
        folds = StratifiedKFold(5, shuffle=True, random_state=division)
        total += cross_val_score(model, features, kinds, cv=folds).mean()
        trial.report(total / division, division)
        if trial.should_prune():
            raise optuna.TrialPruned
    return total / 5


if __name__ == "__main__":
    study = optuna.create_study(
        direction="maximize",
        sampler=hone.optuna.HoneSampler(seed=1),
        pruner=hone.optuna.HonePruner(kind="median"),
    )
    study.optimize(accuracy, n_trials=TRIALS)
    print(f"{study.best_value:.3f} with {study.best_params}")
