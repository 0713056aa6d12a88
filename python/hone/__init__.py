"""The trial's side of Hone: parameters in; reports, checkpoints and outputs out.

    trial = hone.trial(defaults={"learning_rate": 0.05})
    for epoch in range(1, 21):
        loss = train_one_epoch(trial.params["learning_rate"])
        if trial.report(epoch, val_loss=loss):
            break

Started by Hone, a script speaks with its worker. Started by hand, it takes the defaults and prints what it reports.
Importing this package does nothing else; integrations are imported one by one from `hone.integrations`.
"""

from ._errors import HoneError, Preempted, Pruned, Stop
from ._params import Params
from ._trial import Trial, log_artifact, report, trial

__all__ = ["HoneError", "Params", "Preempted", "Pruned", "Stop", "Trial", "log_artifact", "report", "trial"]
__version__ = "0.1.0"
