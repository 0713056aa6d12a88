"""Measures what Hone's throughput is compared with: Optuna behind its gRPC proxy, and HyperQueue.

Prints one JSON object per line: {"name", "per_second", "in_flight", "detail"}.

    python bench/peers.py --seconds 5 [--only optuna|hyperqueue] [-- PROGRAM ARGUMENT…]

Every figure is taken over the given time after a warm-up, on whatever else this machine does at that moment: run it
through the benchmark, which measures Hone within the same minutes.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import tempfile
import time

PARAMETERS = [f"p{index}" for index in range(10)]
WARM_UP = 0.5


def say(name, per_second, in_flight, detail):
    print(json.dumps({"name": name, "per_second": per_second, "in_flight": in_flight, "detail": detail}), flush=True)


# ---------------------------------------------------------------- Optuna


def proxy_server(url, port):
    """Serves an in-memory or relational storage over Optuna's own gRPC proxy, until it is killed."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.InMemoryStorage() if url is None else optuna.storages.get_storage(url)
    optuna.storages.run_grpc_proxy_server(storage, host="127.0.0.1", port=port)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def optuna_client(port, seconds, results):
    """Asks for trials of ten floats and tells their value, and reports how many it finished per second."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=port)
    storage.wait_server_ready(timeout=60)
    sampler = optuna.samplers.RandomSampler(seed=os.getpid())
    study = optuna.create_study(storage=storage, study_name="bench", load_if_exists=True, sampler=sampler)

    def one():
        trial = study.ask()
        value = sum(trial.suggest_float(name, 0.0, 1.0) for name in PARAMETERS)
        study.tell(trial, value)

    until = time.perf_counter() + WARM_UP
    while time.perf_counter() < until:
        one()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        one()
        count += 1
    results.put(count / (time.perf_counter() - start))


def optuna_proxy(name, url, clients, seconds):
    spawn = multiprocessing.get_context("spawn")
    port, results = free_port(), spawn.Queue()
    server = spawn.Process(target=proxy_server, args=(url, port), daemon=True)
    server.start()
    workers = [spawn.Process(target=optuna_client, args=(port, seconds, results)) for _ in range(clients)]
    try:
        for worker in workers:
            worker.start()
        total = sum(results.get(timeout=seconds * 10 + 120) for _ in workers)
        for worker in workers:
            worker.join()
    finally:
        server.kill()
        server.join()
    say(name, total, clients, "ask, 10 × suggest_float, tell; RandomSampler; client processes")


def optuna_peers(seconds):
    folder = tempfile.mkdtemp(prefix="hone-bench-")
    try:
        optuna_proxy("Optuna 5, gRPC proxy, in memory", None, 1, seconds)
        optuna_proxy("Optuna 5, gRPC proxy, in memory", None, 4, seconds)
        optuna_proxy("Optuna 5, gRPC proxy, SQLite", f"sqlite:///{folder}/optuna.db", 1, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------- HyperQueue


def hyperqueue_rate(client, job):
    """Submits a job and measures its finished tasks per second between the first and the last look at it."""
    submitted = client.submit(job)
    looks = []

    def look(jobs):
        finished = sum(status["finished"] for status in jobs.values())
        looks.append((time.perf_counter(), finished))

    client.connection.wait_for_jobs((submitted.id,), look)
    running = [(at, count) for at, count in looks if count > 0]
    rising = [pair for index, pair in enumerate(running) if index == 0 or pair[1] > running[index - 1][1]]
    (first_at, first), (last_at, last) = rising[0], rising[-1]
    return (last - first) / (last_at - first_at)


def hyperqueue(program, cores, seconds, keep_output):
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig

    folder = tempfile.mkdtemp(prefix="hone-bench-")
    os.chdir(folder)
    try:
        with LocalCluster(server_dir=None, worker_config=WorkerConfig(cores=cores)) as cluster:
            client = cluster.client()
            output = {} if keep_output else {"stdout": None, "stderr": None}
            # Enough for about the wanted time at the rate that was seen elsewhere (400 to 1,000 a second).
            tasks = int(seconds * 800)
            job = Job(default_workdir=folder)
            for _ in range(tasks):
                job.program(program, **output)
            rate = hyperqueue_rate(client, job)
        kept = "output kept" if keep_output else "output thrown away"
        say("HyperQueue 0.27", rate, cores, f"{tasks} tasks, {kept}, no journal")
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def hyperqueue_peers(program, seconds):
    """Each in a process of its own: a cluster lives in the process that starts it."""
    spawn = multiprocessing.get_context("spawn")
    for cores, keep_output in [(1, True), (2, True), (16, True), (2, False)]:
        process = spawn.Process(target=hyperqueue, args=(program, cores, seconds, keep_output))
        process.start()
        process.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("program", nargs="*", default=["/bin/true"])
    parser.add_argument("--only", choices=["optuna", "hyperqueue"])
    options = parser.parse_args()
    if options.only != "hyperqueue":
        optuna_peers(options.seconds)
    if options.only != "optuna":
        hyperqueue_peers(options.program, options.seconds)


if __name__ == "__main__":
    main()
