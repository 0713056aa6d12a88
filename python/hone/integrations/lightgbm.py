"""LightGBM: a callback that reports after each round."""

from typing import Any

import lightgbm

from .. import Trial
from ._values import chosen


class Report:
    """Reports the evaluations of each round, from 1, and ends the training when the trial is to stop.

        lightgbm.train(…, valid_sets=[held_out], valid_names=["held_out"],
                       callbacks=[Report(trial, val_loss="held_out-binary_logloss")])

    Keywords say which metric of the study is which value; without any, all are reported as `data-metric`.
    """

    #: LightGBM calls callbacks by this order, those that may end the training last.
    order = 40
    before_iteration = False

    def __init__(self, trial: Trial, **names: str) -> None:
        self._trial = trial
        self._names = names

    def __call__(self, env: Any) -> None:
        """Called by LightGBM, whose own exception ends the training."""
        results = env.evaluation_result_list or []
        values = {f"{result[0]}-{result[1]}": float(result[2]) for result in results}
        if self._trial.report(env.iteration + 1, **chosen(values, self._names)):
            raise lightgbm.callback.EarlyStopException(env.iteration, results)
