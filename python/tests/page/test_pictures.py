"""The pictures of `docs/labels-page.md`: `python/test --pictures` takes them anew."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.keys import Keys

from ..support.real import REPOSITORY
from .browser import Annotator, LabelSite, annotator
from .samples import marked, stroke

pytestmark = pytest.mark.pictures

FOLDER = REPOSITORY / "docs" / "pictures"
#: A picture is read beside a text, and loaded by everybody who reads it.
LARGEST_BYTES = 60_000
REVIEWS = [
    "The room was small but quiet, and the breakfast made up for everything.",
    "We waited an hour for a key that did not fit.",
    "Friendly people, dreadful beds.",
]


def keep(who: Annotator, name: str, place: Path) -> None:
    """Takes a picture of the page, in few colours."""
    raw = place / "raw.png"
    height = who.script("return Math.ceil(document.querySelector('.actions').getBoundingClientRect().bottom) + 16")
    who.picture(raw)
    FOLDER.mkdir(exist_ok=True)
    with Image.open(raw) as picture:
        scale = picture.width / who.script("return window.innerWidth")
        cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, round(height * scale))))
        cut.quantize(64, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)
    assert (FOLDER / name).stat().st_size < LARGEST_BYTES


def street(path: Path) -> None:
    """A street with a house, a tree and two cars."""
    picture = Image.new("RGB", (720, 380), (197, 221, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 250, 720, 380), fill=(120, 124, 130))
    draw.rectangle((60, 90, 250, 250), fill=(201, 173, 140))
    draw.polygon([(45, 90), (155, 25), (265, 90)], fill=(150, 70, 60))
    draw.rectangle((420, 150, 440, 250), fill=(110, 80, 55))
    draw.ellipse((370, 50, 490, 180), fill=(80, 135, 75))
    for left, colour in ((250, (190, 60, 55)), (520, (55, 90, 160))):
        draw.rounded_rectangle((left, 270, left + 150, 315), 10, fill=colour)
        draw.polygon([(left + 30, 270), (left + 48, 240), (left + 108, 240), (left + 126, 270)], fill=colour)
        for wheel in (left + 20, left + 105):
            draw.ellipse((wheel, 300, wheel + 28, 328), fill=(35, 35, 38))
    picture.save(path)


def test_pictures_of_the_page(site: LabelSite, place: Path) -> None:
    """One of each kind that the document shows."""
    guess: dict[str, Any] = {"hone.prediction": "positive", "hone.confidence": 0.64}
    texts = [{"id": f"r{at}", "text": text, **guess} for at, text in enumerate(REVIEWS)]
    rest = (
        'instructions = "What does the guest think of the hotel?\\nMixed: good and bad weigh the same."\n'
        '[form]\nkind = "classes"\nclasses = ["positive", "negative", "mixed"]\n'
        '[show]\ntext = "text"\n[answers]\nblind = 0\n'
    )
    site.project("hotel reviews", rest, texts)
    street(site.folder / "street.png")
    rest = '[form]\nkind = "boxes"\nclasses = ["car", "tree", "house"]\n[show]\nimage = "image"\n'
    site.project("street", rest, [{"id": "i", "image": "street.png"}])
    rest = '[form]\nkind = "spans"\nclasses = ["person", "place", "date"]\n[show]\ntext = "text"\n'
    text = "In June 1833 Ada Lovelace met Charles Babbage in London. He showed her a part of the Difference Engine."
    site.project("names", rest, [{"id": "t", "text": text}])
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    with annotator(place) as ada:
        ada.driver.set_window_size(1100, 1100)
        ada.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
        ada.enter(site.invite("Ada", "hotel reviews"))
        ada.keys("1")
        keep(ada, "page-classes.png", place)
        ada.enter(site.invite("Ada", "street"))
        ada.wait(lambda _: ada.script("return document.querySelector('.canvas img')?.naturalWidth === 720"))
        stroke(ada, (0.505, 0.12), (0.69, 0.66))
        ada.keys("2")
        stroke(ada, (0.34, 0.62), (0.565, 0.87))
        ada.keys("1")
        stroke(ada, (0.06, 0.06), (0.37, 0.66))
        ada.keys("3")
        keep(ada, "page-boxes.png", place)
        ada.enter(site.invite("Ada", "names"))
        for number, (words, key) in enumerate(
            (("June 1833", "3"), ("London", "2"), ("Charles Babbage", "1"), ("Ada Lovelace", "1")), 1
        ):
            ada.drag(marked(ada, words))
            ada.wait(lambda _, number=number: len(ada.all(".part")) == number)  # type: ignore[misc]
            ada.keys(key)
        ada.keys(Keys.ESCAPE)
        keep(ada, "page-spans.png", place)
    with annotator(place, phone=True) as ada:
        ada.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
        ada.enter(site.invite("Bob", "hotel reviews"))
        ada.find(".choice input").click()
        keep(ada, "page-phone.png", place)
