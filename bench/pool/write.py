"""Writes a pool as `measure.py` asks for: the same rows as npy, Parquet and CSV, and two more models' as npy."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

CLASSES = 10
CHUNK_ROWS = 250_000


def chunks(rows: int, model: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Gives the first row of each chunk, and a model's probabilities, which differ a little from the others'."""
    for first in range(0, rows, CHUNK_ROWS):
        shape = (min(CHUNK_ROWS, rows - first), CLASSES)
        logits = np.random.default_rng([1, first]).normal(size=shape, scale=2.0).astype(np.float32)
        if model > 0:
            logits += np.random.default_rng([1, first, model]).normal(size=shape, scale=0.3).astype(np.float32)
        powers = np.exp(logits)
        yield first, powers / powers.sum(axis=1, keepdims=True)


def write(folder: Path, rows: int) -> None:
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
    for model in (1, 2):
        array = np.lib.format.open_memmap(folder / f"member-{model}.npy", "w+", "<f4", (rows, CLASSES))
        for first, part in chunks(rows, model):
            array[first : first + len(part)] = part
        array.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
