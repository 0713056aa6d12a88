"""Every call of the client: the request, and how its reply is read. Nothing here waits, sends or keeps anything."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hone._proto import client_pb2 as client
from hone._proto import hone_pb2 as hone

from ._explanation import Explanation, explanation
from ._records import Asked, Output, StudyRecord, TrialRecord, asked, output_to_proto, study_record, trial_record
from ._wire import Call, method

#: Bytes of one message of an upload.
CHUNK_BYTES = 256 << 10


def _request_id() -> bytes:
    return os.urandom(16)


def _nothing(reply: object) -> None:
    return None


# ---------------------------------------------------------------- studies


def open_study(text: str, file: str, name: str | None, load_if_exists: bool) -> Call[StudyRecord]:
    """Makes a study whose trials clients run."""
    request = client.OpenStudyRequest(
        text=text, file=file, name=name, load_if_exists=load_if_exists, request_id=_request_id()
    )
    return Call(method("ClientService", "OpenStudy"), request, lambda reply: study_record(reply.study))


def create_study(text: str, file: str, name: str | None, load_if_exists: bool) -> Call[StudyRecord]:
    """Makes a study whose trials workers run."""
    request = hone.CreateStudyRequest(text=text, file=file, name=name, update=load_if_exists)
    found = method("StudyService", "CreateStudy")
    return Call(found, request, lambda reply: study_record(reply.study), repeatable=load_if_exists)


def get_study(study: str) -> Call[StudyRecord]:
    """A study by name, id or `last`."""
    return Call(method("StudyService", "GetStudy"), hone.GetStudyRequest(study=study), study_record)


def list_studies() -> Call[list[StudyRecord]]:
    """All studies, oldest first."""
    found = method("StudyService", "ListStudies")
    return Call(found, hone.ListStudiesRequest(), lambda reply: [study_record(study) for study in reply.studies])


def move_study(study: str, action: str) -> Call[StudyRecord]:
    """Lets a study `pause`, `resume`, `stop` or `cancel`."""
    return Call(
        method("StudyService", "MoveStudy"),
        hone.MoveStudyRequest(study=study, action=f"ACTION_{action.upper()}"),
        study_record,
    )


def set_study(study: str, settings: Mapping[str, object]) -> Call[StudyRecord]:
    """Changes what may change while a study runs."""
    texts = [f"{key}={_setting(value)}" for key, value in settings.items()]
    return Call(method("StudyService", "SetStudy"), hone.SetStudyRequest(study=study, settings=texts), study_record)


def _setting(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def remove_study(study: str, force: bool) -> Call[None]:
    """Removes a study with all its trials."""
    request = hone.RemoveStudyRequest(study=study, force=force)
    return Call(method("StudyService", "RemoveStudy"), request, _nothing, repeatable=False)


def best_trials(study: StudyRecord, count: int, front: bool) -> Call[list[TrialRecord]]:
    """The best trials, best first."""
    request = hone.BestTrialsRequest(study=study.name, count=count, front=front)
    return Call(method("StudyService", "BestTrials"), request, lambda reply: _trials(reply, study))


def explain_study(study: str) -> Call[Explanation]:
    """Which parameters matter."""
    return Call(method("StudyService", "ExplainStudy"), hone.ExplainStudyRequest(study=study), explanation)


# ---------------------------------------------------------------- trials


def _trials(reply: Any, study: StudyRecord) -> list[TrialRecord]:
    return [trial_record(trial, study.metrics) for trial in reply.trials]


def list_trials(study: StudyRecord, after: int | None, limit: int) -> Call[tuple[list[TrialRecord], bool]]:
    """A page of trials by number, without curves and files, and whether there are more."""
    request = hone.ListTrialsRequest(study=study.name, limit=limit, after_number=after, oldest_first=True)
    return Call(method("TrialService", "ListTrials"), request, lambda reply: (_trials(reply, study), reply.more))


def stream_trials(study: StudyRecord) -> Call[list[TrialRecord]]:
    """All trials in full, in batches."""
    request = hone.StreamTrialsRequest(study=study.name)
    return Call(method("TrialService", "StreamTrials"), request, lambda reply: _trials(reply, study))


def get_trial(study: StudyRecord, trial: int | str) -> Call[TrialRecord]:
    """One trial in full, by number, `last` or `best`."""
    request = hone.GetTrialRequest(study=study.name, trial=str(trial))
    return Call(method("TrialService", "GetTrial"), request, lambda reply: trial_record(reply, study.metrics))


def enqueue(study: StudyRecord, params: Mapping[str, object], tags: Sequence[str], note: str) -> Call[TrialRecord]:
    """Parameters to try next."""
    texts = {name: _setting(value) for name, value in params.items()}
    request = hone.EnqueueTrialRequest(study=study.name, params=texts, tags=tags, note=note)
    found = method("TrialService", "EnqueueTrial")
    return Call(found, request, lambda reply: trial_record(reply, study.metrics), repeatable=False)


# ---------------------------------------------------------------- trials that this client runs


def ask(study: StudyRecord, count: int, lease_s: float) -> Call[Asked]:
    """Takes trials to run."""
    request = client.AskRequest(study=study.name, count=count, lease_us=_us(lease_s), request_id=_request_id())
    return Call(method("ClientService", "Ask"), request, lambda reply: asked(reply, study.metrics))


def suggest(trial: int, attempt: int, name: str, distribution: client.Distribution) -> Call[Any]:
    """Chooses a parameter; answers the message, since an option is recognised by its kind."""
    request = client.SuggestParameterRequest(trial=trial, attempt=attempt, name=name, distribution=distribution)
    return Call(method("ClientService", "SuggestParameter"), request, lambda reply: reply.parameter)


def report(trial: int, attempt: int, step: int | None, values: Mapping[str, float]) -> Call[tuple[bool, str]]:
    """Hands values over; answers whether to stop, and why."""
    request = client.ReportRequest(trial=trial, attempt=attempt, step=step, values=values)
    return Call(method("ClientService", "Report"), request, lambda reply: (reply.stop, reply.reason))


def tell(
    trial: int,
    attempt: int,
    state: str,
    values: Sequence[float],
    message: str,
    outputs: Sequence[Output],
    metrics: Sequence[str],
) -> Call[TrialRecord]:
    """Ends a trial."""
    request = client.TellRequest(
        trial=trial,
        attempt=attempt,
        state=state,
        values=values,
        message=message,
        outputs=[output_to_proto(output) for output in outputs],
        request_id=_request_id(),
    )
    return Call(method("ClientService", "Tell"), request, lambda reply: trial_record(reply, metrics))


def give_back(trial: int, attempt: int) -> Call[None]:
    """Hands a trial back unharmed."""
    return Call(method("ClientService", "GiveBack"), client.GiveBackRequest(trial=trial, attempt=attempt), _nothing)


def renew(held: Sequence[tuple[int, int]], lease_s: float) -> Call[list[tuple[int, int]]]:
    """Keeps leases; answers those that are over."""
    pairs = [client.HeldTrial(trial=trial, attempt=attempt) for trial, attempt in held]
    request = client.RenewRequest(held=pairs, lease_us=_us(lease_s))
    found = method("ClientService", "Renew")
    return Call(found, request, lambda reply: [(over.trial, over.attempt) for over in reply.over])


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


# ---------------------------------------------------------------- attributes, files, the store


def set_attributes(owner: str | int, attributes: Mapping[str, object]) -> Call[None]:
    """Sets attributes of a study (its name) or of a trial (its id): bytes as they are, other values as JSON."""
    written = {key: _attribute(key, value) for key, value in attributes.items()}
    request = client.SetAttributesRequest(attributes=written, **_owner(owner))
    return Call(method("ClientService", "SetAttributes"), request, _nothing)


def get_attributes(owner: str | int) -> Call[dict[str, Any]]:
    """The attributes of a study or trial; what is no JSON comes as bytes."""
    request = client.GetAttributesRequest(**_owner(owner))
    found = method("ClientService", "GetAttributes")
    return Call(found, request, lambda reply: {key: _read(value) for key, value in reply.attributes.items()})


def _owner(owner: str | int) -> dict[str, Any]:
    return {"study": owner} if isinstance(owner, str) else {"trial": owner}


def _attribute(key: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise TypeError(f"attribute `{key}` can be no JSON ({error}); give it as bytes") from None


def _read(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def put_blob(file: Path) -> Call[tuple[bytes, int]]:
    """Uploads a file; answers its hash and its size."""
    return Call(method("BlobService", "PutBlob"), _Chunks(file), lambda reply: (reply.hash, reply.size))


class _Chunks:
    """The messages of an upload, as often as they are asked for."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __iter__(self) -> Iterator[hone.BlobChunk]:
        with self._file.open("rb") as opened:
            data = opened.read(CHUNK_BYTES)
            yield hone.BlobChunk(data=data)
            while data := opened.read(CHUNK_BYTES):
                yield hone.BlobChunk(data=data)


def ping() -> Call[None]:
    """Asks for nothing: whoever answers is there."""
    return Call(method("BlobService", "MissingBlobs"), hone.MissingBlobsRequest(), _nothing)


def stay(who: str) -> Call[None]:
    """Keeps a coordinator up that is there on demand, for as long as the answer is read."""
    return Call(method("StoreService", "Stay"), hone.StayRequest(who=who), _nothing)
