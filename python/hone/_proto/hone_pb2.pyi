from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateStudyRequest(_message.Message):
    __slots__ = ("text", "file", "source", "name", "update", "paused")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: str
    source: bytes
    name: str
    update: bool
    paused: bool
    def __init__(self, text: _Optional[str] = ..., file: _Optional[str] = ..., source: _Optional[bytes] = ..., name: _Optional[str] = ..., update: bool = ..., paused: bool = ...) -> None: ...

class CreateStudyResponse(_message.Message):
    __slots__ = ("study", "created", "changes")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    study: Study
    created: bool
    changes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., created: bool = ..., changes: _Optional[_Iterable[str]] = ...) -> None: ...

class ListStudiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStudiesResponse(_message.Message):
    __slots__ = ("studies",)
    STUDIES_FIELD_NUMBER: _ClassVar[int]
    studies: _containers.RepeatedCompositeFieldContainer[Study]
    def __init__(self, studies: _Optional[_Iterable[_Union[Study, _Mapping]]] = ...) -> None: ...

class GetStudyRequest(_message.Message):
    __slots__ = ("study",)
    STUDY_FIELD_NUMBER: _ClassVar[int]
    study: str
    def __init__(self, study: _Optional[str] = ...) -> None: ...

class WatchStudyRequest(_message.Message):
    __slots__ = ("study",)
    STUDY_FIELD_NUMBER: _ClassVar[int]
    study: str
    def __init__(self, study: _Optional[str] = ...) -> None: ...

class StudyUpdate(_message.Message):
    __slots__ = ("study", "ended", "running", "workers", "waiting_for")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    study: Study
    ended: _containers.RepeatedCompositeFieldContainer[Trial]
    running: _containers.RepeatedCompositeFieldContainer[Trial]
    workers: int
    waiting_for: str
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., ended: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., running: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., workers: _Optional[int] = ..., waiting_for: _Optional[str] = ...) -> None: ...

class SetStudyRequest(_message.Message):
    __slots__ = ("study", "settings")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    study: str
    settings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, study: _Optional[str] = ..., settings: _Optional[_Iterable[str]] = ...) -> None: ...

class MoveStudyRequest(_message.Message):
    __slots__ = ("study", "action")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[MoveStudyRequest.Action]
        ACTION_PAUSE: _ClassVar[MoveStudyRequest.Action]
        ACTION_RESUME: _ClassVar[MoveStudyRequest.Action]
        ACTION_STOP: _ClassVar[MoveStudyRequest.Action]
        ACTION_CANCEL: _ClassVar[MoveStudyRequest.Action]
    ACTION_UNSPECIFIED: MoveStudyRequest.Action
    ACTION_PAUSE: MoveStudyRequest.Action
    ACTION_RESUME: MoveStudyRequest.Action
    ACTION_STOP: MoveStudyRequest.Action
    ACTION_CANCEL: MoveStudyRequest.Action
    STUDY_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    study: str
    action: MoveStudyRequest.Action
    def __init__(self, study: _Optional[str] = ..., action: _Optional[_Union[MoveStudyRequest.Action, str]] = ...) -> None: ...

class RemoveStudyRequest(_message.Message):
    __slots__ = ("study", "force")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    study: str
    force: bool
    def __init__(self, study: _Optional[str] = ..., force: bool = ...) -> None: ...

class RemoveStudyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BestTrialsRequest(_message.Message):
    __slots__ = ("study", "count", "front", "reference")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FRONT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    study: str
    count: int
    front: bool
    reference: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, study: _Optional[str] = ..., count: _Optional[int] = ..., front: bool = ..., reference: _Optional[_Iterable[float]] = ...) -> None: ...

class BestTrialsResponse(_message.Message):
    __slots__ = ("study", "trials", "front")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    FRONT_FIELD_NUMBER: _ClassVar[int]
    study: Study
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    front: Front
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., front: _Optional[_Union[Front, _Mapping]] = ...) -> None: ...

class Front(_message.Message):
    __slots__ = ("trials", "hypervolume", "reference")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    HYPERVOLUME_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    trials: int
    hypervolume: float
    reference: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, trials: _Optional[int] = ..., hypervolume: _Optional[float] = ..., reference: _Optional[_Iterable[float]] = ...) -> None: ...

class ExplainStudyRequest(_message.Message):
    __slots__ = ("study",)
    STUDY_FIELD_NUMBER: _ClassVar[int]
    study: str
    def __init__(self, study: _Optional[str] = ...) -> None: ...

class StudyExplanation(_message.Message):
    __slots__ = ("study", "method", "judged", "parameters", "interactions", "advice", "remarks", "progress", "front")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    INTERACTIONS_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FRONT_FIELD_NUMBER: _ClassVar[int]
    study: Study
    method: str
    judged: int
    parameters: _containers.RepeatedCompositeFieldContainer[ParameterFinding]
    interactions: _containers.RepeatedCompositeFieldContainer[Interaction]
    advice: _containers.RepeatedCompositeFieldContainer[Advice]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    progress: _containers.RepeatedCompositeFieldContainer[Improvement]
    front: Front
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., method: _Optional[str] = ..., judged: _Optional[int] = ..., parameters: _Optional[_Iterable[_Union[ParameterFinding, _Mapping]]] = ..., interactions: _Optional[_Iterable[_Union[Interaction, _Mapping]]] = ..., advice: _Optional[_Iterable[_Union[Advice, _Mapping]]] = ..., remarks: _Optional[_Iterable[str]] = ..., progress: _Optional[_Iterable[_Union[Improvement, _Mapping]]] = ..., front: _Optional[_Union[Front, _Mapping]] = ...) -> None: ...

class Improvement(_message.Message):
    __slots__ = ("finished", "number", "value")
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    finished: int
    number: int
    value: float
    def __init__(self, finished: _Optional[int] = ..., number: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class ParameterFinding(_message.Message):
    __slots__ = ("name", "importance", "is_clear", "trials", "good", "good_range", "good_options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMPORTANCE_FIELD_NUMBER: _ClassVar[int]
    IS_CLEAR_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    GOOD_FIELD_NUMBER: _ClassVar[int]
    GOOD_RANGE_FIELD_NUMBER: _ClassVar[int]
    GOOD_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    importance: float
    is_clear: bool
    trials: int
    good: str
    good_range: GoodRange
    good_options: _containers.RepeatedCompositeFieldContainer[GoodOption]
    def __init__(self, name: _Optional[str] = ..., importance: _Optional[float] = ..., is_clear: bool = ..., trials: _Optional[int] = ..., good: _Optional[str] = ..., good_range: _Optional[_Union[GoodRange, _Mapping]] = ..., good_options: _Optional[_Iterable[_Union[GoodOption, _Mapping]]] = ...) -> None: ...

class GoodRange(_message.Message):
    __slots__ = ("low", "high", "share")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    share: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., share: _Optional[float] = ...) -> None: ...

class GoodOption(_message.Message):
    __slots__ = ("option", "of_good", "of_all", "trials")
    OPTION_FIELD_NUMBER: _ClassVar[int]
    OF_GOOD_FIELD_NUMBER: _ClassVar[int]
    OF_ALL_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    option: str
    of_good: float
    of_all: float
    trials: int
    def __init__(self, option: _Optional[str] = ..., of_good: _Optional[float] = ..., of_all: _Optional[float] = ..., trials: _Optional[int] = ...) -> None: ...

class Interaction(_message.Message):
    __slots__ = ("first", "second", "strength", "sentence")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    first: str
    second: str
    strength: float
    sentence: str
    def __init__(self, first: _Optional[str] = ..., second: _Optional[str] = ..., strength: _Optional[float] = ..., sentence: _Optional[str] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("kind", "parameter", "sentence")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    parameter: str
    sentence: str
    def __init__(self, kind: _Optional[str] = ..., parameter: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class PreviewStudyRequest(_message.Message):
    __slots__ = ("text", "file", "count", "name")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: str
    count: int
    name: str
    def __init__(self, text: _Optional[str] = ..., file: _Optional[str] = ..., count: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class PreviewStudyResponse(_message.Message):
    __slots__ = ("spec_json", "trials")
    SPEC_JSON_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    spec_json: str
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    def __init__(self, spec_json: _Optional[str] = ..., trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ...) -> None: ...

class Study(_message.Message):
    __slots__ = ("id", "name", "description", "state", "reason", "created_us", "finished_us", "objectives", "spec_json", "text", "counts", "max_trials", "parallel", "priority", "best", "source", "driver", "warm_start", "datasets")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_US_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    SPEC_JSON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    MAX_TRIALS_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DRIVER_FIELD_NUMBER: _ClassVar[int]
    WARM_START_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    description: str
    state: str
    reason: str
    created_us: int
    finished_us: int
    objectives: _containers.RepeatedCompositeFieldContainer[Objective]
    spec_json: str
    text: str
    counts: Counts
    max_trials: int
    parallel: int
    priority: int
    best: Trial
    source: bytes
    driver: str
    warm_start: _containers.RepeatedCompositeFieldContainer[WarmStart]
    datasets: _containers.RepeatedCompositeFieldContainer[StudyDataset]
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., created_us: _Optional[int] = ..., finished_us: _Optional[int] = ..., objectives: _Optional[_Iterable[_Union[Objective, _Mapping]]] = ..., spec_json: _Optional[str] = ..., text: _Optional[str] = ..., counts: _Optional[_Union[Counts, _Mapping]] = ..., max_trials: _Optional[int] = ..., parallel: _Optional[int] = ..., priority: _Optional[int] = ..., best: _Optional[_Union[Trial, _Mapping]] = ..., source: _Optional[bytes] = ..., driver: _Optional[str] = ..., warm_start: _Optional[_Iterable[_Union[WarmStart, _Mapping]]] = ..., datasets: _Optional[_Iterable[_Union[StudyDataset, _Mapping]]] = ...) -> None: ...

class StudyDataset(_message.Message):
    __slots__ = ("alias", "version", "marks")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    alias: str
    version: str
    marks: int
    def __init__(self, alias: _Optional[str] = ..., version: _Optional[str] = ..., marks: _Optional[int] = ...) -> None: ...

class WarmStart(_message.Message):
    __slots__ = ("study", "name", "taken", "of")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    study: int
    name: str
    taken: int
    of: int
    def __init__(self, study: _Optional[int] = ..., name: _Optional[str] = ..., taken: _Optional[int] = ..., of: _Optional[int] = ...) -> None: ...

class Objective(_message.Message):
    __slots__ = ("metric", "direction")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    metric: str
    direction: str
    def __init__(self, metric: _Optional[str] = ..., direction: _Optional[str] = ...) -> None: ...

class Counts(_message.Message):
    __slots__ = ("waiting", "running", "paused", "complete", "pruned", "failed", "cancelled", "counted", "imported")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    PRUNED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    waiting: int
    running: int
    paused: int
    complete: int
    pruned: int
    failed: int
    cancelled: int
    counted: int
    imported: int
    def __init__(self, waiting: _Optional[int] = ..., running: _Optional[int] = ..., paused: _Optional[int] = ..., complete: _Optional[int] = ..., pruned: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., counted: _Optional[int] = ..., imported: _Optional[int] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("id", "study", "number", "state", "params", "values", "created_us", "started_us", "ended_us", "origin", "why", "attempts", "curve", "outputs", "tags", "note", "metrics", "superseded_by", "end", "last_step", "attempt_count", "violation")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    STUDY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    ENDED_US_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    LAST_STEP_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_FIELD_NUMBER: _ClassVar[int]
    id: int
    study: int
    number: int
    state: str
    params: _containers.RepeatedCompositeFieldContainer[Parameter]
    values: _containers.RepeatedScalarFieldContainer[float]
    created_us: int
    started_us: int
    ended_us: int
    origin: str
    why: str
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    curve: _containers.RepeatedCompositeFieldContainer[Point]
    outputs: _containers.RepeatedCompositeFieldContainer[OutputFile]
    tags: _containers.RepeatedScalarFieldContainer[str]
    note: str
    metrics: _containers.ScalarMap[str, float]
    superseded_by: int
    end: str
    last_step: int
    attempt_count: int
    violation: float
    def __init__(self, id: _Optional[int] = ..., study: _Optional[int] = ..., number: _Optional[int] = ..., state: _Optional[str] = ..., params: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., values: _Optional[_Iterable[float]] = ..., created_us: _Optional[int] = ..., started_us: _Optional[int] = ..., ended_us: _Optional[int] = ..., origin: _Optional[str] = ..., why: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., curve: _Optional[_Iterable[_Union[Point, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[OutputFile, _Mapping]]] = ..., tags: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., superseded_by: _Optional[int] = ..., end: _Optional[str] = ..., last_step: _Optional[int] = ..., attempt_count: _Optional[int] = ..., violation: _Optional[float] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "float", "int", "bool", "string")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FLOAT_FIELD_NUMBER: _ClassVar[int]
    INT_FIELD_NUMBER: _ClassVar[int]
    BOOL_FIELD_NUMBER: _ClassVar[int]
    STRING_FIELD_NUMBER: _ClassVar[int]
    name: str
    float: float
    int: int
    bool: bool
    string: str
    def __init__(self, name: _Optional[str] = ..., float: _Optional[float] = ..., int: _Optional[int] = ..., bool: bool = ..., string: _Optional[str] = ...) -> None: ...

class Point(_message.Message):
    __slots__ = ("step", "metric", "value")
    STEP_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    step: int
    metric: str
    value: float
    def __init__(self, step: _Optional[int] = ..., metric: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("number", "worker", "worker_name", "started_us", "ended_us", "end", "detail", "has_log")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    WORKER_NAME_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    ENDED_US_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HAS_LOG_FIELD_NUMBER: _ClassVar[int]
    number: int
    worker: int
    worker_name: str
    started_us: int
    ended_us: int
    end: str
    detail: str
    has_log: bool
    def __init__(self, number: _Optional[int] = ..., worker: _Optional[int] = ..., worker_name: _Optional[str] = ..., started_us: _Optional[int] = ..., ended_us: _Optional[int] = ..., end: _Optional[str] = ..., detail: _Optional[str] = ..., has_log: bool = ...) -> None: ...

class OutputFile(_message.Message):
    __slots__ = ("path", "hash", "size", "executable", "kept_by", "kept_by_name")
    PATH_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    EXECUTABLE_FIELD_NUMBER: _ClassVar[int]
    KEPT_BY_FIELD_NUMBER: _ClassVar[int]
    KEPT_BY_NAME_FIELD_NUMBER: _ClassVar[int]
    path: str
    hash: bytes
    size: int
    executable: bool
    kept_by: int
    kept_by_name: str
    def __init__(self, path: _Optional[str] = ..., hash: _Optional[bytes] = ..., size: _Optional[int] = ..., executable: bool = ..., kept_by: _Optional[int] = ..., kept_by_name: _Optional[str] = ...) -> None: ...

class ListTrialsRequest(_message.Message):
    __slots__ = ("study", "limit", "after_number", "oldest_first", "states")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    study: str
    limit: int
    after_number: int
    oldest_first: bool
    states: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, study: _Optional[str] = ..., limit: _Optional[int] = ..., after_number: _Optional[int] = ..., oldest_first: bool = ..., states: _Optional[_Iterable[str]] = ...) -> None: ...

class ListTrialsResponse(_message.Message):
    __slots__ = ("study", "trials", "more")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    study: Study
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    more: bool
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., more: bool = ...) -> None: ...

class StreamTrialsRequest(_message.Message):
    __slots__ = ("study",)
    STUDY_FIELD_NUMBER: _ClassVar[int]
    study: str
    def __init__(self, study: _Optional[str] = ...) -> None: ...

class TrialBatch(_message.Message):
    __slots__ = ("trials",)
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ...) -> None: ...

class GetTrialRequest(_message.Message):
    __slots__ = ("study", "trial")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: str
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("summary", "facts", "hints")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    summary: str
    facts: _containers.RepeatedScalarFieldContainer[str]
    hints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, summary: _Optional[str] = ..., facts: _Optional[_Iterable[str]] = ..., hints: _Optional[_Iterable[str]] = ...) -> None: ...

class EnqueueTrialRequest(_message.Message):
    __slots__ = ("study", "params", "tags", "note")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STUDY_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    study: str
    params: _containers.ScalarMap[str, str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    note: str
    def __init__(self, study: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ...) -> None: ...

class ImportTrialsRequest(_message.Message):
    __slots__ = ("header", "batch")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    header: ImportHeader
    batch: ImportBatch
    def __init__(self, header: _Optional[_Union[ImportHeader, _Mapping]] = ..., batch: _Optional[_Union[ImportBatch, _Mapping]] = ...) -> None: ...

class ImportHeader(_message.Message):
    __slots__ = ("study", "key", "source", "skip_misfits", "dry_run")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SKIP_MISFITS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    study: str
    key: str
    source: str
    skip_misfits: bool
    dry_run: bool
    def __init__(self, study: _Optional[str] = ..., key: _Optional[str] = ..., source: _Optional[str] = ..., skip_misfits: bool = ..., dry_run: bool = ...) -> None: ...

class ImportBatch(_message.Message):
    __slots__ = ("trials",)
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[ImportedTrial]
    def __init__(self, trials: _Optional[_Iterable[_Union[ImportedTrial, _Mapping]]] = ...) -> None: ...

class ImportedTrial(_message.Message):
    __slots__ = ("label", "params", "state", "values", "started_us", "ended_us", "curve")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    ENDED_US_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    label: str
    params: _containers.RepeatedCompositeFieldContainer[Parameter]
    state: str
    values: _containers.RepeatedScalarFieldContainer[float]
    started_us: int
    ended_us: int
    curve: _containers.RepeatedCompositeFieldContainer[Point]
    def __init__(self, label: _Optional[str] = ..., params: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., state: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ..., started_us: _Optional[int] = ..., ended_us: _Optional[int] = ..., curve: _Optional[_Iterable[_Union[Point, _Mapping]]] = ...) -> None: ...

class ImportTrialsResponse(_message.Message):
    __slots__ = ("study", "imported", "known", "misfits", "reasons")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    MISFITS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    study: Study
    imported: int
    known: int
    misfits: int
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, study: _Optional[_Union[Study, _Mapping]] = ..., imported: _Optional[int] = ..., known: _Optional[int] = ..., misfits: _Optional[int] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class AnnotateTrialRequest(_message.Message):
    __slots__ = ("study", "trial", "add_tags", "remove_tags", "note")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ADD_TAGS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_TAGS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: str
    add_tags: _containers.RepeatedScalarFieldContainer[str]
    remove_tags: _containers.RepeatedScalarFieldContainer[str]
    note: str
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[str] = ..., add_tags: _Optional[_Iterable[str]] = ..., remove_tags: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ...) -> None: ...

class TrialLogRequest(_message.Message):
    __slots__ = ("study", "trial", "attempt", "follow")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: str
    attempt: int
    follow: bool
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[str] = ..., attempt: _Optional[int] = ..., follow: bool = ...) -> None: ...

class LogPiece(_message.Message):
    __slots__ = ("data", "remark")
    DATA_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    remark: str
    def __init__(self, data: _Optional[bytes] = ..., remark: _Optional[str] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ("all",)
    ALL_FIELD_NUMBER: _ClassVar[int]
    all: bool
    def __init__(self, all: bool = ...) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    def __init__(self, workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ...) -> None: ...

class GetWorkerRequest(_message.Message):
    __slots__ = ("worker",)
    WORKER_FIELD_NUMBER: _ClassVar[int]
    worker: str
    def __init__(self, worker: _Optional[str] = ...) -> None: ...

class SetWorkerRequest(_message.Message):
    __slots__ = ("worker", "action", "hand_back")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[SetWorkerRequest.Action]
        ACTION_ACTIVATE: _ClassVar[SetWorkerRequest.Action]
        ACTION_CORDON: _ClassVar[SetWorkerRequest.Action]
        ACTION_DRAIN: _ClassVar[SetWorkerRequest.Action]
    ACTION_UNSPECIFIED: SetWorkerRequest.Action
    ACTION_ACTIVATE: SetWorkerRequest.Action
    ACTION_CORDON: SetWorkerRequest.Action
    ACTION_DRAIN: SetWorkerRequest.Action
    WORKER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    HAND_BACK_FIELD_NUMBER: _ClassVar[int]
    worker: str
    action: SetWorkerRequest.Action
    hand_back: bool
    def __init__(self, worker: _Optional[str] = ..., action: _Optional[_Union[SetWorkerRequest.Action, str]] = ..., hand_back: bool = ...) -> None: ...

class Worker(_message.Message):
    __slots__ = ("id", "name", "host", "state", "cpus_milli", "memory_bytes", "gpus", "slots", "cpus_milli_free", "memory_bytes_free", "running", "joined_us", "seen_us", "build", "clock_ahead_us", "labels", "ended_attempts")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CPUS_MILLI_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    CPUS_MILLI_FREE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FREE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    JOINED_US_FIELD_NUMBER: _ClassVar[int]
    SEEN_US_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    CLOCK_AHEAD_US_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ENDED_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    host: str
    state: str
    cpus_milli: int
    memory_bytes: int
    gpus: _containers.RepeatedCompositeFieldContainer[Gpu]
    slots: int
    cpus_milli_free: int
    memory_bytes_free: int
    running: _containers.RepeatedCompositeFieldContainer[Running]
    joined_us: int
    seen_us: int
    build: str
    clock_ahead_us: int
    labels: _containers.ScalarMap[str, str]
    ended_attempts: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., host: _Optional[str] = ..., state: _Optional[str] = ..., cpus_milli: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., gpus: _Optional[_Iterable[_Union[Gpu, _Mapping]]] = ..., slots: _Optional[int] = ..., cpus_milli_free: _Optional[int] = ..., memory_bytes_free: _Optional[int] = ..., running: _Optional[_Iterable[_Union[Running, _Mapping]]] = ..., joined_us: _Optional[int] = ..., seen_us: _Optional[int] = ..., build: _Optional[str] = ..., clock_ahead_us: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., ended_attempts: _Optional[int] = ...) -> None: ...

class Gpu(_message.Message):
    __slots__ = ("index", "name", "memory_bytes", "milli_free")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MILLI_FREE_FIELD_NUMBER: _ClassVar[int]
    index: int
    name: str
    memory_bytes: int
    milli_free: int
    def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., milli_free: _Optional[int] = ...) -> None: ...

class Running(_message.Message):
    __slots__ = ("study", "trial", "attempt", "since_us")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SINCE_US_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: int
    attempt: int
    since_us: int
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[int] = ..., attempt: _Optional[int] = ..., since_us: _Optional[int] = ...) -> None: ...

class BlobChunk(_message.Message):
    __slots__ = ("data", "hash", "size")
    DATA_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    hash: bytes
    size: int
    def __init__(self, data: _Optional[bytes] = ..., hash: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class BlobInfo(_message.Message):
    __slots__ = ("hash", "size")
    HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    size: int
    def __init__(self, hash: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class GetBlobRequest(_message.Message):
    __slots__ = ("hash", "offset")
    HASH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    offset: int
    def __init__(self, hash: _Optional[bytes] = ..., offset: _Optional[int] = ...) -> None: ...

class MissingBlobsRequest(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MissingBlobsResponse(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetStoreRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Store(_message.Message):
    __slots__ = ("id", "data", "sequence", "journal_bytes", "snapshot_bytes", "blob_bytes", "build", "studies", "trials", "mlflow")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_BYTES_FIELD_NUMBER: _ClassVar[int]
    BLOB_BYTES_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    STUDIES_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    MLFLOW_FIELD_NUMBER: _ClassVar[int]
    id: str
    data: str
    sequence: int
    journal_bytes: int
    snapshot_bytes: int
    blob_bytes: int
    build: str
    studies: int
    trials: int
    mlflow: MlflowMirror
    def __init__(self, id: _Optional[str] = ..., data: _Optional[str] = ..., sequence: _Optional[int] = ..., journal_bytes: _Optional[int] = ..., snapshot_bytes: _Optional[int] = ..., blob_bytes: _Optional[int] = ..., build: _Optional[str] = ..., studies: _Optional[int] = ..., trials: _Optional[int] = ..., mlflow: _Optional[_Union[MlflowMirror, _Mapping]] = ...) -> None: ...

class MlflowMirror(_message.Message):
    __slots__ = ("server", "behind", "refused", "trouble")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    server: str
    behind: int
    refused: int
    trouble: str
    def __init__(self, server: _Optional[str] = ..., behind: _Optional[int] = ..., refused: _Optional[int] = ..., trouble: _Optional[str] = ...) -> None: ...

class VerifyStoreRequest(_message.Message):
    __slots__ = ("deep",)
    DEEP_FIELD_NUMBER: _ClassVar[int]
    deep: bool
    def __init__(self, deep: bool = ...) -> None: ...

class VerifyStoreResponse(_message.Message):
    __slots__ = ("ok", "findings", "events", "blobs")
    OK_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    findings: _containers.RepeatedScalarFieldContainer[str]
    events: int
    blobs: int
    def __init__(self, ok: bool = ..., findings: _Optional[_Iterable[str]] = ..., events: _Optional[int] = ..., blobs: _Optional[int] = ...) -> None: ...

class BackupStoreRequest(_message.Message):
    __slots__ = ("directory",)
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    directory: str
    def __init__(self, directory: _Optional[str] = ...) -> None: ...

class BackupStoreResponse(_message.Message):
    __slots__ = ("sequence", "bytes")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    bytes: int
    def __init__(self, sequence: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class ExportEventsRequest(_message.Message):
    __slots__ = ()
    FROM_FIELD_NUMBER: _ClassVar[int]
    def __init__(self, **kwargs) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, json: _Optional[_Iterable[str]] = ...) -> None: ...

class CompactStoreRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompactStoreResponse(_message.Message):
    __slots__ = ("journal_bytes_before", "journal_bytes_after", "blobs_removed", "blob_bytes_removed")
    JOURNAL_BYTES_BEFORE_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_BYTES_AFTER_FIELD_NUMBER: _ClassVar[int]
    BLOBS_REMOVED_FIELD_NUMBER: _ClassVar[int]
    BLOB_BYTES_REMOVED_FIELD_NUMBER: _ClassVar[int]
    journal_bytes_before: int
    journal_bytes_after: int
    blobs_removed: int
    blob_bytes_removed: int
    def __init__(self, journal_bytes_before: _Optional[int] = ..., journal_bytes_after: _Optional[int] = ..., blobs_removed: _Optional[int] = ..., blob_bytes_removed: _Optional[int] = ...) -> None: ...

class CreateJoinTokenRequest(_message.Message):
    __slots__ = ("ttl_us",)
    TTL_US_FIELD_NUMBER: _ClassVar[int]
    ttl_us: int
    def __init__(self, ttl_us: _Optional[int] = ...) -> None: ...

class CreateJoinTokenResponse(_message.Message):
    __slots__ = ("token", "expires_us")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_US_FIELD_NUMBER: _ClassVar[int]
    token: str
    expires_us: int
    def __init__(self, token: _Optional[str] = ..., expires_us: _Optional[int] = ...) -> None: ...

class StayRequest(_message.Message):
    __slots__ = ("who",)
    WHO_FIELD_NUMBER: _ClassVar[int]
    who: str
    def __init__(self, who: _Optional[str] = ...) -> None: ...

class StayResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
