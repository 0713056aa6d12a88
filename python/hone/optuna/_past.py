"""What a coordinator is told of a study, and what it has been told before.

    trials of the study ──► those that ended since the last question ──► with the question
                                                    └─ all of them, where the coordinator has forgotten

A coordinator remembers under a key. Keys are never shared between processes, so that each knows what was said.
"""

import threading
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hone._proto import client_pb2 as wire
from hone._proto import hone_pb2
from hone.client import Refused, _toml
from hone.client._wire import Call

from ._server import Server
from ._space import params_to_wire, space_to_wire

T = TypeVar("T")
Kind = str | Mapping[str, Any]
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def trials_of(study: Study) -> list[FrozenTrial]:
    """All trials of a study, by number; those that this thread has read for its trial already, where it has."""
    trials: list[FrozenTrial] = study._get_trials(deepcopy=False, use_cache=True)
    return trials


def search_text(**keys: object) -> str:
    """The section `[search]` of a study file; what is `None` is left out."""
    return "\n".join(f"{key} = {_toml.inline(value, key)}" for key, value in keys.items() if value is not None)


class Past:
    """The trials that a coordinator was told of under one key."""

    def __init__(self, search: str, curves: bool) -> None:
        self._search = search
        self._curves = curves
        self.forget()

    def forget(self) -> None:
        """Begins again, under another key."""
        self.key = uuid.uuid4().hex
        self._told: dict[int, object] = {}
        self._directions: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was told that the coordinator could say it has forgotten."""
        return not self._told

    def ask(
        self,
        server: Server,
        study: Study,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
        question: Callable[[wire.PastTrials], Call[T]],
    ) -> T:
        """Asks a question about what is past."""
        if not self._is_of(trials):
            self.forget()
        try:
            return self._ask(server, study, trials, space, question)
        except Refused:
            # The coordinator was restarted, or remembers others instead: it is told all of it.
            self.forget()
            return self._ask(server, study, trials, space, question)

    def _ask(
        self,
        server: Server,
        study: Study,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
        question: Callable[[wire.PastTrials], Call[T]],
    ) -> T:
        new = [trial for trial in trials if trial.state in _STATES and trial.number not in self._told]
        new.sort(key=lambda trial: (str(trial.datetime_complete), trial.number))
        self._directions = self._directions or [direction.name.lower() for direction in study.directions]
        past = wire.PastTrials(
            key=self.key,
            known=len(self._told),
            search=self._search,
            space=space_to_wire(space),
            directions=self._directions,
            finished=[_finished(trial, self._curves) for trial in new],
        )
        answer = server.call(question(past))
        self._told.update((trial.number, _identity(trial)) for trial in new)
        return answer

    def _is_of(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether what was told is of this study, not of a former one with its name and id."""
        number = next(iter(self._told), None)
        if number is None:
            return True
        return number < len(trials) and _identity(trials[number]) == self._told[number]


def _identity(trial: FrozenTrial) -> object:
    return trial._trial_id, trial.state, trial.datetime_complete


def _finished(trial: FrozenTrial, curves: bool) -> wire.PastTrial:
    """A trial that has ended; of its curve without `curves` what samplers look at."""
    steps = sorted(trial.intermediate_values)
    if not curves:
        steps = steps[-1:] if trial.state == TrialState.PRUNED else []
    return wire.PastTrial(
        number=trial.number,
        state=_STATES[trial.state],
        params=params_to_wire(trial.params, trial.distributions),
        values=trial.values if trial.state == TrialState.COMPLETE else (),
        violation=_violation(trial.system_attrs),
        curve=curve(trial, steps),
    )


def curve(trial: FrozenTrial, steps: Iterable[int]) -> list[hone_pb2.Point]:
    """What the trial has reported at these steps."""
    return [hone_pb2.Point(step=step, value=trial.intermediate_values[step]) for step in steps]


def _violation(attributes: Mapping[str, Any]) -> float:
    """By how much a trial breaks its constraints, of samplers and of its own; what is not known is not kept."""
    constraints = attributes.get("constraints", ())
    if constraints is None:
        return float("inf")
    own = [value for key, value in attributes.items() if key.startswith("constraints:")]
    return float(sum(max(0.0, value) for value in [*constraints, *own]))


M = TypeVar("M")


class OfStudies(Generic[M]):
    """Something kept for each study, as long as its storage is there; in another process it begins empty."""

    def __init__(self, make: Callable[[], M]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: weakref.WeakKeyDictionary[BaseStorage, dict[int, M]] = weakref.WeakKeyDictionary()

    def of(self, study: Study) -> M:
        """What is kept for this study."""
        with self._lock:
            of_storage = self._kept.setdefault(study._storage, {})
            if study._study_id not in of_storage:
                of_storage[study._study_id] = self._make()
            return of_storage[study._study_id]
