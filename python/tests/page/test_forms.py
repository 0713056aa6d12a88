"""Every form by keyboard, mouse and touch: what is pressed and drawn is what the store has afterwards."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import Annotator, LabelSite, annotator
from .samples import BOXES, ONE_CLASS, TEXT, animals, image_is_there, is_near, marked, stroke

pytestmark = pytest.mark.browser


def test_boxes_are_drawn_moved_resized_and_deleted(site: LabelSite, ada: Annotator, pictures: Path) -> None:
    """With the mouse and with keys alone."""
    samples = [{"id": f"i{number}", "image": f"{number}.png"} for number in range(2)]
    samples[1]["hone.prediction"] = [{"class": "dog", "x": 0.25, "y": 0.5, "width": 0.25, "height": 0.25}]  # type: ignore[assignment]
    samples[1]["hone.confidence"] = 0.8  # type: ignore[assignment]
    site.project("boxes", BOXES, samples)
    ada.enter(site.invite("ada"))
    image_is_there(ada)
    first = ada.sample()
    stroke(ada, (0.1, 0.2), (0.3, 0.5))
    ada.keys("2")
    stroke(ada, (0.9, 0.9), (0.6, 0.6))
    stroke(ada, (0.7, 0.7), (0.6, 0.5))  # The chosen box, by its middle.
    stroke(ada, (0.5, 0.4), (0.4, 0.3))  # Its upper left corner.
    stroke(ada, (0.02, 0.02), (0.08, 0.08))
    assert len(ada.all(".box")) == 3
    ada.keys(Keys.DELETE)
    assert len(ada.all(".box")) == 2
    stroke(ada, (0.2, 0.3), (0.2, 0.3))  # Pressed, not drawn: chooses the first.
    ada.keys("2", "1", Keys.ENTER)
    second = ada.next_after(first)
    image_is_there(ada)
    assert "1 × dog" in ada.texts(".suggestion")[0]
    assert ada.all(".box") == []
    ada.keys("a")
    assert len(ada.all(".box")) == 1
    ada.keys("n", "2", Keys.ARROW_LEFT * 4, Keys.ARROW_UP * 2)
    ada.chord(Keys.SHIFT, then=Keys.ARROW_RIGHT * 4)
    ada.keys(Keys.ENTER)
    ada.next_after(second)
    ada.settle()
    assert ada.complaints() == []
    labels = {answer["id"]: answer["label"] for answer in site.answers("boxes")}
    dog, cat = sorted(labels["i0"], key=lambda box: -"cat dog".index(box["class"]))
    assert is_near(dog, "dog", 0.1, 0.2, 0.3, 0.5)
    assert is_near(cat, "cat", 0.4, 0.3, 0.8, 0.7)
    dog, cat = sorted(labels["i1"], key=lambda box: -"cat dog".index(box["class"]))
    assert is_near(dog, "dog", 0.25, 0.5, 0.5, 0.75)
    assert is_near(cat, "cat", 0.38, 0.39, 0.6, 0.59)
    assert [answer["shown"] is not None for answer in site.answers("boxes")] == [False, True]


def test_spans_are_marked_and_counted_in_code_points(site: LabelSite, ada: Annotator) -> None:
    """With the mouse and with keys alone, in a text whose letters are several of JavaScript's units."""
    rest = '[form]\nkind = "spans"\nclasses = ["person", "place"]\n[show]\ntext = "text"\n'
    site.project("names", rest, [{"id": f"t{at}", "text": TEXT} for at in range(2)])
    ada.enter(site.invite("ada"))
    first = ada.sample()
    for at, words in enumerate(("Ada Lovelace", " London ", "Babbage"), 1):
        ada.drag(marked(ada, words))
        ada.wait(lambda _, at=at: len(ada.all(".part")) == at, words)  # type: ignore[misc]
        if words == " London ":
            ada.keys("2")
    ada.drag([marked(ada, "Babbage")[0]] * 2)
    ada.wait(lambda _: ada.all(".part.selected"))
    ada.keys("x")
    assert len(ada.all(".part")) == 2
    ada.keys(Keys.ENTER)
    second = ada.next_after(first)
    ada.script("document.querySelector('.marked').focus()")
    # Over the picture, which is one letter to people, and the blank; then the next three words and the blanks between.
    ada.keys(Keys.ARROW_RIGHT * 2)
    ada.chord(Keys.SHIFT, then=Keys.ARROW_RIGHT * 3)
    ada.keys("1", Keys.END)
    ada.chord(Keys.SHIFT, Keys.CONTROL, then=Keys.ARROW_LEFT)
    ada.keys("2", Keys.ENTER)
    ada.next_after(second)
    ada.settle()
    assert ada.complaints() == []
    labels = {answer["id"]: answer["label"] for answer in site.answers("names")}
    found = {
        name: [(part["class"], TEXT[part["start"] : part["end"]]) for part in label] for name, label in labels.items()
    }
    assert found == {
        "t0": [("person", "Ada Lovelace"), ("place", "London")],
        "t1": [("person", "Ada"), ("place", "engines.")],
    }


GEOMETRY = """
    const done = arguments[arguments.length - 1];
    import("/static/geometry.js").then((g) => {
      const box = { class: "c", x: 0.2, y: 0.3, width: 0.4, height: 0.2 };
      const places = [-5, -0.1, 0, 0.25, 0.5, 0.999, 1, 7];
      const found = { outside: [] };
      const changes = (x, y) => [
        (box) => g.moved(box, x, y),
        (box) => g.tidy({ ...box, x, y }),
        () => ({ class: "c", ...g.between({ x: 0.5, y: 0.5 }, { x, y }) }),
        ...["nw", "ne", "sw", "se"].map((corner) => (box) => g.resized(box, corner, { x, y })),
      ];
      for (const x of places) for (const y of places) for (const change of changes(x, y)) {
        const { x: left, y: top, width, height, class: name } = change(box);
        const inside = left >= 0 && top >= 0 && left + width <= 1 + 1e-9 && top + height <= 1 + 1e-9;
        if (!inside || width <= 0 || height <= 0 || name !== "c") found.outside.push([x, y, left, top, width, height]);
      }
      found.moved = g.moved(box, 0.1, 0.1);
      found.flipped = g.resized(box, "nw", { x: 0.8, y: 0.9 });
      found.smallest = g.boxAt([{ ...box, x: 0, y: 0, width: 1, height: 1 }, box], { x: 0.3, y: 0.4 });
      const pieces = g.pieces(6, [{ start: 1, end: 4 }, { start: 3, end: 6 }]);
      found.pieces = pieces.map(({ start, end, spans }) => [start, end, spans]);
      found.trimmed = [g.trimmed([..." a b "], 0, 5), g.trimmed([..."   "], 0, 3)];
      found.letters = g.letterStops("a👩‍🔬é");
      found.words = g.wordStops([..."ab  c"]);
      done(found);
    }, (error) => done(String(error)));
"""


def test_places_of_boxes_and_of_texts(site: LabelSite, ada: Annotator) -> None:
    """Whatever is drawn lies within the image, and letters are what people take for letters."""
    ada.driver.get(f"http://{site.page}/invite")
    found = ada.driver.execute_async_script(GEOMETRY)
    assert found["outside"] == []
    assert is_near(found["moved"], "c", 0.3, 0.4, 0.7, 0.6)
    assert is_near(found["flipped"], "c", 0.6, 0.5, 0.8, 0.9)
    assert found["smallest"] == 1
    assert found["pieces"] == [[0, 1, []], [1, 3, [0]], [3, 4, [0, 1]], [4, 6, [1]]]
    assert found["trimmed"] == [{"start": 1, "end": 4}, None]
    assert found["letters"] == [0, 1, 4, 5]
    assert found["words"] == [0, 2, 4, 5]


def test_the_other_forms_by_keyboard(site: LabelSite, ada: Annotator) -> None:
    """Several classes, numbers, pairs; a suggestion is accepted with one key."""
    many = ["sports", "law", "art", "food", "money", "war", "health", "travel", "music", "weather"]
    site.project(
        "topics", f'[form]\nkind = "multi"\nclasses = {many}\n', [{"id": "m", "text": "a"}, {"id": "none", "text": "b"}]
    )
    site.project(
        "scores",
        '[form]\nkind = "number"\nmin = 0\nmax = 5\n[show]\nrow = ["age"]\n',
        [{"id": f"n{at}", "age": at} for at in range(2)],
    )
    pairs = [{"id": f"p{at}", "left": "one", "right": "two"} for at in range(3)]
    site.project("pairs", '[form]\nkind = "pairwise"\n[show]\npair = ["left", "right"]\n', pairs)
    guess = {"hone.prediction": "fish", "hone.confidence": 0.61}
    site.project(
        "guessed", ONE_CLASS + "[answers]\nblind = 0\n", [{"id": f"s{at}", "text": "?", **guess} for at in range(2)]
    )
    ada.enter(site.invite("ada"))
    assert [card.split("any")[0] for card in ada.texts(".card strong")] == ["topics", "scores", "pairs", "guessed"]

    def open_project(name: str) -> None:
        ada.driver.get("about:blank")
        ada.driver.get(f"http://{site.page}/#/")
        cards = {card.find_element(By.TAG_NAME, "strong").text: card for card in ada.wait(lambda _: ada.all(".card"))}
        cards[name].click()
        ada.find(".sample")

    open_project("topics")
    ada.answer("1", "3", "q", "3")
    ada.answer()
    ada.settle()
    open_project("scores")
    shown = ada.sample()
    ada.keys("7", Keys.ENTER)
    assert ada.sample() == shown
    assert "7 is above 5" in ada.texts(".says")[0]
    ada.keys(Keys.BACKSPACE)
    ada.answer("3", ",", "5")
    ada.keys("0", "u")
    ada.wait(lambda _: ada.sample() == shown)
    assert ada.find("#number").get_attribute("value") == "3.5"
    ada.answer()
    ada.answer("0")
    ada.settle()
    open_project("pairs")
    ada.answer("1")
    ada.answer(Keys.ARROW_RIGHT)
    ada.answer("3")
    ada.settle()
    open_project("guessed")
    assert ada.texts(".suggestion .badge") == ["Suggestion"]
    assert "fish" in ada.texts(".suggestion")[0]
    assert "61 %" in ada.texts(".suggestion")[0]
    assert not ada.all("input:checked"), "nothing is chosen for anybody"
    shown = ada.sample()
    ada.keys("a")
    ada.next_after(shown)
    ada.settle()
    assert ada.complaints() == []
    labels = {
        answer["id"]: answer["label"]
        for name in ("topics", "scores", "pairs", "guessed")
        for answer in site.answers(name)
    }
    assert labels == {
        "m": ["sports", "weather"],
        "none": [],
        "n0": 3.5,
        "n1": 0,
        "p0": "a",
        "p1": "b",
        "p2": "tie",
        "s0": "fish",
    }


def test_the_page_works_on_a_phone(site: LabelSite, place: Path, pictures: Path) -> None:
    """By touch, in portrait, without anything wider than the screen."""
    site.project("boxes", BOXES, [{"id": "i0", "image": "0.png"}])
    site.project(
        "animals", ONE_CLASS, [{"id": "s00", "text": "A long text about a bird. " * 20 + "w" * 200}, *animals(3)[1:]]
    )
    with annotator(place, phone=True) as ada:
        ada.enter(site.invite("ada", "animals"))
        fits = "return document.documentElement.scrollWidth <= window.innerWidth"
        assert ada.script(fits)
        small = """return [...document.querySelectorAll("button, label, summary")]
            .map((element) => [element.textContent, element.getBoundingClientRect()])
            .filter(([, frame]) => frame.width > 0 && (frame.width < 32 || frame.height < 32))"""
        assert ada.script(small) == []
        bottom = (
            "return window.innerHeight - document.querySelector('.actions .primary').getBoundingClientRect().bottom"
        )
        submit = ada.script(bottom) >= 0
        assert submit, "the way to an answer is in sight, however long the text"
        assert not ada.find(".choice kbd").is_displayed(), "there are no keys"
        shown = ada.sample()
        ada.tap(".choice:has([value=bird])", lambda: ada.all("input[value=bird]:checked"))
        ada.tap(".actions .primary", lambda: ada.sample() != shown)
        ada.next_after(shown)
        ada.settle()
        ada.enter(site.invite("ada", "boxes"))
        image_is_there(ada)
        assert ada.script(fits)
        shown = ada.sample()
        stroke(ada, (0.2, 0.5), (0.5, 0.75), touch=True)
        stroke(ada, (0.5, 0.75), (0.7, 0.9), touch=True)
        ada.tap(".choice:has([value=cat])", lambda: ada.all(".box[data-label=cat]"))
        ada.tap(".actions .primary", lambda: ada.sample() != shown)
        ada.next_after(shown)
        ada.settle()
        assert ada.complaints() == []
    [box] = site.answers("boxes")[0]["label"]
    assert is_near(box, "cat", 0.2, 0.5, 0.7, 0.9)
    assert [answer["label"] for answer in site.answers("animals")] == ["bird"]
