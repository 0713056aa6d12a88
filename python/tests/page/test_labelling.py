"""Annotators on Hone's own page, in a real browser: what they press and draw is what the store has afterwards."""

import http.client
import http.server
import json
import socketserver
import threading
from collections import Counter
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from ..support.real import LIMIT_S, Hone
from ..support.served import wait_until
from .browser import Annotator, LabelSite, annotator
from .samples import CLASSES, ONE_CLASS, animals, key_for, label_everything, truth

pytestmark = pytest.mark.browser


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
            who.wait_for_text(".panel", "everything that was asked for is done")
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
    ada.wait(lambda _: ada.fetched("/next") >= 6)
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


class Swallowing(socketserver.ThreadingTCPServer):
    """Stands before a page and passes everything on, but not the first acknowledgement of every answer."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, page: str) -> None:
        self.page = page
        self.swallowed: list[str] = []
        super().__init__(("127.0.0.1", 0), Swallowing.Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Under which address annotators reach the page."""
        return "http://{}:{}".format(*self.server_address)

    class Connection(http.server.BaseHTTPRequestHandler):
        """One of a browser."""

        server: "Swallowing"
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            """Makes the same call, and answers what was answered, or breaks off."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            behind = http.client.HTTPConnection(self.server.page, timeout=LIMIT_S)
            behind.request(self.command, self.path, body, dict(self.headers))
            answer = behind.getresponse()
            text = answer.read()
            behind.close()
            if self.path.endswith("/submit") and self.path not in self.server.swallowed:
                self.server.swallowed.append(self.path)
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = pass_on

        def log_message(self, *_: object) -> None:
            """Says nothing."""


def test_an_answer_whose_acknowledgement_is_lost_is_sent_again_and_counts_once(place: Path, ada: Annotator) -> None:
    """The coordinator had it, and the page cannot know."""
    site = LabelSite(Hone(place))
    swallowing = Swallowing(site.page)
    site.options = ["--page-url", swallowing.url]
    try:
        site.start()
        site.project("animals", ONE_CLASS, animals(6))
        ada.enter(site.invite("ada"))
        label_everything(ada)
        ada.settle()
        answers = site.answers("animals")
        events = [json.loads(line) for line in site.hone.run("store", "export").splitlines()]
    finally:
        swallowing.shutdown()
        swallowing.server_close()
        site.end()
    assert len(swallowing.swallowed) == 6
    assert {answer["id"]: answer["label"] for answer in answers} == {f"s{at:02}": CLASSES[at % 3] for at in range(6)}
    assert len(answers) == 6
    assert all(answer["former"] == [] for answer in answers), "nothing was revised"
    # The record has each once, too.
    assert json.dumps(events).count('"Answered"') == 6


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


def test_a_sample_that_is_left_goes_back_to_the_others(site: LabelSite, ada: Annotator) -> None:
    """At once, and not only when its lease is over."""
    site.project("animals", ONE_CLASS, animals(3))
    ada.enter(site.invite("ada"))

    def held() -> int:
        return sum(request["state"] == "leased" for request in site.requests("animals"))

    wait_until(lambda: held() == 3)
    ada.driver.get("about:blank")
    wait_until(lambda: held() == 0)


def test_what_was_answered_right_before_the_page_was_closed_arrives(site: LabelSite, ada: Annotator) -> None:
    """Also what waited behind another answer on a slow line."""
    site.project("animals", ONE_CLASS, animals(5))
    ada.enter(site.invite("ada"))
    ada.wait(lambda _: ada.fetched("/next") >= 3)
    ada.driver.set_network_conditions(offline=False, latency=1_000, throughput=1 << 20)
    for _ in range(2):
        shown = ada.sample()
        ada.keys(key_for(ada), Keys.ENTER)
        ada.wait(lambda _, shown=shown: ada.sample() != shown)  # type: ignore[misc]
    assert ada.unsent() == 2
    ada.driver.get("about:blank")
    wait_until(lambda: len(site.answers("animals")) == 2)
    assert [(answer["id"], answer["label"]) for answer in site.answers("animals")] == [("s00", "bird"), ("s01", "fish")]


def test_a_paused_project_says_so_and_goes_on_by_itself(site: LabelSite, ada: Annotator) -> None:
    """Without the page being loaded again."""
    site.project("animals", ONE_CLASS, animals(1))
    site.hone.run("label", "set", "animals", "--state", "paused")
    ada.enter(site.invite("ada"))
    assert "the project is paused" in ada.texts(".panel")[0]
    site.hone.run("label", "set", "animals", "--state", "open")
    ada.find(".sample")
