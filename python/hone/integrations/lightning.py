"""Lightning: a callback that reports after each validation."""

from typing import Any

import lightning

from .. import Trial
from ._values import chosen


class Report(lightning.Callback):  # type: ignore[misc]
    """Reports what was logged by the end of each validation, and ends the training when the trial is to stop.

        lightning.Trainer(callbacks=[Report(trial, val_loss="val_loss")])

    The step is the epoch, from 1. Keywords say which metric of the study is which value that was logged; without any,
    all are reported. With several processes the first one reports, and all of them stop.
    """

    def __init__(self, trial: Trial, **names: str) -> None:
        self._trial = trial
        self._names = names

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Called by Lightning."""
        if trainer.sanity_checking:
            return
        stop = False
        if trainer.is_global_zero:
            values = chosen(trainer.callback_metrics, self._names)
            stop = self._trial.report(trainer.current_epoch + 1, **values)
        if trainer.strategy.broadcast(stop):
            trainer.should_stop = True
