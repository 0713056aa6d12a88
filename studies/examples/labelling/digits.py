"""The digits of scikit-learn: which of them are the pool, for validation, and for the test, and how one looks."""

import struct
import zlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0
CLASSES = 10
#: An image has 8 × 8 pixels of 17 shades; annotators see each as a square of this many.
ENLARGED = 12


class Digits:
    """1,797 digits: half of them are the pool that is labelled, a sixth validation, a third the test set."""

    def __init__(self):
        pixels, self.classes = load_digits(return_X_y=True)
        self.pixels = pixels / 16
        self.pool, others = self.split(np.arange(len(pixels)), 1 / 2)
        self.validation, self.test = self.split(others, 2 / 3)

    def split(self, rows, share):
        """Two parts with equal shares of each class; the second one has this share of all."""
        return train_test_split(rows, test_size=share, stratify=self.classes[rows], random_state=SPLIT_SEED)

    def accuracy(self, model, rows):
        """The share that a model gets right."""
        return float(model.score(self.pixels[rows], self.classes[rows]))


def name(row):
    """What the sample is called."""
    return f"digit-{row}"


def row_of(sample):
    """The row of the sample that is called so."""
    return int(sample.removeprefix("digit-"))


def png(pixels):
    """The image as annotators see it: dark on white, as a file in PNG."""
    shades = (255 - 255 * pixels.reshape(8, 8)).astype(np.uint8).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    height, width = shades.shape
    lines = b"".join(b"\0" + line.tobytes() for line in shades)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(lines),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in parts.items()
    )
