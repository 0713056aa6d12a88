"""What a trial under way is, however it speaks with the coordinator."""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

from hone._artifact import copy_into
from hone._params import Params
from hone._proto import client_pb2
from hone._reported import read_step, read_values

from . import _calls, _distributions, _html
from ._errors import LeaseLost
from ._outcome import Outcome
from ._records import AskedTrial, Output, StudyRecord, TrialRecord
from ._wire import Call


class BaseTrial:
    """A trial that this process runs: its parameters, and what is known of it."""

    def __init__(self, asked: AskedTrial, study: StudyRecord) -> None:
        self._asked = asked
        self._study = study
        self._params = Params(asked.record.params)
        self._stop_reason: str | None = None
        self._lost: str | None = None
        self._preempted = False
        self._folder: Path | None = None
        self._ended = False

    def __repr__(self) -> str:
        return f"<trial {self.number} of `{self.study}`, attempt {self.attempt}: {dict(self.params)}>"

    def _repr_html_(self) -> str:
        return _html.running(self)

    @property
    def params(self) -> Params:
        """The parameters so far, by name: those of the study's space, and what was suggested."""
        return self._params

    @property
    def study(self) -> str:
        """The study's name."""
        return self._study.name

    @property
    def number(self) -> int:
        """The trial's number in the study, from 0."""
        return self._asked.record.number

    @property
    def id(self) -> int:
        """The trial's id in the whole store."""
        return self._asked.record.id

    @property
    def attempt(self) -> int:
        """How often this trial was started, from 1."""
        return self._asked.attempt

    @property
    def seed(self) -> int:
        """A seed below 2**32 for the trial's own random numbers, the same in every attempt."""
        return self._asked.seed & 0xFFFF_FFFF

    @property
    def by_hand(self) -> bool:
        """Whether nobody listens; never so in a study."""
        return False

    @property
    def pruned(self) -> bool:
        """Whether a report was answered by the end of the trial."""
        return self._stop_reason is not None

    @property
    def preempted(self) -> bool:
        """Whether to stop because the trial was given back or lost, not because it is bad."""
        return self._preempted or self._lost is not None

    @property
    def stopped(self) -> bool:
        """Whether to end: pruned or preempted."""
        return self.pruned or self.preempted

    @property
    def output_dir(self) -> Path:
        """A local folder, whose files are uploaded and kept with the trial when it ends."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"hone-trial-{self.number}-"))
        return self._folder

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> Path:
        """Copies a file or a folder into `output_dir`, under its own name or `name`; returns where it is."""
        return copy_into(self.output_dir, path, name)

    # ------------------------------------------------------------ what its ways of speaking share

    @property
    def _pair(self) -> tuple[int, int]:
        """The trial's id and its attempt: what every call about it names."""
        return self.id, self.attempt

    def _lose(self, reason: str) -> None:
        """Learns that the trial is no longer this client's; the next report says to stop."""
        self._lost = reason

    def _preempt(self) -> None:
        self._preempted = True

    def _suggestion(self, name: str, distribution: client_pb2.Distribution) -> Call[Any]:
        return _calls.suggest(*self._pair, name, distribution)

    def _learn(self, name: str, parameter: Any) -> Any:
        self._params[name] = _distributions.chosen(parameter)
        return self._params[name]

    def _report(self, step: SupportsIndex | None, metrics: Mapping[str, SupportsFloat]) -> Call[tuple[bool, str]]:
        return _calls.report(*self._pair, read_step(step), read_values(metrics))

    def _judged(self, verdict: tuple[bool, str]) -> bool:
        stop, reason = verdict
        if stop:
            self._stop_reason = reason
        return self.stopped

    def _tell(self, outcome: Outcome, outputs: Sequence[Output]) -> Call[TrialRecord]:
        if self._lost is not None:
            raise LeaseLost(f"trial {self.number}: {self._lost}")
        if self._ended:
            raise LeaseLost(f"trial {self.number} has ended already; a trial is told once")
        values = outcome.values
        return _calls.tell(*self._pair, outcome.state, values, outcome.message, outputs, self._study.metrics)

    def _files(self) -> list[tuple[str, Path]]:
        """What there is to keep: names with slashes, and where they lie."""
        if self._folder is None:
            return []
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return [(path.relative_to(self._folder).as_posix(), path) for path in files]

    def _end(self) -> None:
        """Nothing more is said of this attempt; its folder goes away."""
        self._ended = True
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def output(name: str, file: Path, stored: tuple[bytes, int]) -> Output:
    """A file that was uploaded."""
    return Output(name, *stored, executable=os.access(file, os.X_OK))
