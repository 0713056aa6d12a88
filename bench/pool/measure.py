"""Rates a pool and chooses a diverse batch from it, with Hone and in Python, and prints time and memory of each.

Every line of the table is a process of its own: its time is from start to end, with reading the file; its memory is the
most that it had resident, as the kernel counts it. The kernel counts what this process has too, so it loads no library.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FORMATS = ("npy", "parquet", "csv")
# A batch is chosen from three times as many of the best rows, as `hone label choose` does by default.
PREFILTER = 3


def measure(command: list[str]) -> tuple[float, int]:
    """Runs a program; tells its seconds and the bytes that it had resident at most."""
    begun = time.monotonic()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"`{' '.join(command)}` failed")
    return time.monotonic() - begun, usage.ru_maxrss * 1024


def main() -> None:
    """Writes the pool, measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the pool")
    parser.add_argument("--peer-rows", type=int, default=2_000_000, help="rows that Python's libraries get at most")
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
        measure([sys.executable, str(HERE / "write.py"), name, str(options.rows)])
        files = {kind: folder / f"pool.{kind}" for kind in FORMATS}
        for kind, path in files.items():
            note(f"hone label score, {kind}", options.rows, [hone, "label", "score", str(path), "--output", "csv"])
        for kind, path in files.items():
            chosen = str(folder / "chosen.jsonl")
            note(
                f"hone label choose, {kind}",
                options.rows,
                [hone, "label", "choose", str(path), "--count", str(count), "--to", chosen],
            )
        members = [str(files["npy"]), *(str(folder / f"member-{model}.npy") for model in (1, 2))]
        note(
            "hone label score, bald of three npy", options.rows, [hone, "label", "score", *members, "--method", "bald"]
        )
        for peer in ("numpy", "scikit-activeml"):
            rows = min(options.rows, options.peer_rows)
            arguments = [peer, str(files["npy"]), str(rows), str(count), str(PREFILTER)]
            note(f"{peer}, npy", rows, [sys.executable, str(HERE / "peer.py"), *arguments])
    head = ("", "rows", "seconds", "rows/s", "MB resident")
    print(f"{count:,} of a pool with 10 classes, margin and k-center\n")
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for line in [head, *lines]:
        name, *figures = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print(name.strip().ljust(widths[0]), *figures, sep="  ")


if __name__ == "__main__":
    main()
