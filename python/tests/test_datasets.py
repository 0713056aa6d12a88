"""Datasets beside the tools that users have: DVC, a server that speaks S3, pandas and Arrow."""

import contextlib
import hashlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support.real import LIMIT_S, Hone

pytestmark = pytest.mark.datasets

TOOLS = Path(sys.executable).parent
#: Names that YAML reads as something else, or that have to be quoted.
NAMES = [
    "plain.txt", "with space", "- dash", "123", "true", "it's", "null", "2024-01-01", "@at", "a, b", "[x]", "é",
    'q"uote', "ends:", "#c", "1e5", "0x1F", "~", "no", "%p", "`b", ".5", "1_000", "=", "<<", "!t", "&a", "*s",
    "|p", ">g", "q?", "1:30", "tr ", "x: y #1", "it's: q", "tab\there", "-1.5", "0o17", ".inf", "日本", "😀",
]  # fmt: skip


def dvc(folder: Path, *arguments: str) -> str:
    """Runs DVC in a folder."""
    environment = {
        "PATH": f"{TOOLS}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
    }
    done = subprocess.run(
        [TOOLS / "dvc", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def write_odd_files(folder: Path) -> None:
    """Files whose names and contents are easily got wrong."""
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\r\n", newline="")
    for other, content in [("img-x.txt", b""), ("img.txt", b"\0\xff"), ("img/10.txt", b"10"), ("img/2.txt", b"2")]:
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_bytes(content)


def md5_object(repository: Path, md5: str) -> Path:
    """Where DVC keeps a content."""
    return repository / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def md5_of(dvc_file: Path) -> str:
    """What a `.dvc` file names."""
    return next(line.split()[-1] for line in dvc_file.read_text().splitlines() if "md5:" in line and "hash" not in line)


# ---------------------------------------------------------------- DVC


def test_a_folder_is_exported_as_dvc_itself_writes_it(real: Hone) -> None:
    data = real.root / "files"
    write_odd_files(data)
    real.run("dataset", "add", "odd", "files")
    real.run("dataset", "export", "odd", "--dvc", "exported", "--path", "files")
    exported = real.root / "exported"

    own = real.root / "own"
    own.mkdir()
    dvc(own, "init", "--no-scm", "-q")
    write_odd_files(own / "files")
    dvc(own, "add", "-q", "files")
    assert (exported / "files.dvc").read_bytes() == (own / "files.dvc").read_bytes()
    name = md5_of(own / "files.dvc")
    assert md5_object(exported, name).read_bytes() == md5_object(own, name).read_bytes()
    objects = {path.relative_to(own / ".dvc/cache") for path in (own / ".dvc/cache").rglob("*") if path.is_file()}
    assert objects == {
        path.relative_to(exported / ".dvc/cache") for path in (exported / ".dvc/cache").rglob("*") if path.is_file()
    }

    dvc(exported, "checkout", "-q")
    assert "up to date" in dvc(exported, "status")
    for path in data.rglob("*"):
        if path.is_file():
            assert (exported / "files" / path.relative_to(data)).read_bytes() == path.read_bytes()


def test_names_are_written_as_dvc_writes_them(real: Hone) -> None:
    own = real.root / "own"
    own.mkdir()
    dvc(own, "init", "--no-scm", "-q")
    for name in NAMES:
        (own / name).write_text("x")
    dvc(own, "add", "-q", "--", *NAMES)
    (real.root / "one").write_text("x")
    real.run("dataset", "add", "one", "one")
    exported = real.root / "exported"
    for name in NAMES:
        real.run("dataset", "export", "one", f"--dvc={exported}", f"--path={name}")
        assert (exported / f"{name}.dvc").read_bytes() == (own / f"{name}.dvc").read_bytes(), name


def test_what_dvc_keeps_is_a_source(real: Hone) -> None:
    own = real.root / "own"
    write_odd_files(own / "files")
    dvc(own, "init", "--no-scm", "-q")
    dvc(own, "add", "-q", "files")
    direct = json.loads(real.run("dataset", "add", "direct", "own/files", "--output", "json"))
    through = json.loads(real.run("dataset", "add", "through", "own/files.dvc", "--output", "json"))
    assert through["snapshot"] == direct["snapshot"]

    # From a remote of this machine, when the cache is gone.
    dvc(own, "remote", "add", "-d", "near", str(real.root / "remote"))
    dvc(own, "push", "-q")
    for path in (own / ".dvc/cache").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    (own / "files/plain.txt").write_text("changed since")
    again = json.loads(real.run("dataset", "add", "again", "own/files.dvc", "--output", "json"))
    assert again["snapshot"] == direct["snapshot"]

    # A content that is not what it is called.
    name = hashlib.md5(b"content of plain.txt\r\n").hexdigest()
    content = real.root / "remote/files/md5" / name[:2] / name[2:]
    content.chmod(0o644)
    content.write_text("damaged")
    real.run("dataset", "add", "damaged", "own/files.dvc", code=74)
    content.unlink()
    real.run("dataset", "add", "missing", "own/files.dvc", code=3)


PIPELINE = """
stages:
  prepare:
    cmd: mkdir -p out && echo 1 > out/a && echo 2 > single && echo "a long command, and on it goes until DVC folds it"
    deps:
    - raw
    outs:
    - out
    - single
"""


def test_outs_of_a_pipeline_are_read_and_replaced(real: Hone) -> None:
    own = real.root / "own"
    own.mkdir()
    dvc(own, "init", "--no-scm", "-q")
    (own / "raw").write_text("raw")
    (own / "dvc.yaml").write_text(PIPELINE)
    dvc(own, "repro", "-q")
    before = (own / "dvc.lock").read_text()
    real.run("dataset", "add", "out", "own/dvc.lock", "--out", "out")
    real.run("dataset", "fetch", "out", "fetched")
    assert (real.root / "fetched/a").read_text() == "1\n"
    real.run("dataset", "add", "either", "own/dvc.lock", code=2)

    # Writing what was read changes nothing.
    real.run("dataset", "export", "out", "--dvc", "own", "--path", "out", "--stage", "prepare")
    assert (own / "dvc.lock").read_text() == before

    (real.root / "better").mkdir()
    for name in ["a", "b"]:
        (real.root / "better" / name).write_text(f"better {name}\n")
    real.run("dataset", "add", "out", "better")
    real.run("dataset", "export", "out", "--dvc", "own", "--path", "out", "--stage", "prepare")
    dvc(own, "checkout", "-q", "--force")
    assert (own / "out/b").read_text() == "better b\n"
    assert "up to date" in dvc(own, "status")
    dvc(own, "commit", "-q", "--force")
    mine = (own / "dvc.lock").read_text()
    dvc(own, "commit", "-q", "--force")
    assert (own / "dvc.lock").read_text() == mine, "DVC writes it the same way"


# ---------------------------------------------------------------- objects


class ObjectServer:
    """A server that speaks S3, with its buckets in memory."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [TOOLS / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.variables = {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def run(self, real: Hone, *arguments: str) -> str:
        """Runs a command of datasets that finds this server."""
        return real.run("dataset", *arguments, **self.variables)  # type: ignore[arg-type]

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.variables["AWS_ENDPOINT"],
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )

    def wait(self) -> None:
        """Waits until it answers."""
        end = time.monotonic() + LIMIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def objects() -> Iterator[ObjectServer]:
    server = ObjectServer()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def test_objects_of_a_bucket_are_a_source(real: Hone, objects: ObjectServer) -> None:
    client = objects.client()
    client.create_bucket(Bucket="bucket")
    folder = real.root / "files"
    contents = {
        "a.csv": b"id,x\n1,2\n",
        "deep/b.bin": bytes(range(256)) * 40_000,
        "deep/é ü.txt": b"",
        "deep.txt": b"beside",
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        client.put_object(Bucket="bucket", Key=f"data/v1/{path}", Body=content)
    client.put_object(Bucket="bucket", Key="data/v1/", Body=b"")
    client.put_object(Bucket="bucket", Key="data/v10/other", Body=b"another prefix")

    local = json.loads(real.run("dataset", "add", "local", "files", "--output", "json"))
    remote = json.loads(objects.run(real, "add", "remote", "s3://bucket/data/v1", "--output", "json"))
    assert remote["snapshot"] == local["snapshot"]
    assert remote["source"] == "s3://bucket/data/v1"
    one = json.loads(objects.run(real, "add", "one", "s3://bucket/data/v1/a.csv", "--output", "json"))
    assert (one["kind"], one["rows"], one["files"]) == ("table", 1, 1)
    real.run("dataset", "add", "none", "s3://bucket/nothing/here", code=3, **objects.variables)
    real.run("dataset", "add", "none", "s3://nobody/has/it", code=3, **objects.variables)
    same = json.loads(real.run("dataset", "add", "file", f"file://{folder}", "--output", "json"))
    assert same["snapshot"] == local["snapshot"]


# ---------------------------------------------------------------- tables


def frame(rows: int) -> Any:
    """A table with columns of all common kinds, some of whose values are missing."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    half = np.arange(rows) % 2 == 0
    return pd.DataFrame(
        {
            "id": [f"r{at}" for at in range(rows)],
            "whole": random.integers(-50, 50, rows),
            "real": np.where(half, random.normal(3, 2, rows), np.nan),
            "huge": random.normal(1e9, 1, rows),
            "word": np.where(half, random.choice(["red", "green", "blue"], rows), None),
            "truth": random.integers(0, 2, rows).astype(bool),
        }
    )


def write_table(table: Any, path: Path) -> None:
    """Writes a table as its name says."""
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False)
        case ".jsonl":
            table.to_json(path, orient="records", lines=True, double_precision=15)
        case ".parquet":
            table.to_parquet(path, index=False, compression="zstd")


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl", "table.parquet"])
def test_statistics_are_those_of_pandas(real: Hone, name: str) -> None:
    table = frame(3000)
    write_table(table, real.root / name)
    real.run("dataset", "add", "table", name, "--key", "id")
    shown = real.json("dataset", "show", "table")
    assert (shown["rows"], shown["key"], shown["kind"]) == (3000, "id", "table")
    columns = {column["name"]: column for column in shown["content"]["tables"][0]["columns"]}
    assert list(columns) == list(table.columns)
    kinds = {"id": "text", "whole": "int", "real": "float", "huge": "float", "word": "text", "truth": "bool"}
    assert {name: column["type"] for name, column in columns.items()} == kinds
    for name, column in columns.items():
        values = table[name].dropna()
        assert (column["count"], column["missing"]) == (len(values), 3000 - len(values)), name
        assert (column["distinct"], column["distinct_exact"]) == (values.nunique(), True), name
        if kinds[name] in ("int", "float"):
            numbers = column["numbers"]
            for key, expected in [
                ("min", values.min()),
                ("max", values.max()),
                ("mean", values.mean()),
                ("std", values.std()),
            ]:
                assert math.isclose(numbers[key], expected, rel_tol=1e-9, abs_tol=1e-9), (name, key)
            for step in range(0, 101, 5):
                expected = values.quantile(step / 100)
                assert math.isclose(numbers["quantiles"][step], expected, rel_tol=1e-9, abs_tol=1e-9), (name, step)
    top = dict(columns["word"]["top"])
    assert top == table["word"].value_counts().to_dict()
    assert columns["word"]["lengths"]["mean"] == pytest.approx(table["word"].dropna().str.len().mean())


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl", "table.parquet"])
def test_shuffled_rows_are_the_same_data_and_changed_ones_are_found(real: Hone, name: str) -> None:
    import pandas as pd

    table = frame(500)
    write_table(table, real.root / name)
    real.run("dataset", "add", "table", name, "--key", "id")
    write_table(table.sample(frac=1, random_state=3), real.root / name)
    assert "nothing new: table@1 has the same rows" in real.run("dataset", "add", "table", name)
    changed = table.drop(index=[4, 8])
    changed.loc[100, "whole"] = 1000
    changed = pd.concat([changed, table.loc[[4]].assign(id="new")])
    write_table(changed, real.root / name)
    real.run("dataset", "add", "table", name)
    rows = real.json("dataset", "diff", "table@1", "table@2")["rows"]
    assert (rows["added"], rows["removed"], rows["changed"]) == (1, 2, 1)
    assert [row["id"] for row in rows["first_added"]] == ["new"]
    assert {row["id"] for row in rows["first_removed"]} == {"r4", "r8"}
    [row] = rows["first_changed"]
    assert (row["id"], row["fields"]) == ("r100", {"whole": [int(table.loc[100, "whole"]), 1000]})
    # A sample is found as it was written.
    [line] = real.run("dataset", "rows", "table@1", "r7").splitlines()
    fields = json.loads(line)["fields"]
    assert (fields["id"], fields["whole"], fields["truth"]) == (
        "r7",
        table.loc[7, "whole"],
        bool(table.loc[7, "truth"]),
    )
    assert fields["real"] is None
    assert fields["word"] is None


def test_a_parquet_file_that_cannot_be_read_says_how_to_write_it(real: Hone) -> None:
    frame(10).to_parquet(real.root / "table.parquet", compression="gzip")
    process = real.start("dataset", "add", "table", "table.parquet")
    _, error = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2, error
    assert "Zstandard" in error
    real.run("dataset", "add", "table", "table.parquet", "--plain")
