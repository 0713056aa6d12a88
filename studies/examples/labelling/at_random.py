"""What labelling at random takes: the yardstick for what asking has saved."""

import numpy as np
from model import trained

ORDERS = 3
CANDIDATES = 3


def best_model(digits, candidates, rows, classes):
    """A model for each of these parameters, trained on these labels; the one that is best on the validation set."""
    models = [trained(params, digits.pixels[rows], classes) for params in candidates]
    return max(models, key=lambda model: digits.accuracy(model, digits.validation))


def label_at_random(digits, first, batch, rounds, target, most):
    """Accuracies on the test set by labels, in several random orders, each until the target is reached.

    All begin with the rows in `first`. As parameters are tried the best ones of the study of the round with as many
    labels, or of the last one. With `most` it ends there.
    """
    most = min(most or len(digits.pool), len(digits.pool))
    curves = []
    for order in range(ORDERS):
        rest = np.random.default_rng(order).permutation(np.setdiff1d(digits.pool, first))
        rows, curve = np.concatenate([first, rest]), []
        for labels in range(len(first), most + 1, batch):
            params = next((one for one in rounds if one["labels"] >= labels), rounds[-1])["candidates"]
            model = best_model(digits, params[:CANDIDATES], rows[:labels], digits.classes[rows[:labels]])
            curve.append({"labels": labels, "test_accuracy": digits.accuracy(model, digits.test)})
            if curve[-1]["test_accuracy"] >= target:
                break
        curves.append(curve)
    return curves
