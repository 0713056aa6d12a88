"""Label requests in a real Label Studio: what people say there counts here once, whatever is killed or lost."""

import base64
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from .support.labelstudio import TOKENS, LabelStudio
from .support.real import LIMIT_S, REPOSITORY, Hone, binary

pytestmark = pytest.mark.labelstudio

ADA, BOB, CYD = list(TOKENS)[1:]
#: Samples of which one import takes several calls.
MANY = 150
SPEC = """
name = "{name}"
instructions = "Say what it is."
[form]
kind = "classes"
classes = ["cat", "dog"]
[show]
text = "body"
[answers]
overlap = {overlap}
blind = {blind}
skips = 2
[label_studio]
"""


@pytest.fixture(scope="module")
def studio() -> Iterator[LabelStudio]:
    """One server for the whole suite, which each test leaves running."""
    folder = Path(tempfile.mkdtemp(prefix="hone-labelstudio-", dir="/tmp"))
    studio = LabelStudio(os.environ["LABEL_STUDIO_PROGRAM"], folder)
    studio.prepare(REPOSITORY / ".cache")
    studio.start()
    yield studio
    studio.stop(signal.SIGKILL)
    shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks ten times a second."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


class Coordinator:
    """`hone serve --label-studio`, which may be killed and started again."""

    def __init__(self, hone: Hone, studio: LabelStudio, *options: str, interval: str = "1s") -> None:
        self.hone = hone
        self.studio = studio
        self.options = ("--label-studio-interval", interval, *options)
        self.hook_port = 0
        self.start()

    def start(self) -> None:
        options = list(self.options)
        if "--label-studio-hook" in options:
            # The address that Label Studio knows from the first start.
            options.insert(options.index("--label-studio-hook") + 1, f"127.0.0.1:{self.hook_port}")
        self.log = self.hone.root / "coordinator.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--listen", "127.0.0.1:0", "--label-studio", self.studio.url, *options],
                env={**self.hone.variables, "LABEL_STUDIO_TOKEN": TOKENS["hone@example.org"]},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving"), line + self.log.read_text()
        if "--label-studio-hook" in options:
            found = re.findall(r"webhooks are heard on 127\.0\.0\.1:(\d+)", self.log.read_text())
            self.hook_port = int(found[-1])

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.communicate(timeout=60)

    # ------------------------------------------------------------ label projects

    def create(self, name: str, overlap: str = "2", blind: float = 0, more: str = "") -> None:
        self.create_from(name, SPEC.format(name=name, overlap=overlap, blind=blind) + more)

    def create_from(self, name: str, text: str) -> None:
        path = self.hone.root / f"{name}.toml"
        path.write_text(text)
        self.hone.run("label", "create", str(path))

    def ask(self, name: str, samples: list[dict[str, Any]]) -> None:
        path = self.hone.root / "samples.jsonl"
        path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
        self.hone.run("label", "ask", name, str(path))

    def ask_for(self, name: str, count: int, first: int = 0) -> None:
        self.ask(
            name,
            [
                {"id": f"s{at}", "body": f"text {at}", "hone.priority": at / 100, "hone.prediction": "dog"}
                for at in range(first, first + count)
            ],
        )

    def requests(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hone.json("label", "requests", name, "--all")
        return found

    def request(self, name: str, sample: str) -> dict[str, Any]:
        return next(request for request in self.requests(name) if request["sample"] == sample)

    def sync(self, name: str, *options: str) -> Any:
        return self.hone.json("label", "sync", name, *options)

    def there(self, name: str) -> dict[str, Any]:
        """How the project is in Label Studio."""
        found: dict[str, Any] = self.hone.json("label", "show", name)["label_studio"]
        return {key: "" if value is None and "trouble" in key else value for key, value in found.items()}

    def project(self, name: str, tasks: int) -> int:
        """The project there, once it has so many tasks and nothing waits."""
        wait_until(lambda: (self.there(name)["tasks"], self.there(name)["waiting"]) == (tasks, 0))
        return int(self.there(name)["project"])

    def wait_for_answers(self, name: str, count: int) -> None:
        wait_until(lambda: len(counted(self.requests(name))) == count)


@pytest.fixture
def start(real: Hone, studio: LabelStudio) -> Iterator[Callable[..., Coordinator]]:
    """Starts a coordinator; it ends with the test."""
    started: list[Coordinator] = []

    def start(*options: str, interval: str = "1s") -> Coordinator:
        started.append(Coordinator(real, studio, *options, interval=interval))
        return started[-1]

    yield start
    for coordinator in started:
        if coordinator.process.poll() is None:
            coordinator.end()


def counted(requests: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    """Who says what about which sample, as it counts here."""
    return sorted(
        (request["sample"], answer["annotator"], answer["label"])
        for request in requests
        for answer in request["answers"]
        if answer["withdrawn"] is None
    )


def said(studio: LabelStudio, project: int) -> list[tuple[str, str, Any]]:
    """Who says what about which sample there: of each person the newest."""
    people = {user["id"]: user["email"] for user in studio.call("GET", "/api/users/")}
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    for task in studio.tasks(project):
        for annotation in task["annotations"]:
            place = (task["data"]["sample"], annotation["completed_by"])
            if place not in newest or annotation["updated_at"] > newest[place]["updated_at"]:
                newest[place] = annotation
    return sorted(
        (sample, f"label-studio:{person} {people[person]}", annotation["result"][0]["value"]["choices"][0])
        for (sample, person), annotation in newest.items()
        if not annotation["was_cancelled"]
    )


def assert_same(coordinator: Coordinator, name: str) -> None:
    """No answer is lost, doubled or invented, and each sample has one task."""
    project = int(coordinator.there(name)["project"])
    requests = coordinator.requests(name)
    assert counted(requests) == said(coordinator.studio, project)
    samples = Counter(task["data"]["sample"] for task in coordinator.studio.tasks(project))
    assert set(samples) == {request["sample"] for request in requests}
    assert set(samples.values()) == {1}


def work(studio: LabelStudio, project: int, by: str, label: str, limit: int = 1000) -> int:
    """Lets somebody answer what they are asked until nothing is left; answers how many that were."""
    for done in range(limit):
        task = studio.next(project, by)
        if task is None:
            return done
        studio.annotate(task["id"], by, label)
    return limit


# ---------------------------------------------------------------- the way there and back


def test_three_people_answer_twelve_samples_twice_each(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("plain")
    coordinator.ask_for("plain", 12)
    project = coordinator.project("plain", 12)
    there = studio.call("GET", f"/api/projects/{project}/")
    assert (there["title"], there["maximum_annotations"]) == ("hone/plain", 2)
    assert (there["expert_instruction"], there["sampling"]) == ("Say what it is.", "Uncertainty sampling")
    # The most urgent first.
    first = studio.next(project, ADA)
    assert first is not None
    assert first["data"] == {"sample": "s11", "text": "text 11"}
    done = [
        work(studio, project, ADA, "cat", 7),
        work(studio, project, BOB, "cat", 9),
        work(studio, project, CYD, "cat"),
        work(studio, project, ADA, "cat"),
    ]
    assert sum(done) == 24
    coordinator.wait_for_answers("plain", 24)
    assert_same(coordinator, "plain")
    states = Counter(request["state"] for request in coordinator.requests("plain"))
    assert states == {"resolved": 12}
    answer = coordinator.request("plain", "s11")["answers"][0]
    assert (answer["channel"], answer["took_ms"]) == ("label-studio", 4200)
    assert (answer["shown"]["label"], answer["annotator"]) == ("dog", f"label-studio:2 {ADA}")
    # Its own page asks nothing of it.
    out = coordinator.hone.run("label", "next", "plain", "--as", "eve")
    assert out == "nothing to label: its annotators work in Label Studio\n"


def test_edits_deletions_and_skips_are_followed(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("edits")
    coordinator.ask_for("edits", 5)
    project = coordinator.project("edits", 5)
    tasks = {task["data"]["sample"]: task["id"] for task in studio.tasks(project)}
    ada = {sample: studio.annotate(task, ADA, "cat") for sample, task in tasks.items()}
    bob = {sample: studio.annotate(task, BOB, "cat") for sample, task in tasks.items() if sample != "s4"}
    coordinator.wait_for_answers("edits", 9)
    assert coordinator.request("edits", "s0")["state"] == "resolved"

    studio.change(bob["s0"], BOB, "dog")
    studio.call("DELETE", f"/api/annotations/{ada['s1']}/", by=ADA)
    # Somebody else corrects it: it is its author's still.
    studio.change(ada["s2"], CYD, "dog")
    # Skipped after all.
    studio.change(ada["s3"], ADA, "cat", was_cancelled=True)
    studio.annotate(tasks["s4"], BOB, [], was_cancelled=True)
    wait_until(lambda: coordinator.request("edits", "s4")["skips"] != [])
    coordinator.wait_for_answers("edits", 7)
    wait_until(lambda: coordinator.request("edits", "s2")["state"] == "conflict")
    assert_same(coordinator, "edits")
    requests = {request["sample"]: request for request in coordinator.requests("edits")}
    assert requests["s0"]["answers"][1]["former"] == ["cat"]
    assert requests["s0"]["state"] == "conflict"
    assert (requests["s1"]["state"], requests["s3"]["state"]) == ("answered", "answered")
    assert requests["s1"]["answers"][0]["withdrawn_because"] == "Label Studio: deleted there"
    assert requests["s2"]["answers"][0]["annotator"] == f"label-studio:2 {ADA}"
    assert requests["s3"]["answers"][0]["withdrawn_because"] == "Label Studio: skipped afterwards"
    assert [skip["annotator"] for skip in requests["s4"]["skips"]] == [f"label-studio:3 {BOB}"]

    # What lost an answer is asked again there, others are not.
    assert answer_all(studio, project, CYD) == {"s1", "s3", "s4"}
    coordinator.wait_for_answers("edits", 10)

    # A whole task is deleted there: its request is withdrawn here.
    studio.call("DELETE", f"/api/tasks/{tasks['s0']}/")
    assert coordinator.sync("edits")["withdrawn"] == 1
    assert "s0" not in {request["sample"] for request in coordinator.requests("edits")}
    assert_same(coordinator, "edits")
    withdrawn = coordinator.hone.json("label", "requests", "edits", "--state", "withdrawn")
    assert withdrawn[0]["reason"] == "Label Studio: its task was deleted there"
    assert len(withdrawn[0]["answers"]) == 2


def answer_all(studio: LabelStudio, project: int, by: str) -> set[str]:
    """Lets somebody answer until nothing is left; answers which samples that were."""
    done = set()
    while (task := studio.next(project, by)) is not None:
        done.add(task["data"]["sample"])
        studio.annotate(task["id"], by, "cat")
    return done


def test_what_is_withdrawn_or_decided_here_is_asked_no_more_there(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    coordinator = start()
    coordinator.create("here", overlap="[2, 3]")
    coordinator.ask_for("here", 5)
    project = coordinator.project("here", 5)
    tasks = {task["data"]["sample"]: task["id"] for task in studio.tasks(project)}
    numbers = {request["sample"]: str(request["request"]) for request in coordinator.requests("here")}
    hone = coordinator.hone
    hone.run("label", "withdraw", numbers["s0"], "--because", "wrong file")
    hone.run("label", "resolve", numbers["s1"], "dog", "--as", "boss")
    hone.run("label", "submit", numbers["s2"], "cat", "--as", "eve")
    for person, label in ((ADA, "cat"), (BOB, "dog")):
        studio.annotate(tasks["s3"], person, label)
    spoilt = studio.annotate(tasks["s4"], ADA, "cat")
    coordinator.wait_for_answers("here", 4)
    hone.run("label", "withdraw", numbers["s4"], "--answer", "4", "--because", "a slip")

    def overlaps() -> dict[str, tuple[int, bool]]:
        return {task["data"]["sample"]: (task["overlap"], task["is_labeled"]) for task in studio.tasks(project)}

    # One answer came here, one more is wanted of two who do not agree, one that was taken back takes no place.
    wanted = {"s1": (0, True), "s2": (1, False), "s3": (3, False), "s4": (3, False)}
    wait_until(lambda: {**overlaps(), "s0": None} == {**wanted, "s0": None})
    assert coordinator.sync("here")["withdrawn"] == 0
    assert set(overlaps()) == set(wanted)
    assert answer_all(studio, project, CYD) == {"s2", "s3", "s4"}
    wait_until(lambda: coordinator.request("here", "s3")["state"] == "resolved")
    # It stays taken back until it is changed there.
    coordinator.sync("here")
    assert [answer["withdrawn"] is None for answer in coordinator.request("here", "s4")["answers"]] == [False, True]
    studio.change(spoilt, ADA, "dog")
    coordinator.sync("here")
    assert len([answer for answer in coordinator.request("here", "s4")["answers"] if answer["withdrawn"] is None]) == 2


# ---------------------------------------------------------------- webhooks


def test_webhooks_bring_answers_at_once_and_a_lost_one_is_made_up_for(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    # Nothing but a webhook, or a wish, makes it look there.
    coordinator = start("--label-studio-hook", interval="1h")
    coordinator.create("hooks")
    coordinator.ask_for("hooks", 4)
    project = coordinator.project("hooks", 4)
    (hook,) = studio.call("GET", f"/api/webhooks/?project={project}")
    assert (hook["send_payload"], len(hook["actions"])) == (False, 6)
    tasks = [task["id"] for task in studio.tasks(project)]
    annotation = studio.annotate(tasks[0], ADA, "cat")
    coordinator.wait_for_answers("hooks", 1)
    studio.change(annotation, ADA, "dog")
    wait_until(lambda: counted(coordinator.requests("hooks"))[0][2] == "dog")
    studio.call("DELETE", f"/api/annotations/{annotation}/", by=ADA)
    coordinator.wait_for_answers("hooks", 0)
    # Nobody hears this one.
    coordinator.end(signal.SIGKILL)
    studio.annotate(tasks[1], ADA, "cat")
    coordinator.start()
    coordinator.wait_for_answers("hooks", 1)
    # The same address, so that there is one webhook still.
    assert [one["url"] for one in studio.call("GET", f"/api/webhooks/?project={project}")] == [hook["url"]]
    studio.annotate(tasks[2], BOB, "cat")
    coordinator.wait_for_answers("hooks", 2)
    # Somebody empties it there: the next look at everything fills it again.
    studio.call("PATCH", f"/api/webhooks/{hook['id']}/", {"url": hook["url"]})
    studio.annotate(tasks[3], CYD, "cat")
    assert coordinator.sync("hooks")["answers"] == 1
    assert len(studio.call("GET", f"/api/webhooks/{hook['id']}/")["actions"]) == 6
    assert_same(coordinator, "hooks")


def test_where_label_studio_refuses_the_webhook_answers_are_looked_for(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    studio.stop()
    studio.start(SSRF_PROTECTION_ENABLED="true")
    try:
        coordinator = start("--label-studio-hook")
        coordinator.create("refused")
        coordinator.ask_for("refused", 2)
        project = coordinator.project("refused", 2)
        assert "SSRF_PROTECTION_ENABLED" in coordinator.there("refused")["hook_trouble"]
        assert "--label-studio-hook-url" in coordinator.log.read_text()
        work(studio, project, ADA, "cat")
        coordinator.wait_for_answers("refused", 2)
    finally:
        studio.stop()
        studio.start()


# ---------------------------------------------------------------- what is killed or lost


def test_nothing_is_lost_doubled_or_invented_whatever_is_killed(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    coordinator = start("--label-studio-hook")
    coordinator.create("kills", overlap="[2, 3]", more="ahead = 5000")
    says = {ADA: "cat", BOB: "dog", CYD: "cat"}
    for kill in range(5):
        coordinator.ask_for("kills", MANY, kill * MANY)
        # In the middle of an import.
        wait_for_tasks(studio, kill * MANY)
        project = the_project(studio, "hone/kills")["id"]
        coordinator.end(signal.SIGKILL)
        for person in (ADA, BOB, CYD)[kill % 3 :]:
            work(studio, project, person, says[person], 4)
        if kill % 3 == 1:
            studio.stop(signal.SIGKILL)
        coordinator.start()
        if kill % 3 == 1:
            studio.start()
        if kill == 4:
            # What it knew of Label Studio is lost.
            coordinator.end(signal.SIGKILL)
            (coordinator.hone.root / "data" / "label-studio.json").unlink()
            coordinator.start()
        work(studio, project, CYD, says[CYD], 3)
    coordinator.project("kills", 5 * MANY)
    coordinator.sync("kills")
    assert len(said(studio, project)) >= 40
    assert_same(coordinator, "kills")


def wait_for_tasks(studio: LabelStudio, more_than: int) -> None:
    """Waits until the project there has more tasks than these."""
    wait_until(lambda: the_project(studio, "hone/kills").get("task_number", 0) > more_than)


def the_project(studio: LabelStudio, title: str) -> dict[str, Any]:
    """The one project of this title there, or nothing yet."""
    found = [one for one in studio.call("GET", "/api/projects/?page_size=100")["results"] if one["title"] == title]
    assert len(found) <= 1
    return found[0] if found else {}


def test_an_import_that_was_done_twice_is_put_right(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("double", overlap="1")
    coordinator.ask_for("double", 3)
    project = coordinator.project("double", 3)
    tasks = studio.tasks(project)
    again = [{"data": task["data"], "meta": task["meta"]} for task in tasks]
    doubles = studio.call("POST", f"/api/projects/{project}/import?return_task_ids=true", again)["task_ids"]
    # Somebody is asked one of them before that is noticed, and a stranger's task lies there too.
    studio.annotate(doubles[0], ADA, "cat")
    studio.call("POST", f"/api/projects/{project}/import", [{"text": "not one of Hone's", "sample": "x"}])
    coordinator.sync("double")
    found = Counter(task["data"]["sample"] for task in studio.tasks(project))
    sample = tasks[0]["data"]["sample"]
    assert found == {"s0": 1, "s1": 1, "s2": 1, "x": 1} | {sample: 2}
    assert counted(coordinator.requests("double")) == [(sample, f"label-studio:2 {ADA}", "cat")]
    assert [task["is_labeled"] for task in studio.tasks(project) if task["data"]["sample"] == sample] == [True, True]


def test_a_project_that_was_deleted_there_takes_nothing_back_and_can_be_made_anew(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    coordinator = start()
    coordinator.create("gone")
    coordinator.ask_for("gone", 4)
    project = coordinator.project("gone", 4)
    work(studio, project, ADA, "cat")
    coordinator.wait_for_answers("gone", 4)
    studio.call("DELETE", f"/api/projects/{project}/")
    wait_until(lambda: "--anew" in coordinator.there("gone")["trouble"])
    assert len(counted(coordinator.requests("gone"))) == 4
    # Others go on.
    coordinator.create("other")
    coordinator.ask_for("other", 1)
    coordinator.project("other", 1)
    coordinator.hone.run("label", "sync", "gone", code=4)
    assert coordinator.sync("gone", "--anew")["imported"] == 4
    anew = coordinator.project("gone", 4)
    assert anew != project
    # Each sample wants one answer more, from whoever has not answered yet.
    assert {task["overlap"] for task in studio.tasks(anew)} == {1}
    assert work(studio, anew, BOB, "cat") == 4
    coordinator.wait_for_answers("gone", 8)
    assert {request["state"] for request in coordinator.requests("gone")} == {"resolved"}


def test_many_deletions_at_once_want_a_word(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("many", overlap="1")
    coordinator.ask_for("many", 30)
    project = coordinator.project("many", 30)
    tasks = [task["id"] for task in studio.tasks(project)]
    studio.call(
        "POST",
        f"/api/dm/actions?id=delete_tasks&project={project}",
        {"selectedItems": {"all": False, "included": tasks[:25]}},
    )
    error = coordinator.hone.run("label", "sync", "many", code=4)
    assert error == ""
    assert "--accept-deletions" in coordinator.there("many")["trouble"]
    assert len(coordinator.requests("many")) == 30
    assert coordinator.sync("many", "--accept-deletions")["withdrawn"] == 25
    assert len(coordinator.requests("many")) == 5
    assert coordinator.there("many")["trouble"] == ""


# ---------------------------------------------------------------- predictions


def rescore(coordinator: Coordinator, name: str, source: str, scores: dict[str, tuple[float, str]]) -> None:
    """A newer model's view, as a program sends it: messages are written by hand, since the package has none of them."""

    def field(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length > 127:
            size += bytes([length & 127 | 128])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    body = field(1, name.encode()) + field(2, source.encode())
    for sample, (priority, label) in scores.items():
        prediction = field(1, json.dumps(label).encode()) + b"\x11" + struct.pack("<d", 0.9)
        body += field(3, field(1, sample.encode()) + b"\x11" + struct.pack("<d", priority) + field(3, prediction))
    socket = json.loads((coordinator.hone.root / "data" / "coordinator.json").read_text())["socket"]
    with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")]) as channel:
        call = channel.stream_unary("/hone.v1.LabelService/RescoreLabels")
        call(iter([body]), timeout=LIMIT_S)


def test_newer_models_change_the_order_and_answers_tell_what_was_shown(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    coordinator = start()
    coordinator.create("scores", overlap="1")
    coordinator.ask_for("scores", 6)
    project = coordinator.project("scores", 6)
    task = studio.next(project, ADA)
    assert task is not None
    assert task["data"]["sample"] == "s5"
    studio.annotate(task["id"], ADA, "cat")
    coordinator.wait_for_answers("scores", 1)
    rescore(coordinator, "scores", "study-9", {f"s{at}": (5.0 - at, "cat") for at in range(5)})
    wait_until(lambda: studio.call("GET", f"/api/projects/{project}/")["model_version"] == "study-9 #1")
    task = studio.next(project, ADA)
    assert task is not None
    assert task["data"]["sample"] == "s0"
    studio.annotate(task["id"], ADA, "dog")
    coordinator.wait_for_answers("scores", 2)
    shown = [coordinator.request("scores", sample)["answers"][0]["shown"] for sample in ("s5", "s0")]
    assert [one["label"] for one in shown] == ["dog", "cat"]
    assert shown[1]["source"] == "study-9"
    assert shown[1]["confidence"] == 0.9
    # Somebody answers, and before that is heard of a newer model comes.
    coordinator.end()
    studio.annotate(next_task(studio, project)["id"], ADA, "dog")
    coordinator.options = ("--label-studio-interval", "1h")
    coordinator.start()
    wait_until(lambda: coordinator.there("scores")["looked_at"] is not None)
    studio.annotate(next_task(studio, project)["id"], ADA, "dog")
    rescore(coordinator, "scores", "study-10", {f"s{at}": (5.0 - at, "dog") for at in range(5)})
    wait_until(lambda: studio.call("GET", f"/api/projects/{project}/")["model_version"] == "study-10 #2")
    assert coordinator.sync("scores")["answers"] == 1
    shown = [coordinator.request("scores", sample)["answers"][0]["shown"] for sample in ("s1", "s2")]
    assert [(one["source"], one["label"]) for one in shown] == [("study-9", "cat")] * 2
    # Old sets of predictions do not pile up.
    wait_until(lambda: set(studio.call("GET", f"/api/projects/{project}/model-versions/")) == {"study-10 #2"})


def next_task(studio: LabelStudio, project: int) -> dict[str, Any]:
    """What Ada is asked next."""
    task = studio.next(project, ADA)
    assert task is not None
    return task


def test_a_share_is_asked_without_the_models_word(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("blind", overlap="1", blind=0.5)
    coordinator.ask_for("blind", 40)
    project = coordinator.project("blind", 40)
    hidden = {task["data"]["sample"] for task in studio.tasks(project) if task["predictions"][0]["result"] == []}
    assert 8 <= len(hidden) <= 32
    work(studio, project, ADA, "cat")
    coordinator.wait_for_answers("blind", 40)
    without = {request["sample"] for request in coordinator.requests("blind") if request["answers"][0]["shown"] is None}
    assert without == hidden


# ---------------------------------------------------------------- forms


def result(kind: str, value: dict[str, Any], to: str, name: str = "label") -> list[dict[str, Any]]:
    return [{"from_name": name, "to_name": to, "type": kind, "value": value}]


BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["a & b"]}
FORMS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]], Any]] = {
    "multi": (
        'classes = ["x", "y", "z"]',
        {"age": 3, "job": "cook"},
        result("choices", {"choices": ["z", "x"]}, "row"),
        ["x", "z"],
    ),
    "boxes": (
        'classes = ["a & b", "c"]\n[show]\nimage = "photo"\ntext = "about"',
        {"photo": "photo.png", "about": "one <b>"},
        result("rectanglelabels", BOX, "image"),
        [{"class": "a & b", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}],
    ),
    "spans": (
        'classes = ["person"]\n[show]\ntext = "t"',
        {"t": "🙂 Ada"},
        result("labels", {"start": 2, "end": 5, "text": "Ada", "labels": ["person"]}, "text"),
        [{"class": "person", "start": 2, "end": 5}],
    ),
    "number": ("min = 0\nmax = 9.5", {"age": 3}, result("number", {"number": 2.5}, "row"), 2.5),
    "pairwise": (
        '[show]\npair = ["l", "r"]',
        {"l": "one & two", "r": "three"},
        result("pairwise", {"selected": "right"}, "a,b"),
        "b",
    ),
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_every_form_is_one_that_label_studio_takes_and_answers_come_back(
    start: Callable[..., Coordinator], studio: LabelStudio
) -> None:
    coordinator = start()
    (coordinator.hone.root / "photo.png").write_bytes(base64.b64decode(PIXEL))
    for kind, (more, fields, answer, label) in FORMS.items():
        text = f'name = "{kind}"\n[label_studio]\n[answers]\nblind = 0\n[form]\nkind = "{kind}"\n{more}\n'
        coordinator.create_from(kind, text)
        prediction = {"hone.prediction": label if isinstance(label, str) else json.dumps(label)}
        coordinator.ask(kind, [{"id": "one", **fields, **prediction}, {"id": "two", **fields}])
        project = coordinator.project(kind, 2)
        one, two = sorted(studio.tasks(project), key=lambda task: str(task["data"]["sample"]))
        # What a model says is told as a person would say it.
        sent = one["predictions"][0]["result"]
        assert [part["value"] for part in sent] == [
            {name: value for name, value in part["value"].items() if name != "text"} for part in answer
        ] or kind == "multi"
        studio.annotate(one["id"], ADA, answer)
        studio.annotate(two["id"], ADA, result("choices", {"choices": ["nonsense"]}, answer[0]["to_name"]))
        coordinator.sync(kind)
        assert [answer["label"] for answer in coordinator.request(kind, "one")["answers"]] == [label], kind
        assert coordinator.request(kind, "two")["answers"] == [], kind
        assert coordinator.there(kind)["complaints"] != [] or kind in {"spans", "boxes"}
        if kind == "boxes":
            request = urllib.request.Request(studio.url + one["data"]["image"])
            request.add_header("Authorization", f"Token {TOKENS[ADA]}")
            assert urllib.request.urlopen(request, timeout=60).read() == base64.b64decode(PIXEL)
            # The same image twice is uploaded once.
            assert len(studio.call("GET", f"/api/projects/{project}/file-uploads?all=true")) == 1


def test_a_class_that_is_added_here_can_be_chosen_there(start: Callable[..., Coordinator], studio: LabelStudio) -> None:
    coordinator = start()
    coordinator.create("classes", overlap="1")
    coordinator.ask_for("classes", 2)
    project = coordinator.project("classes", 2)
    # What people change there stays until the form changes here.
    config = studio.call("GET", f"/api/projects/{project}/")["label_config"]
    own = config.replace("<View>", '<View className="own">')
    studio.call("PATCH", f"/api/projects/{project}/", {"label_config": own})
    coordinator.sync("classes")
    assert studio.call("GET", f"/api/projects/{project}/")["label_config"] == own
    path = coordinator.hone.root / "classes.toml"
    path.write_text(path.read_text().replace('["cat", "dog"]', '["cat", "dog", "ox"]'))
    coordinator.hone.run("label", "set", "classes", str(path))
    wait_until(lambda: "ox" in studio.call("GET", f"/api/projects/{project}/")["label_config"])
    work(studio, project, ADA, "ox")
    coordinator.wait_for_answers("classes", 2)
    assert {label for _, _, label in counted(coordinator.requests("classes"))} == {"ox"}


# ---------------------------------------------------------------- secrets


def test_a_personal_token_serves_and_no_secret_is_written_down(
    start: Callable[..., Coordinator], studio: LabelStudio, real: Hone
) -> None:
    tokens = studio.call("GET", "/api/token/", by=CYD)
    made = studio.call("POST", "/api/token/", {}, by=CYD) if not tokens else None
    assert made is not None
    real.variables["HONE_LOG"] = "debug"
    file = real.root / "token"
    file.write_text(made["token"] + "\n")
    coordinator = start("--label-studio-hook", "--label-studio-token-file", str(file))
    coordinator.create("secret")
    coordinator.ask_for("secret", 2)
    project = coordinator.project("secret", 2)
    work(studio, project, ADA, "cat")
    coordinator.wait_for_answers("secret", 2)
    command = Path(f"/proc/{coordinator.process.pid}/cmdline").read_text()
    shown = json.dumps(coordinator.there("secret")) + coordinator.hone.run("store", "info")
    (hook,) = studio.call("GET", f"/api/webhooks/?project={project}")
    canaries = [made["token"], hook["headers"]["X-Hone-Secret"], *TOKENS.values()]
    coordinator.end()
    written = {path: path.read_bytes() for path in (real.root / "data").rglob("*") if path.is_file()}
    written[coordinator.log] = coordinator.log.read_bytes()
    for canary in canaries:
        assert canary not in command + shown
        for path, content in written.items():
            assert canary.encode() not in content, path
