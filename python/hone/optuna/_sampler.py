"""Parameters from a coordinator's samplers, for studies in any storage of Optuna."""

import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hone._proto import client_pb2 as wire
from hone.client import Client
from hone.client._wire import Call, method

from ._past import Kind, OfStudies, Past, search_text, trials_of
from ._server import Server
from ._space import only_value, params_to_wire, value_from_wire

Space = Mapping[str, BaseDistribution]
Constraints = Callable[[FrozenTrial], Sequence[float]]


class HoneSampler(BaseSampler):  # type: ignore[misc]
    """Asks a coordinator's sampler.

    `kind` is a sampler of study files: its name, or a dictionary with `kind` and options. `server` is an address or a
    `hone.Client`; without it the coordinator is the one that `hone.connect()` finds or starts. `max_trials` and
    `parallel` say what is planned, for samplers that look at it (`auto`, `cmaes`).

    Parameters that all trials have are chosen together, others one by one. Which ones that are is seen from the trials,
    or told beforehand as `space`; a grid needs that. The same seed and the same results give the same parameters, in
    whichever process the trial runs.
    """

    def __init__(
        self,
        server: str | Client | None = None,
        *,
        kind: Kind = "tpe",
        seed: int | None = None,
        space: Space | None = None,
        constraints_func: Constraints | None = None,
        max_trials: int | None = None,
        parallel: int | None = None,
    ) -> None:
        if (kind.get("kind") if isinstance(kind, Mapping) else kind) == "grid":
            _check_grid(space)
        self._server = Server(server)
        self._space = None if space is None else dict(space)
        seed = secrets.randbits(63) if seed is None else seed
        self._search = search_text(sampler=kind, seed=seed, max_trials=max_trials, parallel=parallel)
        self._constraints_func = constraints_func
        self._memories = self._remember()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_memories"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._memories = self._remember()

    def _remember(self) -> "OfStudies[_Memory]":
        return OfStudies(lambda: _Memory(self._search))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that all trials had, with the same distribution each time, unless they were told."""
        memory = self._memories.of(study)
        with memory.lock:
            shared = memory.shared.calculate(study) if self._space is None else self._space
        return {name: distribution for name, distribution in shared.items() if not distribution.single()}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Space) -> dict[str, Any]:
        """Parameters that are chosen together."""
        if not search_space:
            return {}
        memory = self._memories.of(study)
        with memory.lock:
            params = self._choose(memory, memory.together, study, trial, search_space, None)
            memory.chosen[trial.number] = params, search_space
        if not params:
            # Every point of a grid was tried; there is nothing to stop where trials are asked for one by one.
            with contextlib.suppress(RuntimeError):
                study.stop()
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that is chosen by itself."""
        if param_distribution.single():
            return only_value(param_distribution)
        memory = self._memories.of(study)
        with memory.lock:
            memory.asked[param_name] = param_distribution
            return self._choose(memory, memory.alone, study, trial, memory.asked, param_name)[param_name]

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Writes down how far the trial keeps to the constraints."""
        if self._constraints_func is None or state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        constraints: tuple[float, ...] | None = None
        try:
            constraints = tuple(float(value) for value in self._constraints_func(trial))
            if any(value != value for value in constraints):
                constraints = None
                raise ValueError(
                    "a constraint is NaN; `constraints_func` has to return numbers, at most 0 where they hold"
                )
        finally:
            study._storage.set_trial_system_attr(trial._trial_id, "constraints", constraints)

    def reseed_rng(self) -> None:
        """Does nothing: a choice follows from the seed and the trial's number, which no two trials share."""

    def _choose(
        self, memory: "_Memory", past: Past, study: Study, trial: FrozenTrial, space: Space, only: str | None
    ) -> dict[str, Any]:
        trials = trials_of(study)
        pending = memory.pending(trials, trial.number)

        def question(past: wire.PastTrials) -> Call[wire.ProposeResponse]:
            request = wire.ProposeRequest(past=past, number=trial.number, pending=pending, only=only)
            return Call(method("SamplerService", "Propose"), request, lambda reply: reply)

        proposals = past.ask(self._server, study, trials, space, question).proposals
        chosen = proposals[0].params if proposals else ()
        return {parameter.name: value_from_wire(parameter, space[parameter.name]) for parameter in chosen}


def _check_grid(space: Space | None) -> None:
    if space is None:
        raise ValueError("a grid is laid over parameters that are known beforehand; give them as `space`")
    for name, distribution in space.items():
        if isinstance(distribution, FloatDistribution) and distribution.step is None and not distribution.single():
            raise ValueError(f"a grid has no end between the bounds of `{name}`; give it a `step`")


class _Memory:
    """What a sampler knows of a study; whoever uses it holds its lock."""

    def __init__(self, search: str) -> None:
        self.lock = threading.Lock()
        self.together = Past(search, curves=False)
        #: Of a space of its own, so that the coordinator need not turn its model over between questions.
        self.alone = Past(search, curves=False)
        self.shared = IntersectionSearchSpace(include_pruned=True)
        #: Parameters that were chosen by themselves, in the order in which they were first asked for.
        self.asked: dict[str, BaseDistribution] = {}
        #: What was chosen for trials of this process, which the storage learns one by one.
        self.chosen: dict[int, tuple[dict[str, Any], Space]] = {}

    def pending(self, trials: Sequence[FrozenTrial], but: int) -> list[wire.PastTrial]:
        """The trials under way, with what they are known to try."""
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        numbers = {but, *(trial.number for trial in running)}
        self.chosen = {number: chosen for number, chosen in self.chosen.items() if number in numbers}
        messages = [self._pending(trial) for trial in running if trial.number != but]
        return [message for message in messages if message.params]

    def _pending(self, trial: FrozenTrial) -> wire.PastTrial:
        chosen, space = self.chosen.get(trial.number, ({}, {}))
        params, distributions = {**chosen, **trial.params}, {**space, **trial.distributions}
        return wire.PastTrial(number=trial.number, params=params_to_wire(params, distributions))
