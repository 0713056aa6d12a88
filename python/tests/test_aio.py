"""The asynchronous client, against a real coordinator."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import hone
import hone.aio
import hone.client
from hone.client._held import RENEWALS

from .support.real import LIMIT_S, Hone, binary
from .support.served import Served, is_running, wait_until

SPACE = {"x": {"float": [0, 1]}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(Hone(tmp_path_factory.mktemp("hone")))
    served.start()
    yield served
    served.end()


@pytest.fixture
def restarted(real: Hone) -> Iterator[Served]:
    """One of its own for a test that kills it."""
    restarted = Served(real)
    try:
        restarted.start()
        yield restarted
    finally:
        restarted.end()


def run(served: Served, program: Callable[[hone.aio.Client], Awaitable[None]], lease: float = 60.0) -> None:
    async def main() -> None:
        async with await hone.aio.connect(data=served.data, lease=lease) as client:
            await asyncio.wait_for(program(client), LIMIT_S)

    asyncio.run(main())


def test_a_study_is_asked_and_told(served: Served, tmp_path: Any) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(name="asked", max_trials=2, metric="loss")
        trial = await study.ask()
        x = await trial.suggest_float("x", 0, 1)
        n = await trial.suggest_int("n", 1, 9)
        kind = await trial.suggest_categorical("kind", ["a", "b"])
        assert trial.params == {"x": x, "n": n, "kind": kind}
        assert await trial.report(1, loss=0.5) is False
        await trial.set_user_attr("a", 1)
        assert await trial.attributes() == {"a": 1}
        (trial.output_dir / "file").write_text("text")
        record = await study.tell(trial, x)
        assert (record.state, record.value) == ("complete", x)
        assert [file.path for file in (await study.trial(0)).outputs] == ["file"]
        await (await study.ask()).give_back()
        again = await study.ask()
        assert again.attempt == 2
        await study.tell(again, state="pruned")
        with pytest.raises(hone.client.StudyOver):
            await study.ask()
        assert await study.best_value() == x
        assert await study.best_params() == trial.params
        assert [it.state for it in await study.trials()] == ["complete", "pruned"]
        assert [it.number async for it in study.stream_trials()] == [0, 1]
        assert (await study.info()).state == "finished"
        assert [each.name for each in await client.studies()].count("asked") == 1
        assert (await client.study("asked")).id == study.id

    run(served, program)


def test_an_objective_is_awaited_side_by_side(served: Served) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(space=SPACE, max_trials=40)
        running, most = 0, 0
        met = asyncio.Event()

        async def objective(trial: hone.aio.Trial) -> float:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if most == 8:
                met.set()
            # Nobody goes on before eight are under way at the same time.
            await met.wait()
            await trial.report(1, value=trial.params["x"])
            running -= 1
            return float(trial.params["x"])

        await study.optimize(objective, n_jobs=8)
        assert most == 8
        assert (await study.info()).counts["complete"] == 40

    run(served, program)


def test_exceptions_retries_and_callbacks_are_those_of_the_other_client(served: Served) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(space=SPACE)
        tried: Counter[int] = Counter()
        seen: list[int] = []

        async def objective(trial: hone.aio.Trial) -> Any:
            tried[trial.number] += 1
            if trial.number == 1 and tried[1] == 1:
                raise OSError("the disk was busy")
            if trial.number == 2:
                raise hone.Pruned("enough")
            if trial.number == 3:
                raise ValueError("a bad batch")
            return 1.0

        with pytest.raises(ValueError, match="a bad batch"):
            await study.optimize(objective, retries=1, callbacks=[lambda _, trial: seen.append(trial.number)])
        assert tried == {0: 1, 1: 2, 2: 1, 3: 2}
        assert seen == [0, 1, 2, 3]
        assert [trial.state for trial in await study.trials()] == ["complete", "complete", "pruned", "failed"]

    run(served, program)


def test_cancellation_gives_running_trials_back(served: Served) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(space=SPACE, max_trials=6)
        started = 0
        all_run = asyncio.Event()

        async def objective(trial: hone.aio.Trial) -> float:
            nonlocal started
            started += 1
            if started == 3:
                all_run.set()
            await asyncio.sleep(LIMIT_S)
            return 0.0

        task = asyncio.create_task(study.optimize(objective, n_jobs=3))
        await all_run.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        counts = (await study.info()).counts
        assert (counts["running"], counts["waiting"], counts["failed"]) == (0, 3, 0)

    run(served, program)


def test_leases_are_renewed_beside_the_objective(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(space=SPACE)
        renewals = 0
        renewed = client._transport.call

        async def count(call: Any, *more: Any, **options: Any) -> Any:
            nonlocal renewals
            renewals += call.method.path.endswith("Renew")
            return await renewed(call, *more, **options)

        monkeypatch.setattr(client._transport, "call", count)
        trial = await study.ask()
        while renewals <= 2 * RENEWALS:
            await asyncio.sleep(0.01)
        assert (await study.tell(trial, 1.0)).attempts == 1
        lost = await study.ask()
        await study.cancel()
        while not lost.preempted:
            await asyncio.sleep(0.01)

    run(served, program, lease=0.5)


def test_it_goes_on_through_a_restart(restarted: Served) -> None:
    async def program(client: hone.aio.Client) -> None:
        study = await client.create_study(space=SPACE, max_trials=60)

        async def objective(trial: hone.aio.Trial) -> float:
            if trial.number in (10, 30):
                await asyncio.to_thread(restarted.kill)
                await asyncio.to_thread(restarted.start)
            return float(trial.params["x"])

        await study.optimize(objective, n_jobs=2)
        trials = await study.trials()
        assert [trial.state for trial in trials] == 60 * ["complete"]
        assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]

    run(restarted, program)


def test_a_coordinator_is_started_and_leaves(real: Hone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_BINARY", str(binary()))

    async def main() -> int:
        async with await hone.aio.connect(data=real.root / "data") as client:
            assert await client.studies() == []
            assert client._transport.server is not None
            return client._transport.server.pid

    pid = asyncio.run(main())
    wait_until(lambda: not is_running(pid))


def test_both_clients_have_the_same_names() -> None:
    for one, other in ((hone.client.Client, hone.aio.Client), (hone.client.Study, hone.aio.Study)):
        names, others = ({name for name in vars(it) if not name.startswith("_")} for it in (one, other))
        # What asks a coordinator is no property where it has to be awaited.
        assert names - others <= {"state"}, one
        assert others <= names, one
