"""The picture of a loop: accuracy over labels, as SVG, without any library."""

import json
import sys
from pathlib import Path

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 52
BLUE, GREY, ORANGE = "#2563a8", "#9aa0a6", "#c2571a"


class Axes:
    """From labels and accuracies to places in the picture."""

    def __init__(self, points, target):
        self.most = -(-max(labels for labels, _ in points) // 50) * 50
        self.least = int(10 * min(accuracy for _, accuracy in points)) / 10
        self.target = target

    def x(self, labels):
        """The place of a number of labels."""
        return LEFT + (WIDTH - LEFT - RIGHT) * labels / self.most

    def y(self, accuracy):
        """The place of an accuracy."""
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (accuracy - self.least) / (1 - self.least)

    def lines(self):
        """Lines and numbers."""
        step = 100 if self.most > 300 else 50 if self.most > 100 else 10
        for labels in range(0, self.most + 1, step):
            yield text(self.x(labels), HEIGHT - BOTTOM + 20, str(labels), "middle")
        for tenth in range(round(10 * self.least), 11):
            y = self.y(tenth / 10)
            yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e3e5e8"/>'
            yield text(LEFT - 8, y + 4, f"{10 * tenth} %", "end")
        y = self.y(self.target)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#444" stroke-dasharray="5 4"/>'
        yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "labels; accuracy is that on the test set", "middle")

    def curve(self, points, colour, width):
        """A line through points, with a dot at each."""
        places = [(self.x(labels), self.y(accuracy)) for labels, accuracy in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width}" fill="{colour}"/>'


def text(x, y, words, anchor, colour="#333"):
    """Words in the picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def points(line):
    """A curve as pairs of labels and accuracy."""
    return [(point["labels"], point["test_accuracy"]) for point in line]


def draw(rounds, at_random, target):
    """The picture of these rounds, and of labelling at random."""
    kinds = {kind: points(one for one in rounds if one["kind"] == kind) for kind in ("active", "control")}
    axes = Axes([point for curve in [*kinds.values(), *map(points, at_random)] for point in curve], target)
    parts = list(axes.lines())
    for curve in at_random:
        parts += axes.curve(points(curve), GREY, 1.5)
    parts += axes.curve(kinds["control"], ORANGE, 2)
    parts += axes.curve(kinds["active"], BLUE, 2.5)
    named = [("asked for by Hone", BLUE), ("its labels at random alone", ORANGE), ("labelled at random", GREY)]
    for place, (words, colour) in enumerate(named):
        parts.append(text(LEFT + 8 + 210 * place, 24, words, "start", colour))
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    body = "\n".join([background, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view}>\n{body}\n</svg>\n'


def main():
    """Draws the loop in a folder again."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "hone-labelling")
    rounds = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
    known = json.loads((folder / "at-random.json").read_text())
    (folder / "accuracy.svg").write_text(draw(rounds, known["curves"], known["target"]))


if __name__ == "__main__":
    main()
