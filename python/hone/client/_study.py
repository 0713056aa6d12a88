"""A study, and running its trials in this process."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import _calls, _frame, _html
from ._errors import NotFound
from ._explanation import Explanation
from ._history import PAGE, History
from ._leases import Leases
from ._optimize import Callback, Objective, Run
from ._progress import Progress
from ._quota import Taken, options
from ._records import StudyRecord, TrialRecord, Trials
from ._told import told
from ._transport import Transport
from ._trial import Trial


class Study:
    """A study of a coordinator; made by `Client.create_study` and `Client.study`."""

    def __init__(self, transport: Transport, leases: Leases, record: StudyRecord) -> None:
        self._transport = transport
        self._leases = leases
        self._made = record
        self._history = History()

    def __repr__(self) -> str:
        return f"<hone.Study `{self.name}`>"

    def _repr_html_(self) -> str:
        return _html.study(self.info)

    # ------------------------------------------------------------ what it is

    @property
    def name(self) -> str:
        """What the study is called."""
        return self._made.name

    @property
    def id(self) -> int:
        """The study's id in the store."""
        return self._made.id

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the objectives."""
        return self._made.metrics

    @property
    def directions(self) -> tuple[str, ...]:
        """Whether to minimize or to maximize, for each objective."""
        return self._made.directions

    @property
    def info(self) -> StudyRecord:
        """The study as it is now: state, counts, limits, best trial, and `spec` with every default filled in."""
        return self._transport.call(_calls.get_study(self.name))

    @property
    def state(self) -> str:
        """What it is now: active, paused, stopping or finished."""
        return self.info.state

    @property
    def attributes(self) -> dict[str, Any]:
        """All attributes of the study."""
        return self._transport.call(_calls.get_attributes(self.name))

    def set_user_attr(self, key: str, value: object) -> None:
        """Sets an attribute of the study: bytes as they are, another value as JSON."""
        self._transport.call(_calls.set_attributes(self.name, {key: value}))

    # ------------------------------------------------------------ running its trials here

    def optimize(
        self,
        objective: Objective,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        callbacks: Sequence[Callback] = (),
        catch: type[BaseException] | Sequence[type[BaseException]] = (),
        show_progress_bar: bool = False,
        retries: int = 0,
    ) -> None:
        """Runs trials in this process, `n_jobs` at a time in threads of their own.

        Ends after `n_trials` trials of this call, after `timeout` seconds, or when the study is over: its budget
        `max_trials` counts for all processes together. An exception fails the trial, and ends the call unless it is
        one of `catch`; `retries` says how often a trial that failed is tried again. Ctrl-C gives running trials back.
        """
        chosen = options(n_trials, timeout, n_jobs, catch, retries)
        record = self.info if show_progress_bar else self._made
        progress = Progress(show_progress_bar, record, n_trials if n_trials is not None else record.max_trials)
        Run(self, objective, chosen, callbacks, progress).run()

    def ask(self) -> Trial:
        """Takes a trial to run, and keeps its lease until it is told or the client is closed.

        Raises `StudyOver` where no trial will come any more, and `NoTrial` where there is none at the moment.
        """
        return self.ask_many(1)[0]

    def ask_many(self, count: int) -> list[Trial]:
        """Takes up to `count` trials to run, at least one."""
        return self._take(count).some(self.name)

    def tell(self, trial: Trial, values: Any = None, *, state: str | None = None, message: str = "") -> TrialRecord:
        """Ends a trial: `values` as an objective returns them, or a `state`: complete, pruned, failed.

        Without either the last reports count. A result that is NaN or infinite makes it a failure.
        """
        return trial._conclude(told(values, state, message, self._made))

    def enqueue(self, params: Mapping[str, Any], *, tags: Sequence[str] = (), note: str = "") -> TrialRecord:
        """Has these parameters tried next; what is left out is chosen by the sampler."""
        return self._transport.call(_calls.enqueue(self._made, params, tags, note))

    def _take(self, count: int) -> Taken[Trial]:
        asked = self._transport.call(_calls.ask(self._made, count, self._leases.held.lease_s))
        trials = [Trial(self._transport, self._leases.held, it, self._made) for it in asked.trials]
        self._leases.add(trials)
        return Taken(trials, asked.over, asked.reason)

    # ------------------------------------------------------------ what came out

    @property
    def trials(self) -> Trials:
        """All trials by number, without curves and files, which `trial` has. Finished ones are asked for once."""
        history = self._history
        history.learn([self._transport.call(_calls.get_trial(self._made, number)) for number in history.stale()])
        more = True
        while more:
            page, more = self._transport.call(_calls.list_trials(self._made, history.last, PAGE))
            history.learn(page)
        return history.trials()

    def trial(self, number: int | str) -> TrialRecord:
        """A trial in full, by number, `last` or `best`: with its curve and its files."""
        return self._transport.call(_calls.get_trial(self._made, number))

    def stream_trials(self) -> Iterator[TrialRecord]:
        """All trials in full, one after the other, for studies that are too large for a list."""
        for batch in self._transport.stream(_calls.stream_trials(self._made)):
            yield from batch

    def best(self, count: int = 10) -> Trials:
        """The best trials, best first."""
        return Trials(self._transport.call(_calls.best_trials(self._made, count, False)))

    @property
    def best_trial(self) -> TrialRecord:
        """The best complete trial."""
        if len(self.metrics) > 1:
            raise ValueError(f"study `{self.name}` has several objectives; `best_trials` is their front")
        best = self.best(1)
        if not best:
            raise NotFound(f"study `{self.name}` has no complete trial yet")
        return best[0]

    @property
    def best_trials(self) -> Trials:
        """The trials that no other one beats in every objective."""
        return Trials(self._transport.call(_calls.best_trials(self._made, 0, True)))

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial."""
        return dict(self.best_trial.params)

    @property
    def best_value(self) -> float:
        """The value of the best trial."""
        return self.best_trial.values[self.metrics[0]]

    def trials_dataframe(self) -> Any:
        """All trials as a `pandas.DataFrame`, with the columns of `hone study export`."""
        return _frame.dataframe(self.trials, self.metrics)

    def explain(self) -> Explanation:
        """Which parameters matter, where the good trials lie, what to change."""
        return self._transport.call(_calls.explain_study(self.name))

    # ------------------------------------------------------------ changing it

    def pause(self) -> None:
        """No new trials until it is resumed."""
        self._move("pause")

    def resume(self) -> None:
        """Goes on."""
        self._move("resume")

    def stop(self) -> None:
        """No new trials; what runs may end."""
        self._move("stop")

    def cancel(self) -> None:
        """Ends what runs, too."""
        self._move("cancel")

    def set(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> StudyRecord:
        """Changes `max_trials`, `parallel` and what else `hone study set` changes; `None` takes a limit away.

        Keys with dots are given as a dictionary: `study.set({"space.rate.high": 1.0})`.
        """
        return self._transport.call(_calls.set_study(self.name, {**(settings or {}), **more}))

    def _move(self, action: str) -> None:
        self._transport.call(_calls.move_study(self.name, action))
