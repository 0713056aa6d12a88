"""A study, and running its trials in an event loop."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from hone.client import _calls, _frame
from hone.client._errors import NotFound
from hone.client._explanation import Explanation
from hone.client._history import PAGE, History
from hone.client._progress import Progress
from hone.client._quota import Taken, options
from hone.client._records import StudyRecord, TrialRecord, Trials
from hone.client._told import told

from ._leases import Leases
from ._optimize import Callback, Objective, Run
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
        return f"<hone.aio.Study `{self.name}`>"

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

    async def info(self) -> StudyRecord:
        """The study as it is now: state, counts, limits, best trial, and `spec` with every default filled in."""
        return await self._transport.call(_calls.get_study(self.name))

    async def attributes(self) -> dict[str, Any]:
        """All attributes of the study."""
        return await self._transport.call(_calls.get_attributes(self.name))

    async def set_user_attr(self, key: str, value: object) -> None:
        """Sets an attribute of the study: bytes as they are, another value as JSON."""
        await self._transport.call(_calls.set_attributes(self.name, {key: value}))

    # ------------------------------------------------------------ running its trials here

    async def optimize(
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
        """Awaits an asynchronous objective for one trial after the other, `n_jobs` at a time; else as in `hone.client`.

        Where the task is cancelled, running trials are given back.
        """
        chosen = options(n_trials, timeout, n_jobs, catch, retries)
        record = await self.info() if show_progress_bar else self._made
        progress = Progress(show_progress_bar, record, n_trials if n_trials is not None else record.max_trials)
        await Run(self, objective, chosen, callbacks, progress).run()

    async def ask(self) -> Trial:
        """Takes a trial to run, and keeps its lease until it is told or the client is closed.

        Raises `StudyOver` where no trial will come any more, and `NoTrial` where there is none at the moment.
        """
        return (await self.ask_many(1))[0]

    async def ask_many(self, count: int) -> list[Trial]:
        """Takes up to `count` trials to run, at least one."""
        return (await self._take(count)).some(self.name)

    async def tell(
        self, trial: Trial, values: Any = None, *, state: str | None = None, message: str = ""
    ) -> TrialRecord:
        """Ends a trial: `values` as an objective returns them, or a `state`: complete, pruned, failed.

        Without either the last reports count. A result that is NaN or infinite makes it a failure.
        """
        return await trial._conclude(told(values, state, message, self._made))

    async def enqueue(self, params: Mapping[str, Any], *, tags: Sequence[str] = (), note: str = "") -> TrialRecord:
        """Has these parameters tried next; what is left out is chosen by the sampler."""
        return await self._transport.call(_calls.enqueue(self._made, params, tags, note))

    async def _take(self, count: int) -> Taken[Trial]:
        asked = await self._transport.call(_calls.ask(self._made, count, self._leases.held.lease_s))
        trials = [Trial(self._transport, self._leases.held, it, self._made) for it in asked.trials]
        self._leases.add(trials)
        return Taken(trials, asked.over, asked.reason)

    # ------------------------------------------------------------ what came out

    async def trials(self) -> Trials:
        """All trials by number, without curves and files, which `trial` has. Finished ones are asked for once."""
        history = self._history
        for number in history.stale():
            history.learn([await self.trial(number)])
        more = True
        while more:
            page, more = await self._transport.call(_calls.list_trials(self._made, history.last, PAGE))
            history.learn(page)
        return history.trials()

    async def trial(self, number: int | str) -> TrialRecord:
        """A trial in full, by number, `last` or `best`: with its curve and its files."""
        return await self._transport.call(_calls.get_trial(self._made, number))

    async def stream_trials(self) -> AsyncIterator[TrialRecord]:
        """All trials in full, one after the other, for studies that are too large for a list."""
        async for batch in self._transport.stream(_calls.stream_trials(self._made)):
            for trial in batch:
                yield trial

    async def best(self, count: int = 10) -> Trials:
        """The best trials, best first."""
        return Trials(await self._transport.call(_calls.best_trials(self._made, count, False)))

    async def best_trial(self) -> TrialRecord:
        """The best complete trial."""
        if len(self.metrics) > 1:
            raise ValueError(f"study `{self.name}` has several objectives; `best_trials` is their front")
        best = await self.best(1)
        if not best:
            raise NotFound(f"study `{self.name}` has no complete trial yet")
        return best[0]

    async def best_trials(self) -> Trials:
        """The trials that no other one beats in every objective."""
        return Trials(await self._transport.call(_calls.best_trials(self._made, 0, True)))

    async def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial."""
        return dict((await self.best_trial()).params)

    async def best_value(self) -> float:
        """The value of the best trial."""
        return (await self.best_trial()).values[self.metrics[0]]

    async def trials_dataframe(self) -> Any:
        """All trials as a `pandas.DataFrame`, with the columns of `hone study export`."""
        return _frame.dataframe(await self.trials(), self.metrics)

    async def explain(self) -> Explanation:
        """Which parameters matter, where the good trials lie, what to change."""
        return await self._transport.call(_calls.explain_study(self.name))

    # ------------------------------------------------------------ changing it

    async def pause(self) -> None:
        """No new trials until it is resumed."""
        await self._move("pause")

    async def resume(self) -> None:
        """Goes on."""
        await self._move("resume")

    async def stop(self) -> None:
        """No new trials; what runs may end."""
        await self._move("stop")

    async def cancel(self) -> None:
        """Ends what runs, too."""
        await self._move("cancel")

    async def set(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> StudyRecord:
        """Changes `max_trials`, `parallel` and what else `hone study set` changes; `None` takes a limit away."""
        return await self._transport.call(_calls.set_study(self.name, {**(settings or {}), **more}))

    async def _move(self, action: str) -> None:
        await self._transport.call(_calls.move_study(self.name, action))
