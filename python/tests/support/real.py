"""A real Hone: the binary, with a data folder of its own, and studies whose trials use this package."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
#: Nothing here takes a tenth of it.
LIMIT_S = 120


def binary() -> Path:
    """`HONE_BINARY`, else the release build of this checkout."""
    given = os.environ.get("HONE_BINARY")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = Path(given) if given else target / "release" / "hone"
    assert path.exists(), f"there is no `{path}`; build it with `cargo build --release -p hone-cli`"
    return path


class Hone:
    """`hone` as a person starts it, in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.variables = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "HONE_DATA": str(root / "data"),
        }

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts a command, as the leader of a process group of its own."""
        return subprocess.Popen(
            [binary(), *arguments],
            cwd=self.root,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start_python(self, program: str, *arguments: str, pipe: int | None = None) -> subprocess.Popen[bytes]:
        """Starts a program of this Python, as the leader of a process group; `pipe` is its input and output."""
        line = [sys.executable, "-c", program, *arguments]
        return subprocess.Popen(line, env=self.variables, stdin=pipe, stdout=pipe, start_new_session=True)

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Runs a command to its end, which has to have this exit code; returns what it printed."""
        process = self.start(*arguments, **variables)
        try:
            out, error = process.communicate(timeout=LIMIT_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == code, f"{arguments} ended with {process.returncode}:\n{out}\n{error}"
        return out

    def json(self, *arguments: str) -> Any:
        """What a command prints with `--output json`."""
        return json.loads(self.run(*arguments, "--output", "json"))

    def trials(self, study: str) -> list[dict[str, Any]]:
        """All trials of a study, by number."""
        count = self.json("study", "show", study)["counts"]["counted"]
        return [self.json("trial", "show", f"{study}/{number}") for number in range(count)]

    def study(self, name: str, script: str, *, search: str = "", trial: str = "") -> str:
        """Writes a study over `x` from 0 to 1 that minimises `loss` with this script; returns its folder."""
        folder = self.root / "studies" / name
        folder.mkdir(parents=True)
        (folder / "train.py").write_text(script)
        (folder / "study.toml").write_text(
            f'name = "{name}"\n[objective]\nmetric = "loss"\ndirection = "minimize"\n'
            f'[search]\nsampler = "random"\nseed = 1\n{search}\n[space]\nx = {{ float = [0, 1] }}\n'
            f'[trial]\ncommand = [{json.dumps(sys.executable)}, "{{source}}/train.py"]\n{trial}\n'
            f"environment = {{ WITNESS = {json.dumps(str(self.root / 'witness'))} }}\n"
        )
        return str(folder)

    def witness(self) -> list[str]:
        """What trials have appended to `$WITNESS`, line by line."""
        path = self.root / "witness"
        return path.read_text().splitlines() if path.exists() else []
