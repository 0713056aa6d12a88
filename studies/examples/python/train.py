#!/usr/bin/env python3
"""Trains a softmax regression on the wine data with nothing but the standard library.

Started by Hone, it takes its parameters from HONE_PARAMS, reports each epoch over HONE_SOCKET and goes on from
HONE_CHECKPOINT. Started by hand, it uses DEFAULTS and prints.
"""

import csv
import json
import math
import os
import random
import socket
import sys
from pathlib import Path

DEFAULTS = {"learning_rate": 0.05, "weight_decay": 1e-3, "momentum": 0.9, "batch_size": 16, "schedule": "constant"}
CLASSES = 3
EPOCHS = 30
SPLIT_SEED = 1


class Hone:
    """The worker, at the other end of HONE_SOCKET; a printer where there is none."""

    def __init__(self):
        path = os.environ.get("HONE_SOCKET")
        self.lines = None
        if path:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(path)
            self.lines = connection.makefile("rw", encoding="utf-8", newline="\n")

    def ask(self, message):
        self.lines.write(json.dumps(message) + "\n")
        self.lines.flush()
        answer = json.loads(self.lines.readline() or '{"ok": false, "error": "the worker is gone"}')
        if not answer["ok"]:
            sys.exit("hone: " + answer["error"])
        return answer

    def report(self, step, **metrics):
        """Reports values of one step; returns whether to stop here."""
        if self.lines is None:
            print("epoch", step, *("{}={:.5f}".format(*item) for item in metrics.items()))
            return False
        # JSON has no word for numbers that are not finite: they travel as "nan", "inf" and "-inf".
        wire = {name: value if math.isfinite(value) else repr(value) for name, value in metrics.items()}
        return self.ask({"op": "report", "step": step, "metrics": wire})["prune"]

    def checkpoint(self):
        """Says that HONE_CHECKPOINT holds a complete checkpoint."""
        if self.lines is not None:
            self.ask({"op": "checkpoint"})


def load(path):
    """Reads the table and returns (training, validation) rows of (features, label), standardised, the bias first."""
    with open(path, newline="") as file:
        table = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    random.Random(SPLIT_SEED).shuffle(table)
    cut = len(table) * 7 // 10
    columns = list(zip(*(row[:-1] for row in table[:cut])))
    means = [sum(column) / len(column) for column in columns]
    deviations = [math.sqrt(sum((x - m) ** 2 for x in column) / len(column)) for column, m in zip(columns, means)]
    rows = [([1.0] + [(x - m) / d for x, m, d in zip(row, means, deviations)], int(row[-1])) for row in table]
    return rows[:cut], rows[cut:]


def probabilities(weights, features):
    scores = [sum(w * x for w, x in zip(row, features)) for row in weights]
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def evaluate(weights, rows):
    """Returns the mean cross-entropy and the accuracy."""
    loss, hits = 0.0, 0
    for features, label in rows:
        p = probabilities(weights, features)
        loss -= math.log(max(p[label], 1e-12)) / len(rows)
        hits += p.index(max(p)) == label
    return loss, hits / len(rows)


def gradient(weights, batch):
    total = [[0.0] * len(row) for row in weights]
    for features, label in batch:
        for k, p in enumerate(probabilities(weights, features)):
            error = (p - (k == label)) / len(batch)
            total[k] = [g + error * x for g, x in zip(total[k], features)]
    return total


def learning_rate(params, epoch):
    if params["schedule"] == "constant":
        return params["learning_rate"]
    return params["learning_rate"] * params["decay"] ** epoch


def train_epoch(params, state, rows, seed):
    """One pass over the rows in an order that depends on the seed and the epoch alone, so that it can be repeated."""
    rows = list(rows)
    random.Random("{}/{}".format(seed, state["epoch"])).shuffle(rows)
    rate = learning_rate(params, state["epoch"])
    for start in range(0, len(rows), params["batch_size"]):
        slopes = gradient(state["weights"], rows[start : start + params["batch_size"]])
        for w, v, g in zip(state["weights"], state["velocity"], slopes):
            for i in range(len(w)):
                v[i] = params["momentum"] * v[i] - rate * (g[i] + params["weight_decay"] * w[i])
                w[i] += v[i]
    state["epoch"] += 1


def resume(path, width):
    """Returns the state in the checkpoint, else a fresh one. JSON keeps every bit of a float."""
    if path and path.exists():
        return json.loads(path.read_text())
    zeros = [[0.0] * width for _ in range(CLASSES)]
    return {"epoch": 0, "weights": zeros, "velocity": [list(row) for row in zeros]}


def save(path, state):
    """Writes beside and renames, so that the file is complete at every moment."""
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(state))
    os.replace(str(beside), str(path))


def folder(name):
    return Path(os.environ[name]) if os.environ.get(name) else None


def main():
    hone = Hone()
    params = json.loads(os.environ.get("HONE_PARAMS") or json.dumps(DEFAULTS))
    seed = os.environ.get("HONE_TRIAL", "0")
    checkpoints, output = folder("HONE_CHECKPOINT"), folder("HONE_OUTPUT")
    checkpoint = checkpoints and checkpoints / "state.json"
    training, validation = load(Path(__file__).resolve().parent / "wine.csv")

    state = resume(checkpoint, len(training[0][0]))
    while state["epoch"] < EPOCHS:
        train_epoch(params, state, training, seed)
        loss, accuracy = evaluate(state["weights"], validation)
        if hone.report(state["epoch"], val_loss=loss, val_accuracy=accuracy):
            print("told to stop after epoch", state["epoch"])
            return
        # After the report: what a checkpoint contains has been reported. Never of the last epoch, so that a
        # resumed attempt has something to report.
        if checkpoint and state["epoch"] < EPOCHS:
            save(checkpoint, state)
            hone.checkpoint()
    if output:
        (output / "weights.json").write_text(json.dumps(state["weights"]))


if __name__ == "__main__":
    main()
