"""Projects and samples of the tests: what they ask, what would be right, where things are in the window."""

from typing import Any

from .browser import Annotator

CLASSES = ["bird", "fish", "dog"]
ONE_CLASS = '[form]\nkind = "classes"\nclasses = ["bird", "fish", "dog"]\n[show]\ntext = "text"\n'
#: 👩‍🔬 is three code points and five of JavaScript's units, 🇬🇧 two and four.
TEXT = "👩‍🔬 Ada Lovelace met Charles Babbage in London 🇬🇧.\nThey spoke of naïve engines."
BOXES = '[form]\nkind = "boxes"\nclasses = ["dog", "cat"]\n[answers]\nblind = 0\n[show]\nimage = "image"\n'


def animals(count: int) -> list[dict[str, Any]]:
    """Samples whose text says what they are."""
    return [{"id": f"s{at:02}", "text": f"No. {at}: clearly a {CLASSES[at % 3]}."} for at in range(count)]


def truth(answer: dict[str, Any]) -> str:
    """What the sample of an answer is."""
    return CLASSES[int(answer["id"].removeprefix("s")) % 3]


def key_for(who: Annotator) -> str:
    """The key of what the sample that is shown says it is."""
    text = who.texts(".sample .text")[0]
    return str(next(at for at, name in enumerate(CLASSES, 1) if text.endswith(f"a {name}.")))


def label_everything(who: Annotator) -> None:
    """Labels by keyboard until nothing is left."""
    while who.sample():
        who.answer(key_for(who))


def place_on(who: Annotator, x: float, y: float) -> tuple[float, float]:
    """Where a place of the image, in shares, is in the window."""
    frame = who.script(
        "const f = document.querySelector('.layer').getBoundingClientRect(); return [f.left, f.top, f.width, f.height]"
    )
    return frame[0] + x * frame[2], frame[1] + y * frame[3]


def stroke(who: Annotator, *path: tuple[float, float], touch: bool = False) -> None:
    """Draws over places of the image, with a stop on the way."""
    first, last = path[0], path[-1]
    middle = ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
    who.drag([place_on(who, *at) for at in (first, middle, last)], touch=touch)


def image_is_there(who: Annotator) -> None:
    who.wait(lambda _: who.script("return document.querySelector('.canvas img')?.naturalWidth === 600"))


def is_near(box: dict[str, Any], name: str, *edges: float) -> bool:
    """Whether a box is where it was drawn, within a few pixels."""
    found = [box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]]
    return box["class"] == name and all(abs(a - b) < 0.015 for a, b in zip(found, edges, strict=True))


def marked(who: Annotator, words: str) -> list[tuple[float, float]]:
    """Where words of the text begin and end in the window."""
    script = """
        const walker = document.createTreeWalker(document.querySelector(".marked"), NodeFilter.SHOW_TEXT);
        for (let node; (node = walker.nextNode()); ) {
          const at = node.data.indexOf(arguments[0]);
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + arguments[0].length);
          const frame = range.getBoundingClientRect();
          return [[frame.left + 1, frame.top + frame.height / 2], [frame.right - 1, frame.top + frame.height / 2]];
        }"""
    found: list[tuple[float, float]] = [tuple(point) for point in who.script(script, words)]
    return found
