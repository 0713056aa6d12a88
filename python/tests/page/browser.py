"""Annotators in real browsers: Debian's Chromium without a window, on the page of a real coordinator."""

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import TimeoutException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ..support.real import LIMIT_S, Hone
from ..support.served import Served

T = TypeVar("T")

#: A desk, and a phone in portrait.
DESK = (1100, 850)
PHONE = {"width": 390, "height": 780, "pixelRatio": 2.0, "touch": True}

#: Addresses of this host that no other test has: the port can be the page's own, also after a restart.
_hosts = itertools.count(1)


def own_address() -> str:
    """An address for a page that stays free while its coordinator is away."""
    number = os.getpid()
    return f"127.{64 + number // 65536 % 64}.{number // 256 % 256}.{number % 256}:{7172 + next(_hosts)}"


class LabelSite(Served):
    """A coordinator that serves its page, with projects to label."""

    def __init__(self, hone: Hone) -> None:
        super().__init__(hone)
        self.page = own_address()
        self.options: list[str] = []

    def start(self, listen: str = "127.0.0.1:0") -> None:
        """Starts it, and waits until it serves."""
        self.process = self.hone.start("serve", "--listen", listen, "--page", self.page, *self.options)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving"), line

    @property
    def folder(self) -> Path:
        """Where files of projects and samples are."""
        folder = self.hone.root / "projects"
        folder.mkdir(exist_ok=True)
        return folder

    def project(self, name: str, rest: str, samples: list[dict[str, Any]]) -> None:
        """Makes a project out of the rest of its file, and asks for labels of samples."""
        file = self.folder / "project.toml"
        file.write_text(f"name = {json.dumps(name)}\n{rest}")
        self.hone.run("label", "create", str(file))
        self.ask(name, samples)

    def ask(self, project: str, samples: list[dict[str, Any]]) -> None:
        """Asks for labels of samples."""
        file = self.folder / "samples.jsonl"
        file.write_text("".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples))
        self.hone.run("label", "ask", project, str(file))

    def invite(self, name: str, *projects: str) -> str:
        """A link for an annotator."""
        options = [part for project in projects for part in ("--project", project)]
        link: str = self.hone.json("label", "invite", name, *options)["link"]
        return link

    def answers(self, project: str) -> list[dict[str, Any]]:
        """Every answer that counts, as an export has it."""
        text = self.hone.run("label", "export", project, "--answers")
        return [json.loads(line) for line in text.splitlines()]

    def requests(self, project: str) -> list[dict[str, Any]]:
        """All requests of a project."""
        found: list[dict[str, Any]] = self.hone.json("label", "requests", project, "--all")
        return found


class Annotator:
    """Somebody in a browser of their own."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def wait(self, condition: Callable[[Chrome], T], what: str = "") -> T:
        """Waits until a condition holds."""
        waiting = WebDriverWait(self.driver, LIMIT_S, poll_frequency=0.02)
        result: T = waiting.until(condition, what)
        return result

    def enter(self, link: str) -> None:
        """Opens a link and presses its button."""
        self.driver.get(link)
        self.find("#enter").click()
        self.wait(lambda _: self.all(".sample, .cards, .panel[data-state=nothing]"), "the page behind the link")

    def find(self, selector: str) -> WebElement:
        """Waits until there is an element."""
        return self.wait(
            lambda driver: next(iter(driver.find_elements(By.CSS_SELECTOR, selector)), None) or False, selector
        )

    def all(self, selector: str) -> list[WebElement]:
        """The elements that are there now."""
        found: list[WebElement] = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found

    def wait_for_text(self, selector: str, text: str) -> None:
        """Waits until an element says something."""
        self.wait(lambda _: any(text in found for found in self.texts(selector)), f"`{text}` in {selector}")

    def texts(self, selector: str) -> list[str]:
        """What elements say, as it is written in the document."""
        script = "return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent)"
        found: list[str] = self.script(script, selector)
        return found

    def script(self, script: str, *arguments: Any) -> Any:
        """Runs something in the page."""
        return self.driver.execute_script(script, *arguments)

    def keys(self, *keys: str) -> None:
        """Presses keys, wherever the focus is."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def chord(self, *modifiers: str, then: str) -> None:
        """Presses keys while others are held."""
        chain = ActionChains(self.driver, duration=0)
        for key in modifiers:
            chain.key_down(key)
        chain.send_keys(then)
        for key in modifiers:
            chain.key_up(key)
        chain.perform()

    def drag(self, path: list[tuple[float, float]], *, touch: bool = False) -> None:
        """Draws with the mouse or a finger, over points of the window."""
        kind = {
            "id": "finger" if touch else "mouse",
            "type": "pointer",
            "parameters": {"pointerType": "touch" if touch else "mouse"},
        }
        at = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)} for x, y in path]
        actions = [at[0], {"type": "pointerDown", "button": 0}, *at[1:], {"type": "pointerUp", "button": 0}]
        self.driver.execute("actions", {"actions": [{**kind, "actions": actions}]})

    def tap(self, selector: str, effect: Callable[[], object]) -> None:
        """Taps on an element with a finger, after having scrolled to it, until it has an effect.

        Chromium takes a tap that follows a stroke at once for the end of its movement, as it does with a moving page.
        """
        script = """arguments[0].scrollIntoView({ block: "center" });
            const frame = arguments[0].getBoundingClientRect();
            return [frame.left + frame.width / 2, frame.top + frame.height / 2]"""
        for _ in range(10):
            x, y = self.script(script, self.find(selector))
            self.drag([(x, y), (x, y)], touch=True)
            with contextlib.suppress(TimeoutException):
                WebDriverWait(self.driver, 2, poll_frequency=0.02).until(lambda _: effect())
                return
        raise AssertionError(f"tapping on {selector} has no effect")

    def fetched(self, ending: str) -> int:
        """How many answers to calls under this address have come."""
        script = """return performance.getEntriesByType("resource")
            .filter((entry) => entry.name.endsWith(arguments[0]) && entry.responseEnd > 0).length"""
        return int(self.script(script, ending))

    def sample(self) -> str:
        """Which sample is shown; empty: none."""
        return next(iter(self.texts(".title")), "")

    def next_after(self, sample: str) -> str:
        """Waits until another sample is shown, or it is said that there is none; returns which."""

        def shown(_: Chrome) -> tuple[str] | None:
            now = self.sample()
            return (now,) if now not in (sample, "") or self.all(".panel[data-state=nothing]") else None

        found = self.wait(shown, f"a sample after {sample}")
        return found[0] if found else ""

    def answer(self, *keys: str) -> str:
        """Presses keys and Enter, and waits for the next sample."""
        shown = self.sample()
        self.keys(*keys, Keys.ENTER)
        return self.next_after(shown)

    def settle(self) -> None:
        """Waits until the coordinator has everything."""
        self.wait(lambda _: self.unsent() == 0, "everything is sent")

    def unsent(self) -> int:
        """How many answers the coordinator has not acknowledged."""
        return int(self.find(".work").get_attribute("data-unsent") or -1)

    def complaints(self) -> list[str]:
        """What the browser has written into its log since the last look, apart from lost connections."""
        lines = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in lines if "ERR_CONNECTION" not in line and "ERR_EMPTY_RESPONSE" not in line]

    def picture(self, path: Path) -> None:
        """Takes a picture of what is in the window."""
        self.driver.save_screenshot(str(path))


@contextlib.contextmanager
def annotator(place: Path, *, phone: bool = False, dark: bool = False) -> Iterator[Annotator]:
    """A browser with nothing in it."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-background-networking",
        "hide-scrollbars",
        f"window-size={DESK[0]},{DESK[1]}",
        *(["force-dark-mode"] if dark else []),
    ):
        options.add_argument(f"--{argument}")
    if phone:
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": PHONE})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Chromium's own files go where this test's do.
    service = Service("/usr/bin/chromedriver", env={**os.environ, "TMPDIR": str(place), "HOME": str(place)})
    driver = Chrome(options=options, service=service)
    try:
        yield Annotator(driver)
    finally:
        driver.quit()
