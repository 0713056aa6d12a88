"""Verdicts of a coordinator's pruners, for studies in any storage of Optuna."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hone._proto import client_pb2 as wire
from hone.client import Client
from hone.client._wire import Call, method

from ._past import Kind, OfStudies, Past, curve, search_text
from ._server import Server


class HonePruner(BasePruner):  # type: ignore[misc]
    """Asks a coordinator's pruner.

    `kind` is a pruner of study files: its name, or a dictionary with `kind` and options. `server` is as for
    `HoneSampler`. A trial that the pruner would hold back ends, since Optuna's trials cannot wait.
    """

    def __init__(self, server: str | Client | None = None, *, kind: Kind = "asha") -> None:
        self._server = Server(server)
        self._search = search_text(pruner=kind)
        self._memories = self._remember()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_memories"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._memories = self._remember()

    def _remember(self) -> "OfStudies[_Memory]":
        return OfStudies(lambda: _Memory(self._search))

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial should end, by its last report."""
        if trial.last_step is None:
            return False
        # Not what the thread has read for its trial: others have reported since.
        trials: list[FrozenTrial] = study.get_trials(deepcopy=False)
        memory = self._memories.of(study)
        with memory.lock:
            while True:
                key = memory.past.key
                for other in memory.unheard(trials, trial.number):
                    self._judge(memory, study, trials, other)
                verdict = self._judge(memory, study, trials, trial)
                # Under another key the coordinator has yet to hear of the others.
                if memory.past.key == key:
                    return verdict

    def _judge(self, memory: "_Memory", study: Study, trials: Sequence[FrozenTrial], trial: FrozenTrial) -> bool:
        sent = wire.PastTrial(number=trial.number, curve=curve(trial, sorted(trial.intermediate_values)))

        def question(past: wire.PastTrials) -> Call[bool]:
            request = wire.JudgeRequest(past=past, trial=sent)
            return Call(method("SamplerService", "Judge"), request, lambda reply: bool(reply.stop))

        verdict = memory.past.ask(self._server, study, trials, {}, question)
        memory.heard[trial.number] = memory.past.key, len(trial.intermediate_values)
        return verdict


class _Memory:
    """What a pruner knows of a study; whoever uses it holds its lock."""

    def __init__(self, search: str) -> None:
        self.lock = threading.Lock()
        self.past = Past(search, curves=True)
        #: Under which key the coordinator was told how many reports of a trial.
        self.heard: dict[int, tuple[str, int]] = {}

    def unheard(self, trials: Sequence[FrozenTrial], but: int) -> list[FrozenTrial]:
        """The other trials under way that have reported what the coordinator does not know yet."""
        running = [trial for trial in trials if trial.state == TrialState.RUNNING and trial.number != but]
        reporting = [trial for trial in running if trial.intermediate_values]
        if self.past.is_empty:
            return reporting
        return [it for it in reporting if self.heard.get(it.number) != (self.past.key, len(it.intermediate_values))]
