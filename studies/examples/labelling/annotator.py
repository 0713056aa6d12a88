"""An annotator that is a program: JSON over HTTP, as docs/labels-api.md has it."""

import json
import secrets
import time
import urllib.error
import urllib.request

ATTEMPTS = 5
GLANCE_S = 0.5
TIMEOUT_S = 30


class Annotator:
    """Answers through the API, with a token of its own."""

    def __init__(self, page, token):
        self.page = page
        self.token = token

    def work(self, project, label):
        """Answers until nothing is left to do; returns how many. `label` tells what a sample is."""
        answered = 0
        while task := self.call("POST", f"/projects/{project}/next", {})["task"]:
            begun = time.monotonic()
            answer = {"label": label(task["sample"]), "request_id": secrets.token_hex(16)}
            answer["took_ms"] = round(1000 * (time.monotonic() - begun))
            self.call("POST", f"/requests/{task['request']}/submit", answer)
            answered += 1
        return answered

    def leave(self):
        """Ends the token."""
        self.call("DELETE", "/session")

    def call(self, method, path, message=None):
        """Calls until there is an answer: one that is sent twice with its `request_id` counts once."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.call_once(method, path, message)
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == ATTEMPTS:
                    raise SystemExit(f"{method} {path}: {error.code}: {error.read().decode()}") from None
            except OSError as error:
                if attempt == ATTEMPTS:
                    raise SystemExit(f"{method} {path}: {error}") from None
            time.sleep(0.1 * 2**attempt)

    def call_once(self, method, path, message):
        """Calls once."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = None if message is None else json.dumps(message).encode()
        request = urllib.request.Request(f"{self.page}/api/v1{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read() or "null")


class Person(Annotator):
    """Lets somebody answer on the page, and looks on with a token of its own."""

    def work(self, project, label):
        """Waits until everything is answered."""
        del label
        while (counts := self.call("GET", f"/projects/{project}")["counts"])["done"] < counts["total"]:
            time.sleep(GLANCE_S)
