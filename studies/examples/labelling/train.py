#!/usr/bin/env python3
"""Trains a classifier on the labels that there are, and predicts for the digits without one.

Started by Hone, it takes its parameters and labels from the study, and reports after each step of the training. Started
by hand, it uses DEFAULTS and the right classes of a hundred digits, and prints.
"""

import json
import os
import socket
from pathlib import Path

import numpy as np
from digits import Digits, name, row_of
from model import probabilities, train

DEFAULTS = {"C": 10.0, "class_weight": "none"}
LABELS_BY_HAND = 100


class Worker:
    """The worker, at the other end of HONE_SOCKET; a printer where there is none."""

    def __init__(self):
        self.lines = None
        if "HONE_SOCKET" in os.environ:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(os.environ["HONE_SOCKET"])
            self.lines = connection.makefile("rw", encoding="utf-8", newline="\n")

    def report(self, step, **metrics):
        """Reports values of a step; returns whether to stop here."""
        if self.lines is None:
            print(f"step {step}:", *(f"{name}={value:.4f}" for name, value in metrics.items()))
            return False
        self.lines.write(json.dumps({"op": "report", "step": step, "metrics": metrics}) + "\n")
        self.lines.flush()
        return json.loads(self.lines.readline())["prune"]


def labels(digits):
    """The rows that have a label, and their labels."""
    folder = os.environ.get("HONE_DATASET_LABELS")
    if folder is None:
        rows = digits.pool[:LABELS_BY_HAND]
        return rows, digits.classes[rows]
    lines = [json.loads(line) for line in Path(folder, "labels.jsonl").read_text().splitlines()]
    return np.array([row_of(line["id"]) for line in lines]), np.array([int(line["label"]) for line in lines])


def predict(model, digits, rows, folder):
    """Writes what the model says of the digits without a label, and of those for validation."""
    predictions = folder / "predictions"
    predictions.mkdir(parents=True, exist_ok=True)
    np.save(predictions / "pool.npy", probabilities(model, digits.pixels[rows]))
    # What the model sees is where a digit is among the others.
    np.save(predictions / "pool.embeddings.npy", digits.pixels[rows].astype(np.float32))
    (predictions / "pool.ids.txt").write_text("".join(name(row) + "\n" for row in rows))
    validation = model.predict(digits.pixels[digits.validation])
    (folder / "validation.json").write_text(json.dumps(validation.tolist()))


def main():
    """One trial."""
    worker, digits = Worker(), Digits()
    params = json.loads(os.environ.get("HONE_PARAMS") or json.dumps(DEFAULTS))
    folder = Path(os.environ.get("HONE_OUTPUT", "hone-output"))
    rows, classes = labels(digits)
    unlabelled = np.setdiff1d(digits.pool, rows)
    for step, model in enumerate(train(params, digits.pixels[rows], classes), 1):
        # Before the report, so that a trial which is told to stop has predicted, too.
        predict(model, digits, unlabelled, folder)
        accuracies = {name: digits.accuracy(model, getattr(digits, name)) for name in ("validation", "test")}
        # The test set is only looked at: the study searches for the best validation.
        if worker.report(step, val_accuracy=accuracies["validation"], test_accuracy=accuracies["test"]):
            break


if __name__ == "__main__":
    main()
