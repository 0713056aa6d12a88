"""Chooses a batch as `measure.py` asks for, with numpy alone or with scikit-activeml."""

import sys

import numpy as np


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Rates rows by what lacks between the two likeliest classes."""
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1 - (two[:, 1] - two[:, 0])


def k_center(points: np.ndarray, count: int) -> list[int]:
    """Chooses the first point, and then always the one farthest from those that are chosen."""
    chosen = [0]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return chosen


def main() -> None:
    """Reads the array, rates, and chooses."""
    peer, path, rows, count, prefilter = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    probabilities = np.array(np.load(path, mmap_mode="r")[:rows])
    wanted = min(rows, count * prefilter)
    if peer == "numpy":
        scores = margins(probabilities)
    else:
        from skactiveml.pool import uncertainty_scores

        scores = uncertainty_scores(probabilities.astype(np.float64), method="margin_sampling")
    best = np.argpartition(-scores, wanted - 1)[:wanted]
    best = best[np.argsort(-scores[best], kind="stable")]
    points = probabilities[best].astype(np.float64)
    if peer == "numpy":
        chosen = k_center(points, count)
    else:
        from skactiveml.pool import k_greedy_center

        labels = np.full(len(points), np.nan)
        labels[0] = 0
        chosen = [0, *k_greedy_center(points, labels, batch_size=count - 1)[0]]
    print(len(chosen), "chosen", file=sys.stderr)


if __name__ == "__main__":
    main()
