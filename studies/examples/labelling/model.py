"""The model: logistic regression, trained in steps."""

import warnings

import numpy as np
from digits import CLASSES
from sklearn.linear_model import LogisticRegression

STEPS = 4
ITERATIONS = 50


def train(params, pixels, classes):
    """Gives the model after each step of its training."""
    weight = None if params["class_weight"] == "none" else params["class_weight"]
    model = LogisticRegression(C=params["C"], class_weight=weight, max_iter=ITERATIONS, warm_start=True)
    for _ in range(STEPS):
        with warnings.catch_warnings():
            # That it has not converged yet is what steps are for.
            warnings.simplefilter("ignore")
            model.fit(pixels, classes)
        yield model


def trained(params, pixels, classes):
    """The model after its last step."""
    *_, model = train(params, pixels, classes)
    return model


def probabilities(model, pixels):
    """Samples × all classes; those without a label yet have 0."""
    found = np.zeros((len(pixels), CLASSES), np.float32)
    found[:, model.classes_] = model.predict_proba(pixels)
    return found
