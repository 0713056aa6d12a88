from hone._proto import hone_pb2 as _hone_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenStudyRequest(_message.Message):
    __slots__ = ("text", "file", "name", "load_if_exists", "request_id")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOAD_IF_EXISTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: str
    name: str
    load_if_exists: bool
    request_id: bytes
    def __init__(self, text: _Optional[str] = ..., file: _Optional[str] = ..., name: _Optional[str] = ..., load_if_exists: bool = ..., request_id: _Optional[bytes] = ...) -> None: ...

class OpenStudyResponse(_message.Message):
    __slots__ = ("study", "created")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    study: _hone_pb2.Study
    created: bool
    def __init__(self, study: _Optional[_Union[_hone_pb2.Study, _Mapping]] = ..., created: bool = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("study", "count", "lease_us", "request_id")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LEASE_US_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    study: str
    count: int
    lease_us: int
    request_id: bytes
    def __init__(self, study: _Optional[str] = ..., count: _Optional[int] = ..., lease_us: _Optional[int] = ..., request_id: _Optional[bytes] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("trials", "over", "reason")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[AskedTrial]
    over: bool
    reason: str
    def __init__(self, trials: _Optional[_Iterable[_Union[AskedTrial, _Mapping]]] = ..., over: bool = ..., reason: _Optional[str] = ...) -> None: ...

class AskedTrial(_message.Message):
    __slots__ = ("trial", "attempt", "seed")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    trial: _hone_pb2.Trial
    attempt: int
    seed: int
    def __init__(self, trial: _Optional[_Union[_hone_pb2.Trial, _Mapping]] = ..., attempt: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class SuggestParameterRequest(_message.Message):
    __slots__ = ("trial", "attempt", "name", "distribution")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    name: str
    distribution: Distribution
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ..., name: _Optional[str] = ..., distribution: _Optional[_Union[Distribution, _Mapping]] = ...) -> None: ...

class SuggestParameterResponse(_message.Message):
    __slots__ = ("parameter",)
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    parameter: _hone_pb2.Parameter
    def __init__(self, parameter: _Optional[_Union[_hone_pb2.Parameter, _Mapping]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("trial", "attempt", "step", "values")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    step: int
    values: _containers.ScalarMap[str, float]
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ..., step: _Optional[int] = ..., values: _Optional[_Mapping[str, float]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("stop", "reason")
    STOP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    stop: bool
    reason: str
    def __init__(self, stop: bool = ..., reason: _Optional[str] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ("trial", "attempt", "state", "values", "message", "request_id", "outputs")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    state: str
    values: _containers.RepeatedScalarFieldContainer[float]
    message: str
    request_id: bytes
    outputs: _containers.RepeatedCompositeFieldContainer[_hone_pb2.OutputFile]
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ..., state: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ..., message: _Optional[str] = ..., request_id: _Optional[bytes] = ..., outputs: _Optional[_Iterable[_Union[_hone_pb2.OutputFile, _Mapping]]] = ...) -> None: ...

class GiveBackRequest(_message.Message):
    __slots__ = ("trial", "attempt")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class GiveBackResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("held", "lease_us")
    HELD_FIELD_NUMBER: _ClassVar[int]
    LEASE_US_FIELD_NUMBER: _ClassVar[int]
    held: _containers.RepeatedCompositeFieldContainer[HeldTrial]
    lease_us: int
    def __init__(self, held: _Optional[_Iterable[_Union[HeldTrial, _Mapping]]] = ..., lease_us: _Optional[int] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("over",)
    OVER_FIELD_NUMBER: _ClassVar[int]
    over: _containers.RepeatedCompositeFieldContainer[HeldTrial]
    def __init__(self, over: _Optional[_Iterable[_Union[HeldTrial, _Mapping]]] = ...) -> None: ...

class HeldTrial(_message.Message):
    __slots__ = ("trial", "attempt")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class SetAttributesRequest(_message.Message):
    __slots__ = ("study", "trial", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: int
    attributes: _containers.ScalarMap[str, bytes]
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[int] = ..., attributes: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class SetAttributesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAttributesRequest(_message.Message):
    __slots__ = ("study", "trial")
    STUDY_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    study: str
    trial: int
    def __init__(self, study: _Optional[str] = ..., trial: _Optional[int] = ...) -> None: ...

class GetAttributesResponse(_message.Message):
    __slots__ = ("attributes",)
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.ScalarMap[str, bytes]
    def __init__(self, attributes: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class Distribution(_message.Message):
    __slots__ = ("float", "int", "options")
    FLOAT_FIELD_NUMBER: _ClassVar[int]
    INT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    float: FloatRange
    int: IntRange
    options: Options
    def __init__(self, float: _Optional[_Union[FloatRange, _Mapping]] = ..., int: _Optional[_Union[IntRange, _Mapping]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class FloatRange(_message.Message):
    __slots__ = ("low", "high", "log", "step")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    log: bool
    step: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., log: bool = ..., step: _Optional[float] = ...) -> None: ...

class IntRange(_message.Message):
    __slots__ = ("low", "high", "log", "step")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    low: int
    high: int
    log: bool
    step: int
    def __init__(self, low: _Optional[int] = ..., high: _Optional[int] = ..., log: bool = ..., step: _Optional[int] = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ("options",)
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    options: _containers.RepeatedCompositeFieldContainer[Option]
    def __init__(self, options: _Optional[_Iterable[_Union[Option, _Mapping]]] = ...) -> None: ...

class Option(_message.Message):
    __slots__ = ("float", "int", "bool", "string")
    FLOAT_FIELD_NUMBER: _ClassVar[int]
    INT_FIELD_NUMBER: _ClassVar[int]
    BOOL_FIELD_NUMBER: _ClassVar[int]
    STRING_FIELD_NUMBER: _ClassVar[int]
    float: float
    int: int
    bool: bool
    string: str
    def __init__(self, float: _Optional[float] = ..., int: _Optional[int] = ..., bool: bool = ..., string: _Optional[str] = ...) -> None: ...

class ProposeRequest(_message.Message):
    __slots__ = ("past", "number", "count", "pending", "only")
    PAST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIELD_NUMBER: _ClassVar[int]
    past: PastTrials
    number: int
    count: int
    pending: _containers.RepeatedCompositeFieldContainer[PastTrial]
    only: str
    def __init__(self, past: _Optional[_Union[PastTrials, _Mapping]] = ..., number: _Optional[int] = ..., count: _Optional[int] = ..., pending: _Optional[_Iterable[_Union[PastTrial, _Mapping]]] = ..., only: _Optional[str] = ...) -> None: ...

class ProposeResponse(_message.Message):
    __slots__ = ("proposals",)
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("params", "why")
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    params: _containers.RepeatedCompositeFieldContainer[_hone_pb2.Parameter]
    why: str
    def __init__(self, params: _Optional[_Iterable[_Union[_hone_pb2.Parameter, _Mapping]]] = ..., why: _Optional[str] = ...) -> None: ...

class JudgeRequest(_message.Message):
    __slots__ = ("past", "trial")
    PAST_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    past: PastTrials
    trial: PastTrial
    def __init__(self, past: _Optional[_Union[PastTrials, _Mapping]] = ..., trial: _Optional[_Union[PastTrial, _Mapping]] = ...) -> None: ...

class JudgeResponse(_message.Message):
    __slots__ = ("stop", "reason")
    STOP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    stop: bool
    reason: str
    def __init__(self, stop: bool = ..., reason: _Optional[str] = ...) -> None: ...

class PastTrials(_message.Message):
    __slots__ = ("key", "known", "search", "space", "directions", "finished")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    key: str
    known: int
    search: str
    space: _containers.RepeatedCompositeFieldContainer[SpaceParameter]
    directions: _containers.RepeatedScalarFieldContainer[str]
    finished: _containers.RepeatedCompositeFieldContainer[PastTrial]
    def __init__(self, key: _Optional[str] = ..., known: _Optional[int] = ..., search: _Optional[str] = ..., space: _Optional[_Iterable[_Union[SpaceParameter, _Mapping]]] = ..., directions: _Optional[_Iterable[str]] = ..., finished: _Optional[_Iterable[_Union[PastTrial, _Mapping]]] = ...) -> None: ...

class SpaceParameter(_message.Message):
    __slots__ = ("name", "distribution")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    distribution: Distribution
    def __init__(self, name: _Optional[str] = ..., distribution: _Optional[_Union[Distribution, _Mapping]] = ...) -> None: ...

class PastTrial(_message.Message):
    __slots__ = ("number", "state", "params", "values", "violation", "curve")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: str
    params: _containers.RepeatedCompositeFieldContainer[_hone_pb2.Parameter]
    values: _containers.RepeatedScalarFieldContainer[float]
    violation: float
    curve: _containers.RepeatedCompositeFieldContainer[_hone_pb2.Point]
    def __init__(self, number: _Optional[int] = ..., state: _Optional[str] = ..., params: _Optional[_Iterable[_Union[_hone_pb2.Parameter, _Mapping]]] = ..., values: _Optional[_Iterable[float]] = ..., violation: _Optional[float] = ..., curve: _Optional[_Iterable[_Union[_hone_pb2.Point, _Mapping]]] = ...) -> None: ...
