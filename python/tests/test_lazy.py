"""A trial needs nothing but the standard library."""

import subprocess
import sys

import pytest

#: Makes imports of these fail, as where they are not installed.
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run(program: str, *missing: str) -> subprocess.CompletedProcess[str]:
    text = WITHOUT.format(missing=missing) + program
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)


def test_a_trial_imports_no_library() -> None:
    ended = run(
        "import sys, hone\nhone.trial(defaults={'x': 1}).report(1, loss=0.5)\n"
        "libraries = {'grpc', 'google', 'plotly', 'pandas', 'tqdm'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & libraries))"
    )
    assert ended.stdout.splitlines()[-1] == "[]", ended.stderr


def test_a_trial_runs_where_grpc_is_not_installed() -> None:
    ended = run("import hone\nfrom hone import *\nhone.report(1, loss=0.5)", "grpc", "google")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("missing", "library"), [("grpc", "grpcio"), ("google", "protobuf")])
def test_connecting_without_grpc_says_what_to_install(missing: str, library: str) -> None:
    program = "import importlib.util, hone\nfound = importlib.util.find_spec\n"
    program += f"importlib.util.find_spec = lambda name, package=None: None if name == {missing!r} else found(name)\n"
    ended = run(program + "hone.connect()")
    assert f"the client needs {library}, which is not installed; `pip install 'hone[client]'` adds it" in ended.stderr


def test_what_the_package_lacks_is_an_attribute_error() -> None:
    import hone

    with pytest.raises(AttributeError, match="module `hone` has no attribute `connekt`"):
        hone.connekt  # noqa: B018
