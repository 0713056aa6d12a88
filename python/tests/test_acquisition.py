"""Which samples to ask first: Hone's acquisition functions beside other libraries on the same arrays.

Where a library deviates, the test says how, and compares with what it has for the same formula.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support.real import REPOSITORY

# scikit-activeml and modAL of what scikit-learn will do one day.
pytestmark = [pytest.mark.labels, pytest.mark.filterwarnings("ignore::FutureWarning")]

NEAR = 1e-12


class Acquisition:
    """The example program, which answers questions in JSON."""

    def __init__(self) -> None:
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
        program = target / "release" / "examples" / "acquisition"
        build = "cargo build --release -p hone-data --example acquisition"
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

    def scores(self, method: str, members: Any, **pool: Any) -> Any:
        """A score for each row of an array of members × rows × classes."""
        import numpy as np

        return np.array(self.ask("scores", method=method, pool={"members": members.tolist(), **pool}))

    def choose(self, count: int, plan: dict[str, Any], seed: int = 0, **pool: Any) -> list[dict[str, Any]]:
        """The choices of a batch."""
        choices: list[dict[str, Any]] = self.ask("choose", plan=plan, count=count, seed=seed, pool=pool)["choices"]
        return choices


@pytest.fixture(scope="module")
def acquisition() -> Iterator[Acquisition]:
    """One program for all questions."""
    acquisition = Acquisition()
    yield acquisition
    assert acquisition.process.stdin is not None
    acquisition.process.stdin.close()
    assert acquisition.process.wait(timeout=30) == 0


def committee(seed: int, members: int, rows: int, classes: int, *, least: float = 1e-6) -> Any:
    """Probabilities of members × rows × classes, from nearly uniform to nearly certain."""
    import numpy as np

    draw = np.random.default_rng(seed)
    sharpness = draw.uniform(0.2, 6.0, (1, rows, 1))
    weights = np.exp(draw.normal(size=(members, rows, classes)) * sharpness) + least
    probabilities = weights / weights.sum(axis=2, keepdims=True)
    return np.maximum(probabilities, least) / np.maximum(probabilities, least).sum(axis=2, keepdims=True)


def largest(first: Any, second: Any) -> float:
    """The largest difference."""
    import numpy as np

    return float(np.abs(np.asarray(first) - np.asarray(second)).max())


def voting(probabilities: Any) -> Any:
    """A committee as modAL's functions see it."""
    import numpy as np

    class Voting:
        classes_ = np.arange(probabilities.shape[2])

        def __len__(self) -> int:
            return int(probabilities.shape[0])

        def __iter__(self) -> Iterator[int]:
            return iter(range(len(self)))

        def vote(self, _: Any) -> Any:
            return probabilities.argmax(axis=2).T

        def vote_proba(self, _: Any) -> Any:
            return probabilities.swapaxes(0, 1)

        def predict_proba(self, _: Any) -> Any:
            return probabilities.mean(axis=0)

    return Voting()


@pytest.mark.parametrize("classes", [2, 10, 1_000])
def test_scores_of_one_model_are_modals_and_scikit_activemls(acquisition: Acquisition, classes: int) -> None:
    """The margin of modAL is the difference, the lowest of which is asked; one less it is ours."""
    from modAL.uncertainty import _proba_entropy, _proba_margin, _proba_uncertainty
    from skactiveml.pool import uncertainty_scores

    members = committee(1, 1, 200, classes)
    rows = members[0]
    confidence = acquisition.scores("least_confidence", members)
    margin = acquisition.scores("margin", members)
    entropy = acquisition.scores("entropy", members)
    assert largest(confidence, _proba_uncertainty(rows)) < NEAR
    assert largest(margin, 1 - _proba_margin(rows)) < NEAR
    assert largest(entropy, _proba_entropy(rows)) < NEAR
    assert largest(confidence, uncertainty_scores(rows, method="least_confident")) < NEAR
    assert largest(margin, uncertainty_scores(rows, method="margin_sampling")) < NEAR
    assert largest(entropy, uncertainty_scores(rows, method="entropy")) < NEAR


def test_scores_of_one_model_are_small_texts(acquisition: Acquisition) -> None:
    """small-text asks the lowest confidence and the lowest margin, and the highest entropy."""
    import numpy as np
    from small_text.query_strategies import BreakingTies, LeastConfidence, PredictionEntropy

    members = committee(2, 1, 150, 7)

    class Model:
        def predict_proba(self, _: Any) -> Any:
            return members[0]

    def theirs(strategy: Any) -> Any:
        return np.asarray(strategy.get_confidence(Model(), None, None, None, None))

    assert largest(acquisition.scores("least_confidence", members), 1 - theirs(LeastConfidence())) < NEAR
    assert largest(acquisition.scores("margin", members), 1 - theirs(BreakingTies())) < NEAR
    assert largest(acquisition.scores("entropy", members), theirs(PredictionEntropy())) < NEAR


@pytest.mark.parametrize(("count", "classes"), [(2, 2), (5, 10), (20, 3)])
def test_scores_of_a_committee_are_modals_and_scikit_activemls(
    acquisition: Acquisition, count: int, classes: int
) -> None:
    """Of divergences modAL has the largest and no mean; scikit-activeml overwrites what it is given."""
    import numpy as np
    from modAL.disagreement import consensus_entropy, vote_entropy
    from skactiveml.pool import average_kl_divergence, variation_ratios
    from skactiveml.pool import vote_entropy as entropy_of_votes

    members = committee(3, count, 120, classes)
    votes = members.argmax(axis=2).T
    rows = np.zeros((120, 1))
    assert largest(acquisition.scores("vote_entropy", members), vote_entropy(voting(members), rows)) < NEAR
    assert largest(acquisition.scores("vote_entropy", members), entropy_of_votes(votes, np.arange(classes))) < NEAR
    assert largest(acquisition.scores("consensus_entropy", members), consensus_entropy(voting(members), rows)) < NEAR
    assert largest(acquisition.scores("variation_ratio", members), variation_ratios(votes)) < NEAR
    given = members.copy()
    assert largest(acquisition.scores("mean_kl", members), average_kl_divergence(given)) < NEAR
    assert (given != members).any(), "it no longer overwrites its input"


def test_the_largest_divergence_of_modal_is_another_score(acquisition: Acquisition) -> None:
    """A deviation: modAL's disagreement is the largest member's, which is never below the mean."""
    import numpy as np
    from modAL.disagreement import KL_max_disagreement

    members = committee(4, 5, 100, 4)
    theirs = KL_max_disagreement(voting(members), np.zeros((100, 1)))
    ours = acquisition.scores("mean_kl", members)
    divergences = (members * np.log(members / members.mean(axis=0))).sum(axis=2)
    assert largest(theirs, divergences.max(axis=0)) < NEAR
    assert largest(ours, divergences.mean(axis=0)) < NEAR
    assert (theirs > ours).all()


def test_mutual_information_is_small_texts_in_nats(acquisition: Acquisition) -> None:
    """small-text's is in bits, and adds 1e-8 within the logarithm, which is left out here."""
    import numpy as np
    from small_text.query_strategies.bayesian import _bald

    members = committee(5, 8, 150, 6)
    ours = acquisition.scores("bald", members)
    assert largest(ours, _bald(members.swapaxes(0, 1), eps=0) * np.log(2)) < NEAR
    assert largest(ours, _bald(members.swapaxes(0, 1)) * np.log(2)) < 1e-6


@pytest.mark.parametrize(("count", "classes", "batch"), [(3, 2, 6), (6, 4, 4)])
def test_gains_of_batches_are_scikit_activemls(acquisition: Acquisition, count: int, classes: int, batch: int) -> None:
    """scikit-activeml's scores are those of the whole batch, ours what a row adds to it.

    It also changes probabilities below 1e-7, of which there are none, and draws labels unless it may take as many as
    there are.
    """
    import numpy as np
    from skactiveml.pool import batch_bald

    members = committee(6, count, 40, classes)
    theirs = batch_bald(members.copy(), batch, n_MC_samples=10_000, random_state=0)
    chosen = [int(np.nanargmax(row)) for row in theirs]
    ours = acquisition.ask("batch_bald", members=members.tolist(), batch=chosen[:-1], limit=100_000, seed=0)
    assert not ours["is_estimate"]
    before = 0.0
    for step, (own, other) in enumerate(zip(ours["gains"], theirs, strict=True)):
        left = [row for row in range(40) if row not in chosen[:step]]
        assert largest(np.array(own)[left] + before, other[left]) < NEAR
        before += own[chosen[step]]
    plan = {"method": "batch_bald"}
    assert [choice["row"] for choice in acquisition.choose(batch, plan, members=members.tolist())] == chosen


def test_drawn_gains_are_near_the_exact_ones(acquisition: Acquisition) -> None:
    """With more configurations than are kept, gains are estimates, whose error falls with the number kept."""
    import numpy as np

    members = committee(7, 6, 30, 3, least=0.02)
    question = {"members": members.tolist(), "batch": list(range(8)), "seed": 1}
    exact = np.array(acquisition.ask("batch_bald", limit=100_000, **question)["gains"][-1])
    drawn = acquisition.ask("batch_bald", limit=4_096, **question)
    assert drawn["is_estimate"]
    assert largest(exact, drawn["gains"][-1]) < 0.02


def test_predictive_information_is_by_definition(acquisition: Acquisition) -> None:
    """The mean over targets of the mutual information of two labels (baal has it too, for PyTorch)."""
    import numpy as np

    members, targets = committee(8, 5, 40, 4), committee(9, 5, 25, 4)
    joint = np.einsum("kic,kjd->ijcd", members, targets) / 5
    product = np.einsum("ic,jd->ijcd", members.mean(axis=0), targets.mean(axis=0))
    expected = (joint * np.log(joint / product)).sum(axis=(2, 3)).mean(axis=1)
    assert largest(acquisition.scores("epig", members, targets=targets.tolist()), expected) < NEAR


def test_gradient_lengths_are_by_definition(acquisition: Acquisition) -> None:
    """The expected length of the gradient of a linear head's loss, written out."""
    import numpy as np

    members = committee(10, 1, 60, 5)
    points = np.random.default_rng(10).normal(size=(60, 8))
    errors = np.eye(5)[None] - members[0][:, None, :]
    gradients = errors[:, :, :, None] * points[:, None, None, :]
    expected = (members[0] * np.sqrt((gradients**2).sum(axis=(2, 3)))).sum(axis=1)
    ours = acquisition.scores("expected_gradient_length", members, embeddings=points.tolist())
    assert largest(ours, expected) < NEAR


def test_core_sets_are_scikit_activemls_and_small_texts(acquisition: Acquisition) -> None:
    """small-text's function is right only where rows without a label come first, and says rows among those."""
    import numpy as np
    from skactiveml.pool import k_greedy_center
    from small_text.query_strategies.coresets import greedy_coreset

    for seed in range(10):
        draw = np.random.default_rng(seed)
        points = draw.normal(size=(80, 5))
        known = points[60:]
        chosen = [
            choice["row"]
            for choice in acquisition.choose(
                12, {"method": "core_set"}, embeddings=points[:60].tolist(), labelled=known.tolist()
            )
        ]
        classes = np.where(np.arange(80) < 60, np.nan, 0.0)
        theirs, utilities = k_greedy_center(points, classes, 12)
        assert chosen == list(theirs)
        assert (
            largest([utilities[step, row] for step, row in enumerate(chosen)], [distances(points, known, chosen)])
            < 1e-9
        )
        assert chosen == list(greedy_coreset(points, np.arange(60), np.arange(60, 80), 12, distance_metric="euclidean"))


def distances(points: Any, known: Any, chosen: list[int]) -> list[float]:
    """The distance of each chosen row from the nearest known or earlier one."""
    import numpy as np

    centres = list(known)
    found = []
    for row in chosen:
        found.append(float(min(np.linalg.norm(points[row] - centre) for centre in centres)))
        centres.append(points[row])
    return found


def test_distances_within_a_batch_are_numpys(acquisition: Acquisition) -> None:
    """What is said of each choice: margin's rank and score, and how far it is from the others."""
    import numpy as np

    members = committee(11, 1, 100, 4)
    points = np.random.default_rng(11).normal(size=(100, 6))
    margins = acquisition.scores("margin", members)
    order = list(np.argsort(-margins))
    choices = acquisition.choose(8, {"prefilter": 4.0}, members=members.tolist(), embeddings=points.tolist())
    rows = [choice["row"] for choice in choices]
    assert rows[0] == order[0]
    assert set(rows) <= set(order[:32])
    assert [choice["rank"] - 1 for choice in choices] == [order.index(row) for row in rows]
    assert [choice["score"] for choice in choices] == margins[rows].tolist()
    assert choices[0]["distance"] is None
    expected = distances(points, [points[rows[0]]], rows[1:])
    assert largest([choice["distance"] for choice in choices[1:]], expected) < NEAR
    # Each is the farthest of those left.
    for step in range(1, 8):
        far = {row: distances(points, points[rows[:step]], [row])[0] for row in order[:32] if row not in rows[:step]}
        assert far[rows[step]] == max(far.values())


def test_gradients_of_badge_are_scikit_activemls(acquisition: Acquisition) -> None:
    """Both begin with the longest; the next are drawn, so what is compared is how far each was from those before."""
    import numpy as np
    from skactiveml.pool._badge import _d_2

    members = committee(12, 1, 70, 5)
    points = np.random.default_rng(12).normal(size=(70, 6))
    choices = acquisition.choose(10, {"method": "badge"}, members=members.tolist(), embeddings=points.tolist())
    rows = [choice["row"] for choice in choices]
    errors = members[0] - np.eye(5)[members[0].argmax(axis=1)]
    gradients = (errors[:, :, None] * points[:, None, :]).reshape(70, -1)
    squares = _d_2(gradients, [])
    assert rows[0] == squares.argmax()
    assert len(set(rows)) == 10
    for before, choice in zip(range(1, 10), choices[1:], strict=True):
        squares = _d_2(gradients, [rows[before - 1]], squares)
        # scikit-learn takes distances from squares, so it is no nearer than this.
        nearest = ((gradients[choice["row"]] - gradients[rows[:before]]) ** 2).sum(axis=1).min()
        assert choice["score"] == pytest.approx(np.sqrt(nearest), abs=1e-10)


def test_draws_of_k_means_plus_plus_are_in_proportion(acquisition: Acquisition) -> None:
    """Over many seeds, the second row is drawn by the squared distance from the first."""
    import numpy as np

    points = [[0.0], [1.0], [2.0], [4.0]]
    plan = {"method": "k_means_pp"}
    counts = np.zeros(4)
    for seed in range(3_000):
        choices = acquisition.choose(1, plan, seed=seed, embeddings=points, labelled=[[0.0]])
        counts[choices[0]["row"]] += 1
    assert largest(counts / 3_000, np.array([0, 1, 4, 16]) / 21) < 0.03


def test_typicality_is_scikit_activemls(acquisition: Acquisition) -> None:
    """Its guard against division by zero, 1e-7 of a sum of distances, is left out here."""
    import numpy as np
    from skactiveml.pool._typi_clust import _typicality

    for rows, neighbours in [(60, 20), (12, 20), (2, 5), (1, 5)]:
        points = np.random.default_rng(rows).normal(size=(rows, 4))
        theirs = _typicality(points, np.arange(rows), neighbours, eps=0)
        ours = acquisition.ask("typicality", points=points.tolist(), neighbours=neighbours)
        assert largest(ours, theirs) < NEAR


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_density_is_modals(acquisition: Acquisition, metric: str) -> None:
    """The mean of 1 / (1 + distance) to all rows."""
    import numpy as np
    from modAL.density import information_density

    points = np.random.default_rng(13).normal(size=(90, 5))
    theirs = information_density(points, metric=metric)
    # scikit-learn's distance of a row from itself may be 1e-8.
    assert largest(acquisition.ask("density", points=points.tolist(), metric=metric, seed=0), theirs) < 1e-9


def key(seed: int, identifier: str) -> bytes:
    """What breaks ties."""
    from blake3 import blake3

    return bytes(blake3(seed.to_bytes(8, "little") + identifier.encode()).digest())


def test_ties_are_broken_by_the_documented_hash(acquisition: Acquisition) -> None:
    """Of equal scores the lowest BLAKE3 of seed and id is first."""
    ids = [f"sample-{row}" for row in range(50)]
    members = [[[0.6, 0.4]] * 25 + [[0.8, 0.2]] * 25]
    for seed in (0, 1, 2**63):
        choices = acquisition.choose(50, {"diversity": "none"}, seed=seed, ids=ids, members=members)
        expected = sorted(range(50), key=lambda row: (row >= 25, key(seed, ids[row])))
        assert [choice["row"] for choice in choices] == expected


def test_power_bald_is_drawn_from_the_documented_hash(acquisition: Acquisition) -> None:
    """Scores to a power times a Gumbel number's exponential, as in baal's PowerSampling (there as a logarithm)."""
    import numpy as np
    from blake3 import blake3

    members = committee(14, 4, 60, 3)
    ids = [f"sample-{row}" for row in range(60)]
    bald = acquisition.scores("bald", members)
    plan = {"method": "power_bald", "beta": 2.0}
    choices = acquisition.choose(60, plan, seed=9, ids=ids, members=members.tolist())
    hashes = [blake3(b"noise" + (9).to_bytes(8, "little") + name.encode()).digest()[:8] for name in ids]
    units = np.array([((int.from_bytes(one, "big") >> 12) + 0.5) * 2.0**-52 for one in hashes])
    gumbel = -np.log(-np.log(units))
    order = np.argsort(-(2.0 * np.log(bald) + gumbel))
    assert [choice["row"] for choice in choices] == list(order)


def test_the_best_by_each_score_are_modals(acquisition: Acquisition) -> None:
    """Which are the best modAL says, but not in which order."""
    import numpy as np
    from modAL.uncertainty import _proba_entropy, _proba_margin, _proba_uncertainty
    from modAL.utils.selection import multi_argmax

    members = committee(15, 1, 300, 10)
    for method, theirs in [
        ("least_confidence", _proba_uncertainty(members[0])),
        ("margin", -_proba_margin(members[0])),
        ("entropy", _proba_entropy(members[0])),
    ]:
        plan = {"method": method, "diversity": "none"}
        ours = [choice["row"] for choice in acquisition.choose(25, plan, members=members.tolist())]
        assert set(ours) == {int(row) for row in multi_argmax(np.asarray(theirs), n_instances=25)[0]}


def test_a_mixture_draws_its_share_uniformly(acquisition: Acquisition) -> None:
    """A fifth of the batch is random: over many seeds every row is drawn as often."""
    import numpy as np

    members = committee(16, 1, 40, 3)
    counts = np.zeros(40)
    plan = {"method": {"margin": 0.8, "random": 0.2}, "diversity": "none"}
    for seed in range(1_000):
        choices = acquisition.choose(10, plan, seed=seed, members=members.tolist())
        drawn = [choice["row"] for choice in choices if choice["method"] == "random"]
        assert (len(choices), len(drawn)) == (10, 2)
        counts[drawn] += 1
    # Of 2,000 draws 50 each, with a deviation of 7.
    assert counts.min() > 20
    assert counts.max() < 80


def test_duplicates_are_asked_once(acquisition: Acquisition) -> None:
    """Of equal contents one; none of a labelled content; none near to another."""
    members = committee(17, 1, 12, 3).tolist()
    pool = {"members": members, "contents": list("aabbccddeeff"), "labelled_contents": ["a"]}
    rows = [choice["row"] for choice in acquisition.choose(12, {"diversity": "none"}, **pool)]
    assert sorted("aabbccddeeff"[row] for row in rows) == list("bcdef")
    places = [[float(row // 2) + 0.01 * (row % 2)] for row in range(12)]
    near = acquisition.ask(
        "choose",
        plan={"near_duplicates": 0.1},
        count=12,
        seed=0,
        pool={"members": members, "embeddings": places, "labelled": [[3.0]]},
    )
    assert sorted(choice["row"] // 2 for choice in near["choices"]) == [0, 1, 2, 4, 5]
    assert near["refused"]["near_duplicates"] == 7


def test_the_order_of_rows_does_not_matter(acquisition: Acquisition) -> None:
    """The same samples in another order, with ties, give the same ids."""
    import numpy as np

    members = np.round(committee(18, 3, 80, 3), 1) + 0.01
    members = members / members.sum(axis=2, keepdims=True)
    points = np.round(np.random.default_rng(18).normal(size=(80, 3)), 0)
    order = np.random.default_rng(19).permutation(80)
    for method in ("margin", "bald", "batch_bald", "badge", "core_set", "typiclust", "k_means_pp", "power_bald"):
        found = []
        for rows in (np.arange(80), order):
            pool = {
                "ids": [f"sample-{row}" for row in rows],
                "members": members[:, rows].tolist(),
                "embeddings": points[rows].tolist(),
            }
            found.append(
                [int(rows[choice["row"]]) for choice in acquisition.choose(9, {"method": method}, seed=4, **pool)]
            )
        assert found[0] == found[1], method


def test_mistakes_are_named(acquisition: Acquisition) -> None:
    """A bad question leaves the program ready for the next one."""
    one = {"members": [[[0.5, 0.5]]]}
    alone = acquisition.reply("choose", plan={"method": "bald"}, count=1, seed=0, pool=one)
    assert alone["error"].startswith("`bald` compares the predictions of at least two models, and there is one")
    assert "unknown field" in acquisition.reply("choose", plan={"more": 1}, count=1, seed=0, pool=one)["error"]
    assert "softmax" in acquisition.reply("scores", method="margin", pool={"members": [[[2.5, -1.5]]]})["error"]
    assert acquisition.ask("scores", method="margin", pool=one) == [1.0]
