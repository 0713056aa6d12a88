"""Measures how many labels each way to choose needs for an accuracy: digits, logistic regression, batches of ten.

Every way starts from the same labels on the same split, half of the digits each, with the same model. Prints a line for
each: the labels at which the test accuracy first reaches the target, over the seeds, all of them counted, and the share
saved beside random choice, of medians and of means, with a bootstrap interval of the latter over seeds.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from modAL.batch import uncertainty_batch_sampling
from modAL.models import ActiveLearner
from modAL.uncertainty import entropy_sampling, margin_sampling
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import Badge, CoreSet, UncertaintySampling
from skactiveml.utils import MISSING_LABEL
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

START = 20
BATCH = 10
CLASSES = 10
RESAMPLES = 10_000


class Round:
    """What a way to choose sees: the training set, which of it has labels, and the model that was trained on them."""

    def __init__(self, seed: int, samples: Any, classes: Any, labelled: Any, model: Any) -> None:
        self.seed = seed
        self.samples = samples
        self.classes = classes
        self.labelled = labelled
        self.model = model
        self.open = np.setdiff1d(np.arange(len(samples)), labelled)

    def number(self) -> int:
        """The round, from 0."""
        return (len(self.labelled) - START) // BATCH

    def draw(self, count: int, among: Any) -> Any:
        """Samples drawn uniformly, other ones in each round."""
        return np.random.default_rng([self.seed, self.number()]).choice(among, count, replace=False)


Way = Callable[[Round, int], Any]


class Hone:
    """Chooses through the example program, one for all rounds."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def way(self, **plan: Any) -> Way:
        """Chooses with a plan."""

        def choose(at: Round, count: int) -> Any:
            pool = {
                "ids": [f"digit-{row}" for row in at.open],
                "members": [at.model.predict_proba(at.samples[at.open]).tolist()],
                "embeddings": at.samples[at.open].tolist(),
                "labelled": at.samples[at.labelled].tolist(),
            }
            question = {
                "call": "choose",
                "plan": plan,
                "count": count,
                "seed": at.seed * 1000 + at.number(),
                "pool": pool,
            }
            return at.open[[choice["row"] for choice in self.ask(question)["choices"]]]

        return choose

    def ask(self, question: dict[str, Any]) -> Any:
        """Asks, and returns what was found."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise SystemExit(reply["error"])
        return reply["ok"]


class Command:
    """Chooses with `hone label choose`, through files as a trial writes them, with what it does by default."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def way(self, *options: str) -> Way:
        """Chooses with these options."""

        def choose(at: Round, count: int) -> Any:
            np.save(self.folder / "pool.npy", at.model.predict_proba(at.samples[at.open]))
            np.save(self.folder / "pool.embeddings.npy", at.samples[at.open])
            (self.folder / "pool.ids.txt").write_text("".join(f"{row}\n" for row in at.open))
            pool, chance = self.folder / "pool.npy", ("--seed", str(at.seed), "--round", str(at.number()))
            command = [self.program, "label", "choose", pool, "--count", str(count), *chance, *options]
            environment = {"HONE_DATA": str(self.folder / "store"), "PATH": "/usr/bin:/bin"}
            chosen = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            return np.array([int(json.loads(line)["id"]) for line in chosen.splitlines()])

        return choose


def random(at: Round, count: int) -> Any:
    """Chooses uniformly."""
    return at.draw(count, at.open)


def modal(query: Any) -> Way:
    """Chooses with a query strategy of modAL."""

    def choose(at: Round, count: int) -> Any:
        learner = ActiveLearner(estimator=LogisticRegression(C=10, max_iter=2_000), query_strategy=query)
        # Fitted already: modAL would fit it again, to the same.
        learner.estimator = at.model
        learner.X_training, learner.y_training = at.samples[at.labelled], at.classes[at.labelled]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, *_ = learner.query(at.samples[at.open], n_instances=count)
        return at.open[found]

    return choose


def skactiveml(strategy: Callable[[int], Any], *, needs_model: bool) -> Way:
    """Chooses with a query strategy of scikit-activeml."""

    def choose(at: Round, count: int) -> Any:
        classes = np.full(len(at.samples), MISSING_LABEL)
        classes[at.labelled] = at.classes[at.labelled]
        given: dict[str, Any] = {"X": at.samples, "y": classes, "batch_size": count}
        if needs_model:
            given["clf"] = SklearnClassifier(LogisticRegression(C=10, max_iter=2_000), classes=range(CLASSES))
        return strategy(at.seed * 1000 + at.number()).query(**given)

    return choose


def ways(hone: Hone, command: Command) -> dict[str, Way]:
    """All ways, by name; the first is what the others are compared with."""
    return {
        "random": random,
        "hone label choose, as it is by default": command.way(),
        "hone label choose --control 0": command.way("--control", "0"),
        "Hone, margin and k-center": hone.way(),
        "Hone, margin and k-means++": hone.way(diversity="k-means++"),
        "Hone, margin and k-center, prefilter 10": hone.way(prefilter=10.0),
        "Hone, margin alone": hone.way(diversity="none"),
        "Hone, 80 % margin and 20 % random": hone.way(method={"margin": 0.8, "random": 0.2}),
        "Hone, least confidence alone": hone.way(method="least_confidence", diversity="none"),
        "Hone, entropy alone": hone.way(method="entropy", diversity="none"),
        "Hone, core-set": hone.way(method="core_set"),
        "Hone, BADGE": hone.way(method="badge"),
        "Hone, TypiClust": hone.way(method="typiclust"),
        "modAL, margin": modal(margin_sampling),
        "modAL, entropy": modal(entropy_sampling),
        "modAL, ranked batch": modal(uncertainty_batch_sampling),
        "scikit-activeml, margin": skactiveml(
            lambda seed: UncertaintySampling(method="margin_sampling", random_state=seed), needs_model=True
        ),
        "scikit-activeml, BADGE": skactiveml(lambda seed: Badge(random_state=seed), needs_model=True),
        "scikit-activeml, core-set": skactiveml(lambda seed: CoreSet(random_state=seed), needs_model=False),
    }


def needed(way: Way, seed: int, target: float) -> int:
    """The labels at which a way first reaches the accuracy, those to start with among them."""
    samples, classes = load_digits(return_X_y=True)
    train, test, train_classes, test_classes = train_test_split(
        samples / 16, classes, test_size=0.5, stratify=classes, random_state=seed
    )
    labelled = np.random.default_rng(seed).choice(len(train), START, replace=False)
    while True:
        model = LogisticRegression(C=10, max_iter=2_000).fit(train[labelled], train_classes[labelled])
        if model.score(test, test_classes) >= target or len(labelled) + BATCH > len(train):
            return len(labelled)
        chosen = way(Round(seed, train, train_classes, labelled, model), BATCH)
        assert len(np.unique(chosen)) == BATCH, chosen
        assert not np.isin(chosen, labelled).any(), chosen
        labelled = np.concatenate([labelled, chosen])


def interval(counts: list[int], random_counts: list[int]) -> tuple[float, float]:
    """The bootstrap interval of 95 % of the saving of means, over seeds."""
    draw = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    own, other = (np.array(one)[draw].mean(axis=1) for one in (counts, random_counts))
    low, high = np.quantile(1 - own / other, [0.025, 0.975])
    return float(low), float(high)


def line(name: str, counts: list[int], base: list[int]) -> str:
    """A line of the table."""
    median, mean = statistics.median(counts), statistics.mean(counts)
    low, high = interval(counts, base)
    saved = f"{1 - median / statistics.median(base):7.0%} {1 - mean / statistics.mean(base):7.0%}"
    return f"{name:42} {median:6.0f} {mean:6.0f}  {min(counts):6} {max(counts):7} {saved}  {low:.0%} to {high:.0%}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--only", default="", help="ways whose names have this text")
    parser.add_argument("--program", type=Path, default=Path("target/release/examples/acquisition"))
    parser.add_argument("--hone", type=Path, default=Path(os.environ.get("HONE_BINARY", "target/release/hone")))
    options = parser.parse_args()
    print(f"labels to {options.target:.0%} test accuracy, {options.seeds} seeds")
    print(f"{'':42} median   mean   fewest, most   saved: median, mean, 95 %")
    base: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, way in ways(Hone(options.program), Command(options.hone, Path(folder))).items():
            if base and options.only not in name:
                continue
            counts = [needed(way, options.first_seed + seed, options.target) for seed in range(options.seeds)]
            base = base or counts
            print(line(name, counts, base), flush=True)


if __name__ == "__main__":
    main()
