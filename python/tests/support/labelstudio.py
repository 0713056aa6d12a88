"""A real Label Studio, from an environment of its own, with people in it, over its REST interface."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from .mlflow import free_port

#: Starting takes ten seconds with a database that is there, two minutes without; several times that on a busy machine.
START_LIMIT_S = 400
PASSWORD = "pw12345678"
#: The first of them is whom Hone speaks as.
TOKENS = {
    "hone@example.org": "0123456789abcdef0123456789abcdef00000000",
    "ada@example.org": "0123456789abcdef0123456789abcdef00000001",
    "bob@example.org": "0123456789abcdef0123456789abcdef00000002",
    "cyd@example.org": "0123456789abcdef0123456789abcdef00000003",
}
#: Makes everybody but the first, who comes with the start, in one run of Django's shell.
PEOPLE = """
from organizations.models import Organization
from rest_framework.authtoken.models import Token
from users.models import User
organization = Organization.objects.first()
for email, token in {people!r}:
    user = User.objects.create_user(email=email, password={password!r}, username=email)
    organization.add_user(user)
    user.active_organization = organization
    user.save()
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=token)
"""


class LabelStudio:
    """A server with its database in `folder`; it may be stopped and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.variables: dict[str, str] = {}

    def prepare(self, cache: Path) -> None:
        """A database with everybody in it: the one that a former run has left in `cache`, else a new one."""
        name = "label-studio-" + re.sub(r"\W+", "-", version(self.program))
        kept = cache / name
        if not kept.exists():
            fresh = LabelStudio(self.program, self.folder / "fresh")
            fresh.folder.mkdir()
            fresh.start()
            fresh.add_people()
            fresh.stop()
            # Whole, or not at all.
            staged = cache / f"{name}.{os.getpid()}"
            shutil.copytree(fresh.folder / "data", staged)
            try:
                staged.rename(kept)
            except OSError:
                shutil.rmtree(staged)
            shutil.rmtree(fresh.folder)
        shutil.copytree(kept, self.folder / "data")

    def environment(self) -> dict[str, str]:
        """Nothing but itself is spoken to, webhooks on this host are allowed, legacy tokens too."""
        settings = {
            "BASE_DATA_DIR": str(self.folder / "data"),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "SSRF_PROTECTION_ENABLED": "false",
            "ENABLE_LEGACY_API_TOKEN": "true",
            "DEBUG": "false",
            "WEBHOOK_TIMEOUT": "5",
            "USERNAME": next(iter(TOKENS)),
            "PASSWORD": PASSWORD,
            "USER_TOKEN": next(iter(TOKENS.values())),
            **self.variables,
        }
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            **{f"LABEL_STUDIO_{name}": value for name, value in settings.items()},
        }

    def start(self, **variables: str) -> None:
        """Starts it, and waits until it answers."""
        self.variables = variables
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.program, "start", "--no-browser", "--enable-legacy-api-token", "--log-level", "WARNING"),
                    *("--internal-host", "127.0.0.1", "--port", str(self.port)),
                ],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_LIMIT_S
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, in the middle of whatever it does with SIGKILL."""
        if self.process is not None:
            os.killpg(self.process.pid, how)
            self.process.wait(timeout=60)
            self.process = None

    def add_people(self) -> None:
        """As its own shell does it: over the interface they would belong to no organisation."""
        script = PEOPLE.format(people=list(TOKENS.items())[1:], password=PASSWORD)
        subprocess.run(
            [self.program, "shell"],
            env=self.environment(),
            input=script.encode() + b"\n\n",
            check=True,
            stdout=subprocess.DEVNULL,
        )

    # ------------------------------------------------------------ calls

    def call(self, method: str, path: str, body: Any = None, by: str = "hone@example.org") -> Any:
        """One call as one of the people."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Authorization", f"Token {TOKENS[by]}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from None
        return json.loads(text) if text else None

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """All tasks of a project with everything in them, in the order in which they were made."""
        found = self.call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
        listed = self.call("GET", f"/api/tasks?project={project}&fields=all&page_size=10000")["tasks"]
        listed = {task["id"]: task for task in listed}
        for task in found:
            task |= {name: listed[task["id"]][name] for name in ("overlap", "is_labeled", "predictions")}
        return sorted(found, key=lambda task: int(task["id"]))

    def next(self, project: int, by: str) -> dict[str, Any] | None:
        """What somebody is asked next, or nothing."""
        request = urllib.request.Request(f"{self.url}/api/projects/{project}/next")
        request.add_header("Authorization", f"Token {TOKENS[by]}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def annotate(self, task: int, by: str, result: Any, **more: Any) -> int:
        """Says something about a task; a text is a class."""
        body = {"result": choice(result) if isinstance(result, str) else result, "lead_time": 4.2, **more}
        return int(self.call("POST", f"/api/tasks/{task}/annotations/", body, by)["id"])

    def change(self, annotation: int, by: str, result: Any, **more: Any) -> None:
        """Says something else."""
        body = {"result": choice(result) if isinstance(result, str) else result, **more}
        self.call("PATCH", f"/api/annotations/{annotation}/", body, by)


def choice(name: str) -> list[dict[str, Any]]:
    """The result that says this class."""
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [name]}}]


def version(program: str) -> str:
    """Which Label Studio it is, without starting it."""
    python = Path(program).with_name("python")
    script = "from importlib.metadata import version; print(version('label-studio'))"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
