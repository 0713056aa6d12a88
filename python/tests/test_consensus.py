"""What several annotators say: Hone's mathematics beside other libraries on the same answers."""

import itertools
import json
import math
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support.real import REPOSITORY

# What crowd-kit still says to pandas.
pytestmark = [pytest.mark.labels, pytest.mark.filterwarnings("ignore:The .* keyword")]

Triples = list[tuple[int, int, int]]


class Consensus:
    """The example program, which answers questions in JSON."""

    def __init__(self) -> None:
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
        program = target / "release" / "examples" / "consensus"
        build = "cargo build --release -p hone-consensus --example consensus"
        assert program.exists(), f"there is no `{program}`; build it with `{build}`"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def reply(self, call: str, **question: Any) -> dict[str, Any]:
        """Asks, and returns the whole reply."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"call": call, **question}) + "\n")
        self.process.stdin.flush()
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def ask(self, call: str, **question: Any) -> Any:
        """Asks, and returns what was found."""
        reply = self.reply(call, **question)
        assert "error" not in reply, reply
        return reply["ok"]


@pytest.fixture(scope="module")
def consensus() -> Iterator[Consensus]:
    """One program for all questions."""
    consensus = Consensus()
    yield consensus
    assert consensus.process.stdin is not None
    consensus.process.stdin.close()
    assert consensus.process.wait(timeout=30) == 0


def made(seed: int, items: int, annotators: int, classes: int, overlap: int | None) -> Triples:
    """Answers of annotators of every quality; `overlap` of them to each item, or from one to all."""
    draw = random.Random(seed)
    skills = [draw.uniform(0.4, 0.95) for _ in range(annotators)]
    answers = []
    for item in range(items):
        truth = draw.randrange(classes)
        for annotator in draw.sample(range(annotators), overlap or draw.randint(1, annotators)):
            answers.append((item, annotator, truth if draw.random() < skills[annotator] else draw.randrange(classes)))
    return answers


def given(answers: Triples, classes: int) -> dict[str, Any]:
    """The same as the program takes them."""
    items, annotators = (1 + max(answer[at] for answer in answers) for at in (0, 1))
    return {"items": items, "annotators": annotators, "classes": classes, "answers": answers}


def frame(answers: Triples) -> Any:
    """The same as crowd-kit takes them."""
    import pandas as pd

    return pd.DataFrame(answers, columns=["task", "worker", "label"])


def rows(flat: list[float], classes: int) -> Any:
    """A flat list of numbers as a table."""
    import numpy as np

    return np.array(flat).reshape(-1, classes)


def largest(first: Any, second: Any) -> float:
    """The largest difference of two tables."""
    import numpy as np

    return float(np.abs(np.asarray(first) - np.asarray(second)).max())


def table(theirs: Any) -> Any:
    """The probabilities that crowd-kit gives, by item and class."""
    return theirs.probas_.sort_index().sort_index(axis=1)


def floored(ours: dict[str, Any], classes: int) -> Any:
    """Probabilities as crowd-kit reports them: it lifts them to 1e-10 where it evaluates its bound, in place."""
    return rows(ours["posteriors"], classes).clip(1e-10)


CROWDS = [(1, 60, 5, 2, None), (2, 200, 12, 3, 4), (3, 150, 8, 5, 3), (4, 400, 30, 4, 5)]


@pytest.mark.parametrize(("seed", "items", "annotators", "classes", "overlap"), CROWDS)
def test_votes_are_crowd_kits(
    consensus: Consensus, seed: int, items: int, annotators: int, classes: int, overlap: int | None
) -> None:
    """Shares of votes, weighted ones too; crowd-kit gives a tie to the first class."""
    import pandas as pd
    from crowdkit.aggregation import MajorityVote

    answers = made(seed, items, annotators, classes, overlap)
    weights = [random.Random(seed).uniform(0.1, 2) for _ in range(annotators)]
    for skills in (None, weights):
        theirs = MajorityVote().fit(frame(answers), None if skills is None else pd.Series(skills))
        ours = consensus.ask("majority", given=given(answers, classes), weights=skills)
        assert largest(rows(ours["shares"], classes), table(theirs)) < 1e-12
        winners = [standing.get("class", min(standing.get("classes", [0]))) for standing in ours["standings"]]
        is_tied = [standing["kind"] == "tied" for standing in ours["standings"]]
        labels = theirs.labels_.sort_index()
        # Sums that differ by rounding alone are tied here, and not there.
        assert all(mine == other for mine, other, tied in zip(winners, labels, is_tied, strict=True) if not tied)


#: Other libraries floor what would be 0 as this does, and add no answers.
PLAIN = {"smoothing": {"class": 0.0, "agree": 0.0, "differ": 0.0}, "tolerance": 0.0}


@pytest.mark.parametrize(("seed", "items", "annotators", "classes", "overlap"), CROWDS)
@pytest.mark.parametrize("iterations", [1, 5, 40])
def test_iterations_are_crowd_kits(
    consensus: Consensus, seed: int, items: int, annotators: int, classes: int, overlap: int | None, iterations: int
) -> None:
    """Dawid and Skene's, iteration by iteration; crowd-kit's own rule to stop is left out (see below)."""
    from crowdkit.aggregation import DawidSkene

    answers = made(seed, items, annotators, classes, overlap)
    theirs = DawidSkene(n_iter=iterations, tol=-math.inf).fit(frame(answers))
    settings = {**PLAIN, "model": "full", "max_iterations": iterations}
    ours = consensus.ask("dawid_skene", given=given(answers, classes), settings=settings)
    assert largest(floored(ours, classes), table(theirs)) < 1e-12
    assert largest(ours["prior"], theirs.priors_.sort_index()) < 1e-12
    for (worker, label), column in theirs.errors_.sort_index(axis=1).iterrows():
        mine = rows(ours["confusions"][worker]["rates"], classes)[:, label]
        assert largest(mine, column) < 1e-12


@pytest.mark.parametrize(("seed", "items", "annotators", "classes", "overlap"), CROWDS)
def test_one_coin_is_crowd_kits(
    consensus: Consensus, seed: int, items: int, annotators: int, classes: int, overlap: int | None
) -> None:
    """The one-coin model, iteration by iteration."""
    from crowdkit.aggregation import OneCoinDawidSkene

    answers = made(seed, items, annotators, classes, overlap)
    for iterations in (1, 7):
        theirs = OneCoinDawidSkene(n_iter=iterations, tol=-math.inf).fit(frame(answers))
        settings = {**PLAIN, "model": "one_coin", "max_iterations": iterations}
        ours = consensus.ask("dawid_skene", given=given(answers, classes), settings=settings)
        assert largest(floored(ours, classes), table(theirs)) < 1e-12
        accuracies = [confusion["rates"][0] for confusion in ours["confusions"]]
        # An accuracy of 1 is held down by the floor here, and there in the errors alone.
        assert largest(accuracies, theirs.skills_.sort_index()) < 1e-9


def test_known_classes_are_crowd_kits(consensus: Consensus) -> None:
    """Items whose class is known keep it, and teach."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    answers = made(9, 120, 6, 3, 4)
    known = {item: item % 3 for item in range(0, 120, 7)}
    theirs = DawidSkene(n_iter=15, tol=-math.inf).fit(frame(answers), true_labels=pd.Series(known))
    gold = [{"item": item, "class": label} for item, label in known.items()]
    settings = {**PLAIN, "model": "full", "max_iterations": 15}
    ours = consensus.ask("dawid_skene", given=given(answers, 3), gold=gold, settings=settings)
    assert largest(floored(ours, 3), table(theirs)) < 1e-12


def test_labels_are_crowd_kits_with_both_rules_to_stop(consensus: Consensus) -> None:
    """Each by its own rule: crowd-kit looks at a bound that counts the prior once for each answer, not each item."""
    from crowdkit.aggregation import DawidSkene

    answers = made(4, 400, 30, 4, 5)
    theirs = DawidSkene(n_iter=500).fit(frame(answers)).labels_.sort_index()
    settings = {**PLAIN, "model": "full", "tolerance": 1e-6, "max_iterations": 500}
    ours = consensus.ask("dawid_skene", given=given(answers, 4), settings=settings)
    assert ours["is_converged"]
    labels = rows(ours["posteriors"], 4).argmax(axis=1)
    assert (labels == theirs.to_numpy()).mean() > 0.97


def test_estimates_that_follow_answers_come_to_rest_at_crowd_kits(consensus: Consensus) -> None:
    """Incremental estimates, swept, against full iterations of the other library."""
    from crowdkit.aggregation import OneCoinDawidSkene

    answers = made(5, 300, 8, 3, 6)
    theirs = OneCoinDawidSkene(n_iter=60, tol=-math.inf).fit(frame(answers))
    ours = consensus.ask("online", given=given(answers, 3), settings={**PLAIN, "model": "one_coin"}, sweeps=200)
    assert largest(ours["posteriors"], table(theirs)) < 1e-6


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_krippendorffs(consensus: Consensus, level: str) -> None:
    """Alpha with missing values at each level, of classes and of numbers."""
    import krippendorff
    import numpy as np

    for seed in range(5):
        draw = np.random.default_rng(seed)
        values = draw.integers(0, 5, (6, 40)).astype(float)
        values += np.where(draw.random((6, 40)) < 0.5, 0, values)
        if seed == 4:
            values = draw.lognormal(size=(6, 40))
        values[draw.random((6, 40)) < 0.4] = np.nan
        theirs = krippendorff.alpha(values, level_of_measurement=level)
        units = [column[~np.isnan(column)].tolist() for column in values.T]
        assert consensus.ask("alpha", units=units, level=level) == pytest.approx(theirs, abs=1e-12)


def test_the_interval_of_alpha_is_that_of_resampled_items(consensus: Consensus) -> None:
    """Percentiles over other draws of items, so within the noise of 2,000 draws."""
    import krippendorff
    import numpy as np

    draw = np.random.default_rng(1)
    truth = draw.integers(0, 3, 60)
    values = np.where(draw.random((4, 60)) < 0.7, truth, draw.integers(0, 3, (4, 60))).astype(float)
    picked = (draw.integers(0, 60, 60) for _ in range(1_000))
    theirs = [krippendorff.alpha(values[:, items], level_of_measurement="nominal") for items in picked]
    ours = consensus.ask(
        "alpha_interval", units=values.T.tolist(), level="nominal", confidence=0.9, resamples=2_000, seed=7
    )
    assert ours["interval"]["low"] == pytest.approx(np.quantile(theirs, 0.05), abs=0.02)
    assert ours["interval"]["high"] == pytest.approx(np.quantile(theirs, 0.95), abs=0.02)


def test_kappas_are_scikit_learns_and_statsmodels(consensus: Consensus) -> None:
    """Cohen's kappa with each weighting, and Fleiss'."""
    import numpy as np
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    for seed in range(5):
        draw = np.random.default_rng(seed)
        first = draw.integers(0, 5, 80)
        second = np.where(draw.random(80) < 0.6, first, draw.integers(0, 5, 80))
        for weighting, weights in (("equal", None), ("linear", "linear"), ("quadratic", "quadratic")):
            theirs = cohen_kappa_score(first, second, labels=list(range(5)), weights=weights)
            question = {"first": first.tolist(), "second": second.tolist(), "classes": 5, "weighting": weighting}
            assert consensus.ask("cohen_kappa", **question) == pytest.approx(theirs, abs=1e-12)
        answers = made(seed, 50, 8, 4, 4)
        table = [[label for item, _, label in answers if item == at] for at in range(50)]
        counts, _ = aggregate_raters(np.array(table), n_cat=4)
        assert consensus.ask("fleiss_kappa", given=given(answers, 4)) == pytest.approx(fleiss_kappa(counts), abs=1e-12)


def test_pairs_of_annotators_are_compared_on_what_they_share(consensus: Consensus) -> None:
    """Cohen's kappa of every two annotators, over gaps."""
    from sklearn.metrics import cohen_kappa_score

    answers = made(3, 150, 6, 3, 3)
    by_annotator = [{item: label for item, who, label in answers if who == at} for at in range(6)]
    pairs = consensus.ask("pairwise_kappa", given=given(answers, 3), weighting="linear")
    assert len(pairs) == 15
    for pair in pairs:
        first, second = by_annotator[pair["first"]], by_annotator[pair["second"]]
        shared = sorted(first.keys() & second.keys())
        assert pair["items"] == len(shared)
        lists = [[labels[item] for item in shared] for labels in (first, second)]
        theirs = cohen_kappa_score(*lists, labels=[0, 1, 2], weights="linear")
        assert pair["kappa"] == pytest.approx(theirs, abs=1e-12)


def test_rates_are_statsmodels(consensus: Consensus) -> None:
    """Wilson's and Newcombe's intervals, and sizes of samples."""
    from statsmodels.stats.proportion import (
        confint_proportions_2indep,
        proportion_confint,
        samplesize_proportions_2indep_onetail,
    )

    for hits, of, other_hits, other_of in [(0, 7, 3, 9), (5, 5, 1, 40), (450, 500, 35, 50), (81, 263, 15, 148)]:
        rate, other = {"hits": hits, "of": of}, {"hits": other_hits, "of": other_of}
        low, high = proportion_confint(hits, of, alpha=0.1, method="wilson")
        ours = consensus.ask("wilson", rate=rate, confidence=0.9)
        assert (ours["low"], ours["high"]) == pytest.approx((low, high), abs=1e-12)
        low, high = confint_proportions_2indep(hits, of, other_hits, other_of, method="newcomb", alpha=0.05)
        ours = consensus.ask("newcombe", first=rate, second=other, confidence=0.95)
        assert (ours["low"], ours["high"]) == pytest.approx((low, high), abs=1e-12)
    for first, second, ratio in [(0.6, 0.5, 1.0), (0.95, 0.9, 0.1), (0.2, 0.4, 3.0)]:
        theirs = samplesize_proportions_2indep_onetail(first - second, second, 0.8, ratio=ratio, alpha=0.05)
        ours = consensus.ask("sample_sizes", first=first, second=second, ratio=ratio, confidence=0.95, power=0.8)
        assert ours == [math.ceil(theirs), math.ceil(theirs * ratio)]


def test_strengths_are_crowd_kits(consensus: Consensus) -> None:
    """Bradley and Terry's, iteration by iteration; crowd-kit stops after two unless its tolerance is 0."""
    import pandas as pd
    from crowdkit.aggregation import BradleyTerry

    draw = random.Random(3)
    games = []
    for _ in range(200):
        left, right = draw.sample(range(8), 2)
        games.append((left, right, left if draw.random() < (left + 1) / (left + right + 2) else right))
    data = pd.DataFrame(games, columns=["left", "right", "label"]).assign(worker=0)
    comparisons = [
        {"first": left, "second": right, "preference": "first" if label == left else "second"}
        for left, right, label in games
    ]
    for iterations in (1, 50):
        theirs = BradleyTerry(n_iter=iterations, tol=0).fit(data).scores_.sort_index()
        settings = {"smoothing": 0.0, "tolerance": 0.0, "max_iterations": iterations}
        ours = consensus.ask("bradley_terry", things=8, comparisons=comparisons, settings=settings)
        assert largest(ours["strengths"], theirs) < 1e-12


def boxes(draw: random.Random, count: int) -> list[dict[str, float]]:
    """Boxes that overlap a lot."""
    found = []
    for _ in range(count):
        left, top = draw.uniform(0, 20), draw.uniform(0, 20)
        right, bottom = left + draw.uniform(5, 15), top + draw.uniform(5, 15)
        found.append({"left": left, "top": top, "right": right, "bottom": bottom, "class": 0})
    return found


def iou(first: dict[str, float], second: dict[str, float]) -> float:
    """Intersection over union."""
    width = min(first["right"], second["right"]) - max(first["left"], second["left"])
    height = min(first["bottom"], second["bottom"]) - max(first["top"], second["top"])
    shared = max(width, 0) * max(height, 0)
    areas = [(box["right"] - box["left"]) * (box["bottom"] - box["top"]) for box in (first, second)]
    return shared / (sum(areas) - shared)


def test_matches_are_scipys(consensus: Consensus) -> None:
    """The assignment of boxes with the largest sum of overlaps."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    draw = random.Random(5)
    for count in (1, 4, 12, 40):
        first, second = boxes(draw, count), boxes(draw, count + 3)
        overlaps = np.array([[iou(a, b) for b in second] for a in first])
        overlaps[overlaps < 0.3] = 0
        chosen = linear_sum_assignment(overlaps, maximize=True)
        ours = consensus.ask("match", first=first, second=second, least_iou=0.3)
        assert sum(match["iou"] for match in ours) == pytest.approx(overlaps[chosen].sum(), abs=1e-12)
        expected = [(a, b) for a, b in zip(*(side.tolist() for side in chosen), strict=True) if overlaps[a, b] > 0]
        assert [(match["first"], match["second"]) for match in ours] == expected


def test_what_annotators_draw_is_their_median(consensus: Consensus) -> None:
    """Three annotators who draw the same boxes with a jitter."""
    import numpy as np

    draw = np.random.default_rng(2)
    truth = np.array([[100 * at, 50 * at, 100 * at + 60, 50 * at + 40] for at in range(8)], dtype=float)
    drawn = truth + draw.normal(0, 1.5, (3, *truth.shape))
    edges = ("left", "top", "right", "bottom")
    answers = [[{**dict(zip(edges, box, strict=True)), "class": 1} for box in one.tolist()] for one in drawn]
    for one in answers:
        random.Random(1).shuffle(one)
    ours = consensus.ask("boxes", answers=answers, least_iou=0.5)
    found = [[cluster["region"][edge] for edge in edges] for cluster in ours["clusters"]]
    assert largest(found, np.median(drawn, axis=0)) < 1e-12
    assert [cluster["votes"] for cluster in ours["clusters"]] == [3] * 8
    assert ours["agreement"]["f1"] == 1


def test_numbers_and_sets_are_numpys(consensus: Consensus) -> None:
    """Median, median distance from it, and votes on each class of sets."""
    import numpy as np
    from scipy.stats import median_abs_deviation

    draw = np.random.default_rng(4)
    for count in (1, 2, 7, 10):
        numbers = draw.normal(5, 2, count)
        ours = consensus.ask("numbers", numbers=numbers.tolist(), tolerance={"absolute": 1.0})
        found = (ours["median"], ours["mad"], ours["agreement"])
        near = (np.abs(numbers - np.median(numbers)) <= 1).mean()
        assert found == pytest.approx((np.median(numbers), median_abs_deviation(numbers), near), abs=1e-12)
    table = draw.random((5, 6)) < 0.5
    ours = consensus.ask("sets", sets=[np.flatnonzero(row).tolist() for row in table], classes=6)
    assert ours["vote"]["votes"] == table.sum(axis=0).tolist()
    assert ours["vote"]["chosen"] == np.flatnonzero(table.mean(axis=0) > 0.5).tolist()
    pairs = [(a, b) for a in range(5) for b in range(a)]
    mean = np.mean([(table[a] & table[b]).sum() / max((table[a] | table[b]).sum(), 1) for a, b in pairs])
    assert ours["mean_jaccard"] == pytest.approx(mean, abs=1e-12)


def test_quality_is_by_definition(consensus: Consensus) -> None:
    """Agreement with the others without oneself, and the score of spammers, computed again here."""
    import numpy as np

    answers = made(6, 100, 7, 3, 4)
    summaries = consensus.ask("summarise", given=given(answers, 3), settings={"model": "full"}, confidence=0.95)
    fit = consensus.ask("dawid_skene", given=given(answers, 3), settings={"model": "full"})
    for annotator, summary in enumerate(summaries):
        counted = []
        for item, _, label in (answer for answer in answers if answer[1] == annotator):
            others = np.bincount([other[2] for other in answers if other[0] == item and other[1] != annotator])
            if (others == others.max()).sum() == 1:
                counted.append(others.argmax() == label)
        assert summary["consensus"]["rate"] == {"hits": sum(counted), "of": len(counted)}
        matrix = rows(fit["confusions"][annotator]["rates"], 3)
        # Raykar and Yu 2012, as the distance from the mean row: the same sum, written otherwise.
        score = 3 * ((matrix - matrix.mean(axis=0)) ** 2).sum() / 6
        assert summary["spammer_score"] == pytest.approx(score, abs=1e-12)
        accuracy = (np.array(fit["prior"]) * np.diag(matrix)).sum()
        assert summary["estimated_accuracy"] == pytest.approx(accuracy, abs=1e-9)


def test_stability_is_the_mean_of_scikit_learns_kappa(consensus: Consensus) -> None:
    """Bloodgood and Vijay-Shanker's rule over a window of three."""
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(8)
    predictions = [draw.integers(0, 3, 300)]
    for share in (0.5, 0.2, 0.1, 0.02, 0.01, 0.0, 0.0, 0.0):
        predictions.append(np.where(draw.random(300) < share, draw.integers(0, 3, 300), predictions[-1]))
    kappas = [cohen_kappa_score(a, b) for a, b in itertools.pairwise(predictions)]
    ours = consensus.ask("stability", predictions=[list(map(int, one)) for one in predictions], classes=3)
    for at in range(3, len(ours)):
        mean = np.mean(kappas[at - 3 : at])
        assert ours[at]["kappa"] == pytest.approx(mean, abs=1e-12)
        assert ours[at]["kind"] == ("stable" if mean >= 0.99 else "moving")
    assert ours[2]["kind"] == "too_early"
    assert ours[-1]["kind"] == "stable"


def test_savings_are_those_of_isotonic_curves(consensus: Consensus) -> None:
    """Labels for an accuracy, by scikit-learn's isotonic regression of mean curves, and their bootstrap interval."""
    import numpy as np
    from sklearn.isotonic import IsotonicRegression

    draw = np.random.default_rng(3)
    labels = np.arange(20, 501, 10.0)

    def curves(needed: float) -> Any:
        return 1 - 0.05 * (needed / labels) ** 0.8 + draw.normal(0, 0.006, (10, labels.size))

    def needed(accuracies: Any) -> float:
        fit = IsotonicRegression().fit(labels, accuracies).predict(labels)
        at = int(np.argmax(fit >= 0.95))
        share = (0.95 - fit[at - 1]) / (fit[at] - fit[at - 1])
        return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))

    active, control = curves(150), curves(380)
    given = [[list(zip(labels, map(float, curve), strict=True)) for curve in kind] for kind in (active, control)]
    ours = consensus.ask("saving", active=given[0], control=given[1], rule={"target": {"accuracy": 0.95}})["saving"]
    assert ours["kind"] == "saves"
    assert ours["active_labels"] == pytest.approx(needed(active.mean(axis=0)), abs=1e-9)
    assert ours["control_labels"] == pytest.approx(needed(control.mean(axis=0)), abs=1e-9)
    picked = (draw.integers(0, 10, 10) for _ in range(1_000))
    savings = [1 - needed(active[at].mean(axis=0)) / needed(control[at].mean(axis=0)) for at in picked]
    assert (ours["low"], ours["high"]) == pytest.approx(np.quantile(savings, [0.025, 0.975]), abs=0.01)


def test_mistakes_are_named(consensus: Consensus) -> None:
    """A bad question leaves the program ready for the next one."""
    assert consensus.reply("alpha", units=[[1.0, -1.0]], level="ratio") == {
        "error": "`values` must be numbers from 0 for the ratio level, not `-1`"
    }
    assert "unknown field" in consensus.reply("alpha", units=[], level="ratio", more=1)["error"]
    assert consensus.ask("alpha", units=[], level="ratio") is None
