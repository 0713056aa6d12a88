"""The wheel that has the program inside."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import hone
from hone.client import _embedded

from .support.real import LIMIT_S, REPOSITORY, binary

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def run(*command: str | Path, **variables: str) -> str:
    """Runs a command to its end."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, as the script makes it of the program that there is."""
    folder = tmp_path_factory.mktemp("wheel")
    script = REPOSITORY / "python" / "wheel"
    options = ["--no-build-isolation", "--wheel-dir", str(folder)]
    run(script, *options, HONE_BINARY=str(binary()), PYTHON=sys.executable)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_it_installs_the_package_and_the_program(wheel: Path, place: Path) -> None:
    venv.create(place / "venv", with_pip=False)
    fresh = place / "venv" / "bin"
    run(*PIP, "--python", fresh / "python", "install", "--quiet", "--no-index", wheel)
    assert run(fresh / "hone", "--version") == run(binary(), "--version")
    found = run(fresh / "python", "-I", "-c", "import hone; print(hone.__version__, hone.__file__)")
    assert found.startswith(f"{hone.__version__} {place / 'venv'}")


def test_its_name_says_where_it_runs(wheel: Path) -> None:
    name = re.fullmatch(rf"hone-{re.escape(hone.__version__)}-py3-none-manylinux_2_(\d+)_\w+\.whl", wheel.name)
    assert name is not None, wheel.name
    # The program is one of this host.
    assert 17 <= int(name[1]) <= int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    with zipfile.ZipFile(wheel) as archive:
        (program,) = [info for info in archive.infolist() if info.filename.endswith(".data/scripts/hone")]
        assert program.file_size == binary().stat().st_size
        assert "hone/optuna/_sampler.py" in archive.namelist()


def test_a_program_of_another_version_is_refused() -> None:
    script = REPOSITORY / "python" / "wheel"
    ended = subprocess.run(
        [script], env={"PATH": os.environ["PATH"], "HONE_BINARY": "/bin/true"}, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert f"is not version {hone.__version__}, that of the package" in ended.stderr


def test_the_client_starts_the_program_of_its_own_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "hone").touch(mode=0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(place) if name == "scripts" else "")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("HONE_BINARY", raising=False)
    assert _embedded.program() == str(place / "hone")
