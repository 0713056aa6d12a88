"""Trials as a table of pandas."""

from collections.abc import Sequence
from typing import Any

from hone._errors import HoneError

from ._records import TrialRecord


def dataframe(records: Sequence[TrialRecord], metrics: Sequence[str]) -> Any:
    """One row a trial: the columns of `hone study export`."""
    try:
        import pandas
    except ImportError:
        raise HoneError("`trials_dataframe` needs pandas; install it with `pip install 'hone[notebook]'`") from None
    params = list(dict.fromkeys(name for record in records for name in record.params))
    columns: dict[str, list[Any]] = {"number": [it.number for it in records], "state": [it.state for it in records]}
    for metric in metrics:
        columns[f"value.{metric}"] = [it.values.get(metric) for it in records]
    for name in params:
        columns[f"params.{name}"] = [it.params.get(name) for it in records]
    columns["started"] = [it.started for it in records]
    columns["ended"] = [it.ended for it in records]
    columns["duration"] = [it.duration for it in records]
    columns["attempts"] = [it.attempts for it in records]
    columns["origin"] = [it.origin for it in records]
    columns["tags"] = [", ".join(it.tags) for it in records]
    columns["end"] = [it.end for it in records]
    frame = pandas.DataFrame(columns)
    for name in ("started", "ended"):
        frame[name] = pandas.to_datetime(frame[name], utc=True)
    return frame
