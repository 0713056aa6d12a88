"""Measures what a trial costs beside its objective: `optimize` of Hone and of Optuna, one job, five real parameters.

Prints one line for each sampler and kind of space: milliseconds a trial over the whole study, and over its last tenth.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

import hone

PARAMETERS = [f"p{index}" for index in range(5)]
SPACE = {name: {"float": [0.0, 1.0]} for name in PARAMETERS}
#: Asks for parameters one by one, or finds them declared.
DEFINE_BY_RUN = "define-by-run"
DECLARED = "declared"


def suggested(trial: Any) -> float:
    return sum((trial.suggest_float(name, 0.0, 1.0) - 0.3) ** 2 for name in PARAMETERS)


def declared(trial: hone.client.Trial) -> float:
    return sum((trial.params[name] - 0.3) ** 2 for name in PARAMETERS)


class Watch:
    """Notes when each trial begins."""

    def __init__(self, objective: Callable[[Any], float]) -> None:
        self._objective = objective
        self._begun: list[float] = []

    def __call__(self, trial: Any) -> float:
        self._begun.append(time.perf_counter())
        return self._objective(trial)

    def ms(self, share: float) -> float:
        """Milliseconds a trial, over the last share of them."""
        count = max(int(len(self._begun) * share), 2)
        part = self._begun[-count:]
        return 1e3 * (part[-1] - part[0]) / (len(part) - 1)


def run_hone(client: hone.Client, sampler: str, kind: str, trials: int) -> Watch:
    watch = Watch(declared if kind == DECLARED else suggested)
    space = SPACE if kind == DECLARED else None
    client.create_study(sampler=sampler, seed=1, space=space, max_trials=trials).optimize(watch)
    return watch


def run_optuna(sampler: str, storage: Any, trials: int) -> Watch:
    watch = Watch(suggested)
    samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    study = optuna.create_study(sampler=samplers[sampler](seed=1), storage=storage)
    study.optimize(watch, n_trials=trials)
    return watch


def journal(folder: Path, name: str) -> Any:
    backend = optuna.storages.journal.JournalFileBackend(str(folder / f"{name}.log"))
    return optuna.storages.JournalStorage(backend)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="of each study")
    trials = parser.parse_args().trials
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"{trials} trials each, ms a trial: whole study, last tenth")
    with tempfile.TemporaryDirectory() as folder, hone.connect(data=Path(folder) / "data") as client:
        for sampler in ("random", "tpe"):
            for kind in (DECLARED, DEFINE_BY_RUN):
                show(f"Hone, durable, {kind}", sampler, run_hone(client, sampler, kind, trials))
            show("Optuna, in memory", sampler, run_optuna(sampler, None, trials))
            show("Optuna, journal file", sampler, run_optuna(sampler, journal(Path(folder), sampler), trials))
        side_by_side(client, 5 * trials)


def side_by_side(client: hone.Client, trials: int) -> None:
    """Eight jobs at once, and listing what they did."""
    study = client.create_study(sampler="random", seed=1, space=SPACE)
    rate = trials / seconds(lambda: study.optimize(declared, n_trials=trials, n_jobs=8))
    print(f"Hone, declared, random, 8 jobs: {rate:.0f} trials/s")
    first, again = seconds(lambda: study.trials), seconds(lambda: study.trials)
    print(f"listing {trials} trials: {first:.3f} s, again {again:.3f} s")


def seconds(run: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def show(what: str, sampler: str, watch: Watch) -> None:
    print(f"{sampler:8} {what:32} {watch.ms(1.0):9.3f} {watch.ms(0.1):9.3f}", flush=True)


if __name__ == "__main__":
    main()
