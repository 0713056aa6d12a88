"""Studies and trials as they were when they were asked for: plain, frozen values."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from hone._params import Params
from hone._proto import hone_pb2 as wire

from . import _html

#: States in which a trial stays.
FINAL = frozenset({"complete", "pruned", "failed", "cancelled"})


@dataclass(frozen=True)
class Output:
    """A file that is kept with a trial."""

    path: str
    hash: bytes
    size: int
    executable: bool = False


@dataclass(frozen=True)
class TrialRecord:
    """A trial, as it was when it was asked for."""

    id: int
    number: int
    #: waiting, running, paused, complete, pruned, failed or cancelled
    state: str
    params: Params
    #: The values of the objectives by metric; empty where there are none.
    values: Mapping[str, float]
    #: Last values of other metrics.
    metrics: Mapping[str, float]
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    #: Where it came from: sampled, enqueued, retry of N, imported, asked.
    origin: str
    #: Why the sampler chose it.
    why: str
    #: How it ended, in words.
    end: str
    #: How often it was started.
    attempts: int
    tags: tuple[str, ...]
    note: str
    #: By how much it breaks the study's constraints together.
    violation: float
    last_step: int | None
    #: Reported values as (step, metric, value); empty unless the trial was asked for in full.
    curve: tuple[tuple[int, str, float], ...]
    #: Files that were kept; empty unless the trial was asked for in full.
    outputs: tuple[Output, ...]

    @property
    def value(self) -> float | None:
        """The value of the only objective; `None` where there is none."""
        if len(self.values) > 1:
            raise ValueError(f"trial {self.number} has several objectives; `values` has them by metric")
        return next(iter(self.values.values()), None)

    @property
    def is_finished(self) -> bool:
        """Whether it stays in its state."""
        return self.state in FINAL

    @property
    def duration(self) -> timedelta | None:
        """From its first start to its end."""
        return self.ended - self.started if self.ended and self.started else None

    def intermediate_values(self, metric: str) -> dict[int, float]:
        """Reported values of a metric by step; empty unless the trial was asked for in full."""
        return {step: value for step, name, value in self.curve if name == metric}

    def _repr_html_(self) -> str:
        return _html.trial(self)


class Trials(list[TrialRecord]):
    """A list of trials, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return _html.trials(self)


@dataclass(frozen=True)
class StudyRecord:
    """A study, as it was when it was asked for."""

    id: int
    name: str
    description: str
    #: active, paused, stopping or finished
    state: str
    #: Why it is in that state.
    reason: str
    #: Metric and direction of each objective.
    objectives: tuple[tuple[str, str], ...]
    #: How many trials are in which state; `counted` is what counts towards `max_trials`.
    counts: Mapping[str, int]
    max_trials: int | None
    parallel: int | None
    #: Who runs its trials: workers or clients.
    driver: str
    spec_json: str
    best: TrialRecord | None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the objectives."""
        return tuple(metric for metric, _ in self.objectives)

    @property
    def directions(self) -> tuple[str, ...]:
        """Whether to minimize or to maximize, for each objective."""
        return tuple(direction for _, direction in self.objectives)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The study with every default filled in."""
        return dict(json.loads(self.spec_json))

    def _repr_html_(self) -> str:
        return _html.study(self)


@dataclass(frozen=True)
class AskedTrial:
    """A trial that this client holds."""

    record: TrialRecord
    attempt: int
    seed: int


@dataclass(frozen=True)
class Asked:
    """What came of asking for trials."""

    trials: tuple[AskedTrial, ...]
    over: bool
    reason: str


def study_record(study: wire.Study) -> StudyRecord:
    """Reads a study."""
    objectives = tuple((objective.metric, objective.direction) for objective in study.objectives)
    metrics = [metric for metric, _ in objectives]
    counts = {field.name: getattr(study.counts, field.name) for field in study.counts.DESCRIPTOR.fields}
    return StudyRecord(
        id=study.id,
        name=study.name,
        description=study.description,
        state=study.state,
        reason=study.reason,
        objectives=objectives,
        counts=counts,
        max_trials=study.max_trials or None,
        parallel=study.parallel or None,
        driver=study.driver,
        spec_json=study.spec_json,
        best=trial_record(study.best, metrics) if study.HasField("best") else None,
    )


def trial_record(trial: wire.Trial, metrics: Sequence[str]) -> TrialRecord:
    """Reads a trial of a study with these objectives."""
    return TrialRecord(
        id=trial.id,
        number=trial.number,
        state=trial.state,
        params=Params({parameter.name: parameter_value(parameter) for parameter in trial.params}),
        values=dict(zip(metrics, trial.values, strict=False)),
        metrics=dict(trial.metrics),
        created=_time(trial.created_us),
        started=_time(trial.started_us),
        ended=_time(trial.ended_us),
        origin=trial.origin,
        why=trial.why,
        end=trial.end,
        attempts=trial.attempt_count,
        tags=tuple(trial.tags),
        note=trial.note,
        violation=trial.violation,
        last_step=trial.last_step if trial.HasField("last_step") else None,
        curve=tuple((point.step, point.metric, point.value) for point in trial.curve),
        outputs=tuple(Output(file.path, file.hash, file.size, file.executable) for file in trial.outputs),
    )


def asked(reply: Any, metrics: Sequence[str]) -> Asked:
    """Reads what came of asking."""
    trials = (AskedTrial(trial_record(it.trial, metrics), it.attempt, it.seed) for it in reply.trials)
    return Asked(tuple(trials), reply.over, reply.reason)


def parameter_value(parameter: wire.Parameter) -> Any:
    """The value of a parameter, of the kind that it has."""
    kind = parameter.WhichOneof("value")
    return None if kind is None else getattr(parameter, kind)


def output_to_proto(output: Output) -> wire.OutputFile:
    """Writes a file."""
    return wire.OutputFile(path=output.path, hash=output.hash, size=output.size, executable=output.executable)


def _time(us: int) -> datetime | None:
    return datetime.fromtimestamp(us / 1e6, timezone.utc) if us else None


def is_better(value: float, than: float | None, direction: str) -> bool:
    """Whether a value improves on another one, or there is none yet."""
    if math.isnan(value):
        return False
    return than is None or (value < than if direction == "minimize" else value > than)
