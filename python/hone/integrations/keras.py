"""Keras: a callback that reports after each epoch."""

from typing import Any

import keras

from .. import Trial
from ._values import chosen


class Report(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports what Keras has logged for each epoch, from 1, and ends the training when the trial is to stop.

        model.fit(…, validation_data=held_out, callbacks=[Report(trial)])

    Keywords say which metric of the study is which value: `Report(trial, loss="val_loss")`; without any, all are
    reported as Keras names them.
    """

    def __init__(self, trial: Trial, **names: str) -> None:
        super().__init__()
        self._trial = trial
        self._names = names

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras."""
        if self._trial.report(epoch + 1, **chosen(logs or {}, self._names)):
            self.model.stop_training = True
