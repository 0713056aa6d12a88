"""Optuna as a peer of the benchmark `optuna`: its own storage server, and a program that searches.

    python bench/optuna_peer.py serve PORT [URL]                    in memory, or on a database
    python bench/optuna_peer.py search PORT tpe|random TRIALS       prints how many trials it ran per second
"""

import sys
import time

import optuna

PARAMETERS = [f"p{index}" for index in range(5)]
REPORTS = 3
WARM_UP_TRIALS = 10


def serve(port, url=None):
    storage = optuna.storages.InMemoryStorage() if url is None else optuna.storages.get_storage(url)
    optuna.storages.run_grpc_proxy_server(storage, host="127.0.0.1", port=int(port))


def objective(trial):
    value = sum((trial.suggest_float(name, -1.0, 1.0) - 0.3) ** 2 for name in PARAMETERS)
    for step in range(1, REPORTS + 1):
        trial.report(value / step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value


def search(port, sampler, trials):
    storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=int(port))
    storage.wait_server_ready(timeout=60)
    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    study = optuna.create_study(storage=storage, sampler=samplers[sampler](seed=1), pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=WARM_UP_TRIALS)
    start = time.perf_counter()
    study.optimize(objective, n_trials=int(trials))
    print(int(trials) / (time.perf_counter() - start))


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    {"serve": serve, "search": search}[sys.argv[1]](*sys.argv[2:])
