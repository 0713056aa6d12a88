"""The client: studies of a coordinator, run from a program or a notebook.

    client = hone.connect()
    study = client.create_study(space={"x": {"float": [-5, 5]}}, max_trials=50)
    study.optimize(lambda trial: trial.params["x"] ** 2)
    study.best_params

`hone.aio` has the same for asynchronous programs, `hone.plots` has figures. Needs grpcio and protobuf, which a trial
that a worker starts does not: nothing here is imported until it is used.

    Client, Study, Trial     what a program holds                 _client, _study, _trial, _base
    Run                      optimize: lanes, quota, outcomes     _optimize, _quota, _outcome
    Transport                gRPC, retries                        _transport, _patience, _place, _embedded
    Call                     every request, pure                  _calls, _records, _wire
"""

from . import _needs as _needs
from ._client import Client, connect
from ._errors import (
    AlreadyExists,
    Invalid,
    LeaseLost,
    NotFound,
    NotPermitted,
    NoTrial,
    Refused,
    StudyOver,
    Unreachable,
)
from ._explanation import Explanation, Finding
from ._records import Output, StudyRecord, TrialRecord, Trials
from ._study import Study
from ._trial import Trial

__all__ = [
    "AlreadyExists",
    "Client",
    "Explanation",
    "Finding",
    "Invalid",
    "LeaseLost",
    "NoTrial",
    "NotFound",
    "NotPermitted",
    "Output",
    "Refused",
    "Study",
    "StudyOver",
    "StudyRecord",
    "Trial",
    "TrialRecord",
    "Trials",
    "Unreachable",
    "connect",
]
