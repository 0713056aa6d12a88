"""What others wrote does nothing on the page, and nothing on the page keeps people out."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from .browser import Annotator, LabelSite
from .samples import BOXES, ONE_CLASS, TEXT, marked, stroke

pytestmark = pytest.mark.browser

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
    classes = ", ".join(json.dumps(HOSTILE[at]) for at in (1, 2, 4))
    rest = (
        f"instructions = {json.dumps(HOSTILE[0] + HOSTILE[2])}\n"
        f'[form]\nkind = "classes"\nclasses = [{classes}]\n[answers]\nblind = 0\n'
    )
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
    assert (
        ada.script(
            "return document.querySelectorAll('main script, main svg, main iframe, main img, header img').length"
        )
        == 0
    )
    assert ada.complaints() == [], "the policy had to step in"
    assert [answer["label"] for answer in site.answers(f"p {HOSTILE[1]}")] == [HOSTILE[2]]


#: Runs the checks that a program can make of WCAG 2.1 A and AA.
CHECK = """;
    const done = arguments[arguments.length - 1];
    const said = (rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(" ")}`;
    const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
    const failed = (error) => done([String(error)]);
    axe.run(document, { runOnly: rules }).then((found) => done(found.violations.map(said)), failed);
"""


def test_nothing_on_the_page_keeps_people_out(site: LabelSite, ada: Annotator, pictures: Path) -> None:
    """What axe-core finds of the rules of WCAG 2.1 A and AA, on every form, in light and dark."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text()
    guess = {"hone.prediction": "fish", "hone.confidence": 0.61}
    site.project(
        "animals",
        'instructions = "Look."\n' + ONE_CLASS + "[answers]\nblind = 0\n",
        [{"id": "s0", "text": "A fish?", **guess}],
    )
    site.project("boxes", BOXES, [{"id": "i0", "image": "0.png"}])
    site.project(
        "names", '[form]\nkind = "spans"\nclasses = ["person"]\n[show]\ntext = "text"\n', [{"id": "t0", "text": TEXT}]
    )
    site.project("scores", '[form]\nkind = "number"\nmin = 0\nmax = 5\n', [{"id": "n0", "age": 3}])
    ada.enter(site.invite("ada"))

    def check(what: str) -> None:
        script = axe + CHECK
        for scheme in ("light", "dark"):
            # Nothing is looked at while its colour changes.
            wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
            media = {"features": [{"name": name, "value": value} for name, value in wanted.items()]}
            ada.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            found = ada.driver.execute_async_script(script)
            assert found == [], f"{what}, {scheme}"

    # The checks look at styles that are part of a document; the page's own policy would stop them.
    ada.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    ada.driver.refresh()
    ada.find(".card")
    check("projects")
    for number, draw in enumerate(
        (None, lambda: stroke(ada, (0.2, 0.3), (0.6, 0.6)), lambda: ada.drag(marked(ada, "London")), None), 1
    ):
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
