"""Annotators on Hone's own page, in a real browser: what they press and draw is what the store has afterwards."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .support.browser import Annotator, LabelSite, annotator
from .support.real import Hone
from .support.served import wait_until

pytestmark = pytest.mark.browser

CLASSES = ["bird", "fish", "dog"]
ONE_CLASS = '[form]\nkind = "classes"\nclasses = ["bird", "fish", "dog"]\n[show]\ntext = "text"\n'
#: 👩‍🔬 is three code points and five of JavaScript's units, 🇬🇧 two and four.
TEXT = "👩‍🔬 Ada Lovelace met Charles Babbage in London 🇬🇧.\nThey spoke of naïve engines."


@pytest.fixture
def site(place: Path) -> Iterator[LabelSite]:
    """A coordinator with a page that has no projects yet."""
    site = LabelSite(Hone(place))
    try:
        site.start()
        yield site
    finally:
        site.end()


@pytest.fixture
def ada(place: Path) -> Iterator[Annotator]:
    """A browser of somebody who has not come in."""
    with annotator(place) as ada:
        yield ada


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


def test_two_annotators_label_fifty_samples_by_keyboard_and_none_twice(site: LabelSite, place: Path) -> None:
    """At the same time, each as fast as the page goes."""
    site.project("animals", ONE_CLASS, animals(50))
    with annotator(place) as ada, annotator(place) as bob:
        ada.enter(site.invite("ada"))
        bob.enter(site.invite("bob", "animals"))
        assert ada.sample() != bob.sample()
        threads = [threading.Thread(target=label_everything, args=(who,)) for who in (ada, bob)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for who in (ada, bob):
            who.settle()
            done = "everything that was asked for is done"
            who.wait(lambda _, who=who: done in "".join(who.texts(".panel")), done)  # type: ignore[misc]
            assert who.complaints() == []
        total = [int(who.texts(".mine")[0].split()[2].strip(",")) for who in (ada, bob)]
        assert sum(total) == 50
        # More comes, and the page finds it without being asked.
        site.ask("animals", animals(51)[50:])
        wait_until(lambda: ada.sample() != "" or bob.sample() != "")
        late = ada if ada.sample() else bob
        late.answer("3")
        late.settle()
    answers = site.answers("animals")
    assert Counter(answer["id"] for answer in answers) == {f"s{at:02}": 1 for at in range(51)}
    assert [answer for answer in answers if answer["label"] != truth(answer)] == []
    by = Counter(answer["annotator"] for answer in answers)
    assert set(by) == {"ada", "bob"}
    assert min(by.values()) >= 5, f"one of them did nearly nothing: {by}"
    assert all(answer["channel"] == "page" and 0 < answer["took_ms"] < 120_000 for answer in answers)


def test_undo_brings_a_sample_back_and_skip_says_why(site: LabelSite, ada: Annotator) -> None:
    """Also several times in a row, and with what was answered filled in."""
    site.project("animals", ONE_CLASS, animals(6))
    ada.enter(site.invite("ada"))
    first = ada.sample()
    second = ada.answer("3")
    third = ada.answer("2")
    ada.settle()
    ada.keys("u")
    assert ada.next_after(third) == second
    assert ada.find("input:checked").get_attribute("value") == "fish"
    ada.keys(Keys.BACKSPACE)
    assert ada.next_after(second) == first
    assert ada.answer("1") == second
    assert ada.answer() == third, "Enter alone: the former answer stays"
    ada.keys("s")
    ada.find("dialog[open]")
    ada.keys("2")
    fourth = ada.next_after(third)
    ada.keys("s")
    ada.find("dialog[open] input")
    ada.keys(Keys.TAB * 4, "two animals", Keys.ENTER)
    fifth = ada.next_after(fourth)
    ada.keys("s", Keys.ESCAPE)
    assert ada.sample() == fifth
    ada.settle()
    answers = {answer["id"]: answer for answer in site.answers("animals") if not answer["withdrawn"]}
    assert {name: answer["label"] for name, answer in answers.items()} == {"s00": "bird", "s01": "fish"}
    skips = {request["sample"]: request["skips"] for request in site.requests("animals") if request["skips"]}
    reasons = {name: [skip["reason"] for skip in listed] for name, listed in skips.items()}
    assert reasons == {"s02": ["None of the answers fits"], "s03": ["two animals"]}


def test_answers_outlive_the_coordinator_and_count_once(site: LabelSite, ada: Annotator) -> None:
    """It is killed while somebody works, who goes on with what is there, and comes back."""
    site.project("animals", ONE_CLASS, animals(12))
    ada.enter(site.invite("ada"))
    for _ in range(3):
        ada.answer(key_for(ada))
    ada.settle()
    ada.wait(lambda _: ada.script("return performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/next')).length") >= 6)
    site.kill()
    for _ in range(2):
        shown = ada.sample()
        ada.keys(key_for(ada), Keys.ENTER)
        ada.wait(lambda _, shown=shown: ada.sample() != shown)  # type: ignore[misc]
    ada.wait(lambda _: any("No connection" in text for text in ada.texts(".waiting")))
    assert ada.unsent() == 2
    # The third was fetched ahead; its answer is undone and given again while nobody hears it.
    shown = ada.sample()
    ada.keys("1" if key_for(ada) != "1" else "2", Keys.ENTER)
    ada.wait(lambda _: ada.sample() == "")
    ada.keys("u")
    ada.wait(lambda _: ada.sample() == shown)
    ada.keys(key_for(ada), Keys.ENTER)
    ada.wait(lambda _: ada.sample() == "")
    assert ada.unsent() == 3
    site.start()
    ada.settle()
    ada.wait(lambda _: ada.sample() != "")
    label_everything(ada)
    ada.settle()
    answers = site.answers("animals")
    counting = [answer for answer in answers if not answer["withdrawn"]]
    assert Counter(answer["id"] for answer in counting) == {f"s{at:02}": 1 for at in range(12)}
    assert [answer for answer in counting if answer["label"] != truth(answer)] == []
    assert len(answers) == 12, "what was never sent is not in the record"


def test_answers_are_kept_over_a_reload_and_a_lost_session(site: LabelSite, ada: Annotator) -> None:
    """What the browser holds is sent by whoever comes back with the same name."""
    site.project("animals", ONE_CLASS, animals(5))
    ada.enter(site.invite("ada"))
    ada.wait(lambda _: ada.sample() != "")
    site.kill()
    ada.keys(key_for(ada), Keys.ENTER)
    ada.wait(lambda _: ada.unsent() == 1)
    site.start()
    site.hone.run("label", "revoke", "ada")
    ada.find(".panel[data-state=over]")
    assert "1 answers" in ada.texts(".panel")[0]
    ada.driver.refresh()
    ada.find(".panel[data-state=over]")
    assert site.answers("animals") == []
    ada.enter(site.invite("ada"))
    ada.settle()
    assert [(answer["id"], answer["label"]) for answer in site.answers("animals")] == [("s00", "bird")]


@pytest.fixture
def pictures(place: Path) -> Path:
    """Pictures of something on grass, 600 by 400."""
    folder = place / "projects"
    folder.mkdir(exist_ok=True)
    for number in range(4):
        picture = Image.new("RGB", (600, 400), (150, 190, 225))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 280, 600, 400), fill=(90, 140, 80))
        draw.ellipse((120 + 30 * number, 200, 300 + 30 * number, 300), fill=(200, 120, 60))
        picture.save(folder / f"{number}.png")
    return folder


BOXES = '[form]\nkind = "boxes"\nclasses = ["dog", "cat"]\n[answers]\nblind = 0\n[show]\nimage = "image"\n'


def place_on(who: Annotator, x: float, y: float) -> tuple[float, float]:
    """Where a place of the image, in shares, is in the window."""
    frame = who.script("const f = document.querySelector('.layer').getBoundingClientRect(); return [f.left, f.top, f.width, f.height]")
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
    found = {name: [(part["class"], TEXT[part["start"] : part["end"]]) for part in label] for name, label in labels.items()}
    assert found == {
        "t0": [("person", "Ada Lovelace"), ("place", "London")],
        "t1": [("person", "Ada"), ("place", "engines.")],
    }


def test_the_other_forms_by_keyboard(site: LabelSite, ada: Annotator) -> None:
    """Several classes, numbers, pairs; a suggestion is accepted with one key."""
    many = ["sports", "law", "art", "food", "money", "war", "health", "travel", "music", "weather"]
    site.project("topics", f'[form]\nkind = "multi"\nclasses = {many}\n', [{"id": "m", "text": "a"}, {"id": "none", "text": "b"}])
    site.project("scores", '[form]\nkind = "number"\nmin = 0\nmax = 5\n[show]\nrow = ["age"]\n', [{"id": f"n{at}", "age": at} for at in range(2)])
    pairs = [{"id": f"p{at}", "left": "one", "right": "two"} for at in range(3)]
    site.project("pairs", '[form]\nkind = "pairwise"\n[show]\npair = ["left", "right"]\n', pairs)
    guess = {"hone.prediction": "fish", "hone.confidence": 0.61}
    site.project("guessed", ONE_CLASS + "[answers]\nblind = 0\n", [{"id": f"s{at}", "text": "?", **guess} for at in range(2)])
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
    labels = {answer["id"]: answer["label"] for name in ("topics", "scores", "pairs", "guessed") for answer in site.answers(name)}
    assert labels == {"m": ["sports", "weather"], "none": [], "n0": 3.5, "n1": 0, "p0": "a", "p1": "b", "p2": "tie", "s0": "fish"}


#: What would do something in a page that took texts for documents.
HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\"'><svg onload=window.hacked=1>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked=1",
    "</textarea><iframe srcdoc='<script>parent.hacked = 1</script>'>",
]


def test_what_users_and_datasets_wrote_does_nothing(site: LabelSite, ada: Annotator) -> None:
    """Markup in texts, columns, classes, names, instructions and suggestions is text."""
    classes = str(HOSTILE[:3]).replace("'window", "window").replace("1'>", "1>")
    rest = f"instructions = '''{HOSTILE[0]}{HOSTILE[2]}'''\n[form]\nkind = \"classes\"\nclasses = ['''{HOSTILE[1]}''', '''{HOSTILE[2]}''', '''{HOSTILE[4]}''']\n[answers]\nblind = 0\n"
    assert classes
    row = {f"column {at} {text}": text for at, text in enumerate(HOSTILE)}
    guess = {"hone.prediction": HOSTILE[2], "hone.confidence": 1}
    samples = [{"id": f"{at} {HOSTILE[at]}", **row, "nested": {"a": HOSTILE}, **guess} for at in range(3)]
    site.project(f"p {HOSTILE[1]}", rest, samples)
    name = f"ada {HOSTILE[1]}"
    ada.enter(site.invite(name))
    assert ada.texts(".who") == [name]
    assert ada.texts("h1") == [f"p {HOSTILE[1]}"]
    assert ada.texts(".suggestion .what") == [HOSTILE[2]]
    assert ada.texts(".columns td")[:6] == HOSTILE
    shown = ada.sample()
    ada.keys("a")
    ada.next_after(shown)
    shown = ada.sample()
    ada.keys("s")
    ada.find("dialog[open]")
    ada.keys(Keys.TAB * 4, HOSTILE[1], Keys.ENTER)
    ada.next_after(shown)
    ada.settle()
    assert ada.script("return window.hacked") is None
    assert ada.script("return document.querySelectorAll('main script, main svg, main iframe, main img, header img').length") == 0
    assert ada.complaints() == [], "the policy had to step in"
    assert [answer["label"] for answer in site.answers(f"p {HOSTILE[1]}")] == [HOSTILE[2]]


def test_the_page_works_on_a_phone(site: LabelSite, place: Path, pictures: Path) -> None:
    """By touch, in portrait, without anything wider than the screen."""
    site.project("boxes", BOXES, [{"id": "i0", "image": "0.png"}])
    site.project("animals", ONE_CLASS, [{"id": "s00", "text": "A long text about a bird. " * 20 + "w" * 200}, *animals(3)[1:]])
    with annotator(place, phone=True) as ada:
        ada.enter(site.invite("ada", "animals"))
        fits = "return document.documentElement.scrollWidth <= window.innerWidth"
        assert ada.script(fits)
        small = """return [...document.querySelectorAll("button, label, summary")].map((element) => [element.textContent,
            element.getBoundingClientRect()]).filter(([, frame]) => frame.width > 0 && (frame.width < 32 || frame.height < 32))"""
        assert ada.script(small) == []
        submit = ada.script("const f = document.querySelector('.actions .primary').getBoundingClientRect(); return f.bottom <= window.innerHeight")
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


def test_a_sample_that_is_left_goes_back_to_the_others(site: LabelSite, ada: Annotator) -> None:
    """At once, and not only when its lease is over."""
    site.project("animals", ONE_CLASS, animals(3))
    ada.enter(site.invite("ada"))
    held = lambda: sum(request["state"] == "leased" for request in site.requests("animals"))  # noqa: E731
    wait_until(lambda: held() == 3)
    ada.driver.get("about:blank")
    wait_until(lambda: held() == 0)


def test_a_paused_project_says_so_and_goes_on_by_itself(site: LabelSite, ada: Annotator) -> None:
    """Without the page being loaded again."""
    site.project("animals", ONE_CLASS, animals(1))
    site.hone.run("label", "set", "animals", "--state", "paused")
    ada.enter(site.invite("ada"))
    assert "the project is paused" in ada.texts(".panel")[0]
    site.hone.run("label", "set", "animals", "--state", "open")
    ada.find(".sample")


def test_nothing_on_the_page_keeps_people_out(site: LabelSite, ada: Annotator, pictures: Path) -> None:
    """What axe-core finds of the rules of WCAG 2.1 A and AA, on every form, in light and dark."""
    from importlib.resources import files

    axe = files("axe_core_python").joinpath("axe.min.js").read_text()
    guess = {"hone.prediction": "fish", "hone.confidence": 0.61}
    site.project("animals", 'instructions = "Look."\n' + ONE_CLASS + "[answers]\nblind = 0\n", [{"id": "s0", "text": "A fish?", **guess}])
    site.project("boxes", BOXES, [{"id": "i0", "image": "0.png"}])
    site.project("names", '[form]\nkind = "spans"\nclasses = ["person"]\n[show]\ntext = "text"\n', [{"id": "t0", "text": TEXT}])
    site.project("scores", '[form]\nkind = "number"\nmin = 0\nmax = 5\n', [{"id": "n0", "age": 3}])
    ada.enter(site.invite("ada"))

    def check(what: str) -> None:
        script = axe + """;
            const done = arguments[arguments.length - 1];
            axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then((found) => done(
              found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(" ")}`)), (error) => done([String(error)]));"""
        for scheme in ("light", "dark"):
            # Nothing is looked at while its colour changes.
            wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
            media = {"features": [{"name": name, "value": value} for name, value in wanted.items()]}
            ada.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            found = ada.driver.execute_async_script(script)  # type: ignore[no-untyped-call]
            assert found == [], f"{what}, {scheme}"

    # The checks look at styles that are part of a document; the page's own policy would stop them.
    ada.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    ada.driver.refresh()
    ada.find(".card")
    check("projects")
    for number, draw in enumerate((None, lambda: stroke(ada, (0.2, 0.3), (0.6, 0.6)), lambda: ada.drag(marked(ada, "London")), None), 1):
        ada.driver.get("about:blank")
        ada.driver.get(f"http://{site.page}/#/p/{number}")
        ada.find(".sample")
        if draw:
            ada.wait(lambda _: ada.all(".layer, .marked"))
            draw()
            ada.find(".part")
        check(f"project {number}")
    ada.keys("s")
    ada.find("dialog[open]")
    check("the dialog")
    ada.driver.get(f"http://{site.page}/invite")
    check("the page of a link")
