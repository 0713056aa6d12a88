#!/usr/bin/env python3
"""Labels digits until a model gets 95 % of a test set right, asking for those that the models are unsure of.

Each round: a study on the labels that there are; its best trials predict for the digits without a label, as a
committee; Hone chooses a batch, a tenth of it at random; an annotator answers. Killed at any moment and started again
with the same folder, it goes on.
"""

import argparse
import csv
import json
import os
import shutil
import sys
from itertools import count
from pathlib import Path

# Matrices are small: threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from annotator import Annotator, Person
from at_random import best_model, label_at_random
from digits import CLASSES, Digits, name, png, row_of
from place import Place
from plot import draw

HERE = Path(__file__).resolve().parent
PROJECT = "digits"
START = 20
COMMITTEE = 3


def write(path, text):
    """Writes beside and renames: the file is there as a whole or not at all."""
    beside = path.with_name(f"new-{path.name}")
    beside.write_text(text)
    beside.replace(path)


def json_lines(documents):
    """One document a line."""
    return "".join(json.dumps(document) + "\n" for document in documents)


class Loop:
    """The rounds in a folder. Each step finds out whether it was done already."""

    def __init__(self, place, options):
        self.place = place
        self.options = options
        self.digits = Digits()
        self.rounds_file = place.folder / "rounds.jsonl"
        text = self.rounds_file.read_text() if self.rounds_file.exists() else ""
        self.rounds = [json.loads(line) for line in text.splitlines()]

    def folder(self, number):
        """Where the files of a round are."""
        folder = self.place.folder / f"round-{number}"
        folder.mkdir(exist_ok=True)
        return folder

    def prepare(self):
        """Makes the pool that annotators see, the project, and the choice of labels to start with."""
        pool, chosen = self.place.folder / "pool.jsonl", self.folder(0) / "chosen.jsonl"
        if not pool.exists():
            (self.place.folder / "images").mkdir(exist_ok=True)
            for row in self.digits.pool:
                (self.place.folder / "images" / f"{name(row)}.png").write_bytes(png(self.digits.pixels[row]))
            samples = ({"id": name(row), "image": f"images/{name(row)}.png"} for row in self.digits.pool)
            write(pool, json_lines(samples))
        if not chosen.exists():
            rows = np.random.default_rng(self.options.seed).choice(self.digits.pool, START, replace=False)
            write(chosen, json_lines({"id": name(row), "hone": {"control": True}} for row in rows))
        if PROJECT not in [project["name"] for project in self.place.json("label", "ls")]:
            self.place.run("label", "create", HERE / "project.toml")

    def run(self, annotator):
        """Goes through the rounds until the test set is right often enough; returns the last one."""
        self.ask(0, annotator)
        for number in count(1):
            found = self.known(number) or self.measure(number)
            print(sentence(found), flush=True)
            if found["test_accuracy"] >= self.options.target or number == self.options.rounds:
                return found
            self.choose(number)
            self.ask(number, annotator)

    def ask(self, number, annotator):
        """Asks for the labels that were chosen, and has them answered. What is asked for already is passed over."""
        chosen = self.folder(number) / "chosen.jsonl"
        self.place.run("label", "ask", PROJECT, self.place.folder / "pool.jsonl", "--chosen", chosen)
        annotator.work(PROJECT, lambda sample: str(self.digits.classes[row_of(sample)]))

    def known(self, number):
        """What a round has found, if it was measured."""
        return next((one for one in self.rounds if one["kind"] == "active" and one["round"] == number), None)

    def measure(self, number):
        """Searches for the best model on all labels, and measures it, and one on the labels at random alone."""
        study = f"labelling-{number}"
        self.place.run("label", "export", PROJECT, "--dataset", "digits-labels")
        self.place.run("run", HERE, "--name", study, "--max-trials", self.options.trials, "--no-worker")
        trials = self.best(study)
        candidates = [trial["params"] for trial in trials]
        predicted = json.loads((self.fetch(number, study, trials[0]) / "validation.json").read_text())
        labels = self.labels()
        control = {row: label for row, (label, is_control) in labels.items() if is_control}
        own = {"at_random": len(control), "candidates": candidates}
        self.note("active", number, len(labels), predicted, trials[0]["metrics"]["test_accuracy"], **own)
        if len(control) not in [one["labels"] for one in self.rounds if one["kind"] == "control"]:
            model = best_model(self.digits, candidates, list(control), list(control.values()))
            predicted = model.predict(self.digits.pixels[self.digits.validation]).tolist()
            self.note("control", number, len(control), predicted, self.digits.accuracy(model, self.digits.test))
        write(self.rounds_file, json_lines(self.rounds))
        return self.known(number)

    def best(self, study):
        """The trials that came to their end, best first."""
        return self.place.json("study", "best", study, "--count", self.options.trials)

    def note(self, kind, number, labels, predicted, test_accuracy, **more):
        """Adds a line for `hone label meter`, which reads of validation what was right, and never the test set."""
        right = (np.array(predicted) == self.digits.classes[self.digits.validation]).tolist()
        measured = {"hits": right, "predictions": predicted, "test_accuracy": test_accuracy}
        self.rounds.append({"kind": kind, "round": number, "labels": labels, **measured, **more})

    def labels(self):
        """The rows that have a label, with it, and whether they were drawn at random."""
        lines = csv.DictReader(self.place.run("label", "export", PROJECT, "--format", "csv").splitlines())
        return {row_of(line["id"]): (int(line["label"]), line["control"] == "true") for line in lines}

    def fetch(self, number, study, trial):
        """Fetches what a trial has written; returns the folder."""
        folder, beside = (self.folder(number) / f"{prefix}trial-{trial['number']}" for prefix in ("", "new-"))
        if not folder.exists():
            shutil.rmtree(beside, ignore_errors=True)
            self.place.run("trial", "outputs", f"{study}/{trial['number']}", "--to", beside)
            beside.rename(folder)
        return folder

    def choose(self, number):
        """Chooses the next batch, by what the best trials of the round predict together."""
        chosen, study = self.folder(number) / "chosen.jsonl", f"labelling-{number}"
        if chosen.exists():
            return
        beside = chosen.with_name("new-chosen.jsonl")
        names = ",".join(map(str, range(CLASSES)))
        wanted = ("--count", self.options.batch, "--round", number - 1, "--seed", self.options.seed)
        told = ("--asked", PROJECT, "--classes", names, "--model", study, "--to", beside)
        # The study is the committee: its best trials' predictions, read where they are.
        committee = ("--study", study, "--members", COMMITTEE)
        self.place.run("label", "choose", *committee, *wanted, *told)
        beside.replace(chosen)


def percent(share):
    """A share as people read it."""
    return f"{100 * share:.1f} %"


def sentence(found):
    """A round in a line."""
    right = sum(found["hits"]) / len(found["hits"])
    labels = f"{found['labels']:4} labels, {found['at_random']:3} at random"
    return f"round {found['round']:2}: {labels}; validation {percent(right)}, test {percent(found['test_accuracy'])}"


def conclude(loop, last):
    """Says what it took, and what labelling at random takes; draws both."""
    target, place = loop.options.target, loop.place
    is_reached = last["test_accuracy"] >= target
    labels = f"{last['labels']} labels, {last['at_random']} of them at random"
    print(f"\n{percent(last['test_accuracy'])} of the test set with {labels}")
    print("\nhone label meter, from the labels at random alone, on the validation set:")
    print(place.run("label", "meter", loop.rounds_file), end="")
    active = [one for one in loop.rounds if one["kind"] == "active"]
    path = place.folder / "at-random.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.get("rounds") != len(active) or known.get("target") != target:
        most = None if is_reached else last["labels"]
        first = [row for row, (_, is_control) in loop.labels().items() if is_control][:START]
        curves = label_at_random(loop.digits, first, loop.options.batch, active, target, most)
        known = {"rounds": len(active), "target": target, "curves": curves}
        write(path, json.dumps(known))
    print("\n" + compared(last["labels"] if is_reached else None, target, known["curves"]))
    picture = place.folder / "accuracy.svg"
    write(picture, draw(loop.rounds, known["curves"], target))
    print(f"picture: {picture}")


def compared(labels, target, curves):
    """What labelling at random took, in words."""
    if labels is None:
        return f"not at {percent(target)} yet: what labelling at random takes is told then"
    needed = sorted(curve[-1]["labels"] for curve in curves)
    median = needed[len(needed) // 2]
    words = f"labelling at random, on the same split: {', '.join(map(str, needed))} labels in {len(needed)} orders"
    return f"{words}\n{labels} instead of {median} labels (the median): {percent(1 - labels / median)} fewer"


def parsed():
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("hone-labelling"), help="where everything is kept")
    parser.add_argument("--target", type=float, default=0.95, help="accuracy on the test set at which it ends")
    parser.add_argument("--rounds", type=int, help="rounds at most")
    parser.add_argument("--batch", type=int, default=10, help="labels asked for in a round")
    parser.add_argument("--trials", type=int, default=6, help="trials of a study")
    parser.add_argument("--seed", type=int, default=0, help="decides all chance")
    parser.add_argument("--person", metavar="NAME", help="somebody labels on the page, instead of the program")
    return parser.parse_args()


def annotator_of(place, page, person):
    """The program, or who looks on while a person answers."""
    token = place.run("label", "invite", "robot", "--token", "--expires", "1d").strip()
    if person is None:
        return Annotator(page, token)
    link = place.run("label", "invite", person, "--project", PROJECT).strip()
    print(f"label here, {person}: {link}", flush=True)
    return Person(page, token)


def main():
    """Runs the loop from where it was."""
    options = parsed()
    place = Place(options.folder)
    loop = Loop(place, options)
    with place.served() as page:
        loop.prepare()
        annotator = annotator_of(place, page, options.person)
        try:
            last = loop.run(annotator)
        finally:
            annotator.leave()
        conclude(loop, last)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
