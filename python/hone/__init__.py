"""Hone in Python. The trial's side: parameters in; reports, checkpoints and outputs out.

    trial = hone.trial(defaults={"learning_rate": 0.05})
    for epoch in range(1, 21):
        loss = train_one_epoch(trial.params["learning_rate"])
        if trial.report(epoch, val_loss=loss):
            break

Started by Hone, a script speaks with its worker. Started by hand, it takes the defaults and prints what it reports.
Importing this package does nothing else; integrations are imported one by one from `hone.integrations`.

The other side, `hone.connect`, runs studies from a program or a notebook; it loads gRPC when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._errors import HoneError, Preempted, Pruned, Stop
from ._params import Params
from ._trial import Trial, log_artifact, report, trial

__all__ = ["HoneError", "Params", "Preempted", "Pruned", "Stop", "Trial", "log_artifact", "report", "trial"]
__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import aio as aio
    from . import client as client
    from . import optuna as optuna
    from . import plots as plots
    from .client import Client as Client
    from .client import Study as Study
    from .client import connect as connect

#: What is imported when it is first used: a trial needs none of it, nor the libraries behind it.
_LATER = {
    **{"Client": "client", "Study": "client", "connect": "client"},
    **{"aio": "", "client": "", "optuna": "", "plots": ""},
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module `hone` has no attribute `{name}`")
    module = importlib.import_module(f".{_LATER[name] or name}", __name__)
    return getattr(module, name) if _LATER[name] else module
