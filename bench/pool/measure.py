"""Rates a pool and chooses a diverse batch from it, with Hone and in Python, and prints time and memory of each.

Every line of the table is a process of its own: its time is from start to end, with reading the file; its memory is the most
that it had resident, as the kernel counts it.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

HERE = Path(__file__).resolve().parent
CLASSES = 10
CHUNK_ROWS = 250_000
# A batch is chosen from three times as many of the best rows, as `hone label choose` does by default.
PREFILTER = 3


def chunks(rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """Gives the first row of each chunk, and its probabilities."""
    for first in range(0, rows, CHUNK_ROWS):
        random = np.random.default_rng([1, first])
        logits = random.normal(size=(min(CHUNK_ROWS, rows - first), CLASSES), scale=2.0).astype(np.float32)
        powers = np.exp(logits)
        yield first, powers / powers.sum(axis=1, keepdims=True)


def write(folder: Path, rows: int) -> dict[str, Path]:
    """Writes the pool in each format."""
    files = {name: folder / f"pool.{name}" for name in ("npy", "parquet", "csv")}
    array = np.lib.format.open_memmap(files["npy"], "w+", "<f4", (rows, CLASSES))
    columns = [f"p_{number}" for number in range(CLASSES)]
    schema = pa.schema([("id", pa.string()), *((name, pa.float32()) for name in columns)])
    with (
        pa.parquet.ParquetWriter(files["parquet"], schema, compression="zstd", use_dictionary=False) as parquet,
        pa.csv.CSVWriter(files["csv"], schema) as csv,
    ):
        for first, part in chunks(rows):
            array[first : first + len(part)] = part
            ids = pa.array([f"sample-{row:08}" for row in range(first, first + len(part))])
            table = pa.table([ids, *(pa.array(part[:, number]) for number in range(CLASSES))], schema=schema)
            parquet.write_table(table)
            csv.write_table(table)
    array.flush()
    return files


def measure(command: list[str]) -> tuple[float, int]:
    """Runs a program; tells its seconds and the bytes that it had resident at most."""
    begun = time.monotonic()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"`{' '.join(command)}` failed")
    return time.monotonic() - begun, usage.ru_maxrss * 1024


def main() -> None:
    """Writes the pool, measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the pool")
    parser.add_argument("--peer-rows", type=int, default=2_000_000, help="rows that the libraries in Python get at most")
    parser.add_argument("--count", type=int, default=1_000, help="rows to choose")
    parser.add_argument("--folder", type=Path, help="where the files are made")
    options = parser.parse_args()
    hone, count = os.environ["HONE_BINARY"], options.count
    lines = []

    def note(what: str, rows: int, command: list[str]) -> None:
        seconds, resident = measure(command)
        figures = (f"{rows:,}", f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{resident / 1e6:,.0f}")
        print(what, *figures, sep="  ", file=sys.stderr)
        lines.append((what, *figures))

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        files = write(folder, options.rows)
        for kind, path in files.items():
            note(f"hone label score, {kind}", options.rows, [hone, "label", "score", str(path), "--output", "csv"])
        for kind, path in files.items():
            chosen = str(folder / "chosen.jsonl")
            note(
                f"hone label choose, {kind}",
                options.rows,
                [hone, "label", "choose", str(path), "--count", str(count), "--to", chosen],
            )
        for peer in ("numpy", "scikit-activeml"):
            rows = min(options.rows, options.peer_rows)
            arguments = [peer, str(files["npy"]), str(rows), str(count), str(PREFILTER)]
            note(f"{peer}, npy", rows, [sys.executable, str(HERE / "peer.py"), *arguments])
    head = ("", "rows", "seconds", "rows/s", "MB resident")
    print(f"{count:,} of a pool with {CLASSES} classes, margin and k-center\n")
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for line in [head, *lines]:
        print("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(line, widths, strict=True))))


if __name__ == "__main__":
    main()
