"""Fixtures: a coordinator that serves its page, somebody in a browser, pictures to draw on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from ..support.real import Hone
from .browser import Annotator, LabelSite, annotator


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
