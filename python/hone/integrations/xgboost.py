"""XGBoost: a callback that reports after each round."""

from typing import Any

import xgboost

from .. import Trial
from ._values import chosen


class Report(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Reports the evaluations of each round, from 1, and ends the training when the trial is to stop.

        xgboost.train(…, evals=[(held_out, "held_out")], callbacks=[Report(trial, val_loss="held_out-logloss")])

    Keywords say which metric of the study is which value; without any, all are reported as `data-metric`.
    """

    def __init__(self, trial: Trial, **names: str) -> None:
        super().__init__()
        self._trial = trial
        self._names = names

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Called by XGBoost; true ends the training."""
        values = {
            f"{data}-{metric}": _last(history)
            for data, metrics in evals_log.items()
            for metric, history in metrics.items()
        }
        return self._trial.report(epoch + 1, **chosen(values, self._names))


def _last(history: Any) -> float:
    """`xgboost.cv` gives pairs of mean and deviation."""
    value = history[-1]
    return float(value[0] if isinstance(value, tuple) else value)
