"""The code of `docs/python-client.md` and `docs/notebook.md`, run as it stands there."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import hone.client
from hone import plots
from hone.client import Client, Study, Trial

from .support.pages import blocks, commands, files, holds
from .support.real import LIMIT_S, REPOSITORY, Hone, binary

PAGE = (REPOSITORY / "docs" / "python-client.md").read_text()
NOTEBOOK = (REPOSITORY / "docs" / "notebook.md").read_text()
FILES = files(PAGE)
#: What a notebook does with the last line of a cell.
SHOW = """
def show(it):
    if it is not None:
        html = getattr(it, "_repr_html_", lambda: repr(it))()
        print(len(html or repr(it)) > 20)
"""


def run(command: list[str], real: Hone) -> str:
    """Runs a command of the page in the folder of its files."""
    path = f"{binary().parent}:{real.variables['PATH']}"
    ended = subprocess.run(
        command, cwd=real.root, env={**real.variables, "PATH": path}, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return ended.stdout


def test_five_minutes_do_what_they_say(real: Hone) -> None:
    (real.root / "bowl.py").write_text(FILES["bowl.py"])
    for command, expected in commands(PAGE):
        printed = run(["sh", "-c", command], real)
        assert holds(printed, expected), f"`{command}` does not print {expected}, but:\n{printed}"


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("layers.py", r"\['activation', 'dropout0', 'dropout1', 'dropout2', 'layers'\]"),
        ("shared.py", r"\['loss.txt'\]"),
        ("steps.py", r"study `steps` is over: .+"),
        ("waiting.py", r"\{'x': [\d.e-]+\}"),
    ],
)
def test_each_script_does_what_it_says(name: str, printed: str, real: Hone) -> None:
    (real.root / name).write_text(FILES[name])
    assert re.fullmatch(printed, run([sys.executable, name], real).strip())


def test_every_script_is_run() -> None:
    assert set(FILES) == {"bowl.py", "layers.py", "shared.py", "steps.py", "waiting.py"}


def test_the_study_of_the_page_is_one(real: Hone) -> None:
    (text,) = (text for kind, text in blocks(PAGE) if kind == "python" and "client.create_study(\n    {" in text)
    program = f"import hone\nclient = hone.connect()\n{text}\nprint(study.name)\nclient.close()"
    assert run([sys.executable, "-c", program], real) == "digits\n"


def test_the_cells_of_the_notebook_run_from_top_to_bottom(real: Hone) -> None:
    cells = [text for kind, text in blocks(NOTEBOOK) if kind == "python"]
    assert len(cells) == 10
    shown = []
    for cell in cells:
        lines = cell.strip().splitlines()
        # What stands alone on the last line is shown, as by a notebook.
        last = re.fullmatch(r"[\w.]+(\(.*\)|\[.*\])?", lines[-1])
        shown.append("\n".join([*lines[:-1], f"show({lines[-1]})"]) if last else "\n".join(lines))
    printed = run([sys.executable, "-c", "\n".join([SHOW, *shown])], real)
    assert set(printed.split()) == {"True"}
    assert real.json("study", "show", "wine")["counts"]["complete"] == 40
    assert real.json("study", "show", "wine")["best"]["values"][0] > 0.95


def test_the_notebook_is_that_of_the_page() -> None:
    there = runpy.run_path(str(REPOSITORY / "python" / "notebook"))["notebook"](NOTEBOOK)
    assert (REPOSITORY / "docs" / "notebook.ipynb").read_text() == there, "run `python/notebook`"
    cells = json.loads(there)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code == [text.strip() for kind, text in blocks(NOTEBOOK) if kind == "python"]


def documented(head: str) -> set[str]:
    """The names in the first column of the table with this head."""
    rows = PAGE.split(f"| {head} | ")[1].split("\n\n")[0]
    return set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (.*?) \|", rows, re.MULTILINE))))


def public(*classes: type) -> set[str]:
    return {name for it in classes for name in vars(it) if not name.startswith("_")}


def test_the_reference_names_what_there_is() -> None:
    assert documented("Of a client") == public(Client)
    assert documented("Of a study") == public(Study)
    assert documented("Of a trial under way") == public(*Trial.__mro__[:-1])
    assert documented("Function") == set(plots.__all__)
    errors = {name for name in hone.client.__all__ if (it := getattr(hone.client, name)) and _is_error(it)}
    assert documented("Error of `hone.client`") == errors


def _is_error(it: object) -> bool:
    return isinstance(it, type) and issubclass(it, Exception)


def test_records_have_what_the_page_says() -> None:
    names = re.search(r"are records, which do not change: (.*?)\.\n\n", PAGE, re.DOTALL)
    assert names is not None
    record = hone.client.TrialRecord
    missing = [name for name in re.findall(r"`(\w+)", names[1]) if name not in {*record.__annotations__, *vars(record)}]
    assert missing == []


def test_every_page_is_in_reach() -> None:
    links = set(re.findall(r"\]\((?!https?:)([^)#]+)", PAGE + NOTEBOOK))
    assert [link for link in links if not Path(REPOSITORY / "docs" / link).exists()] == []
