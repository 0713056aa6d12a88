"""How notebooks show studies and trials. Every text comes from users and is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._base import BaseTrial
    from ._explanation import Explanation
    from ._records import StudyRecord, TrialRecord

#: Rows of a table of trials; the first and the last half of these where there are more.
_ROWS = 60


def cell(value: object) -> str:
    """A value as text, numbers to six digits."""
    if value is None:
        return ""
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table; what is no text is written as by `cell`."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def pairs(caption: str, values: Mapping[str, object]) -> str:
    """A table of two columns, without what is empty."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{cell(value)}</td></tr>"
        for name, value in values.items()
        if value not in (None, "")
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"


def study(record: "StudyRecord") -> str:
    """A study: what it is, how far it is, its best trial."""
    counts = ", ".join(f"{count} {state}" for state, count in record.counts.items() if count and state != "counted")
    of = "" if record.max_trials is None else f" of {record.max_trials}"
    best = record.best
    return pairs(
        f"study {record.name}",
        {
            "state": record.state,
            "reason": record.reason,
            "objectives": ", ".join(f"{direction} {metric}" for metric, direction in record.objectives),
            "trials": f"{record.counts['counted']}{of}: {counts}" if counts else f"0{of}",
            "best trial": None
            if best is None
            else f"{best.number}: {_listed(best.values)} with {_listed(best.params)}",
        },
    )


def trial(record: "TrialRecord") -> str:
    """A trial: parameters, values, how it ended."""
    return pairs(
        f"trial {record.number}",
        {
            "state": record.state,
            **record.values,
            **record.params,
            **record.metrics,
            "took": record.duration,
            "origin": record.origin,
            "why": record.why,
            "end": record.end,
            "tags": ", ".join(record.tags),
            "note": record.note,
        },
    )


def running(trial: "BaseTrial") -> str:
    """A trial under way."""
    return pairs(f"trial {trial.number} of {trial.study}, attempt {trial.attempt}", dict(trial.params))


def trials(records: "Sequence[TrialRecord]") -> str:
    """Trials, one a row."""
    values = list(dict.fromkeys(name for record in records for name in record.values))
    params = list(dict.fromkeys(name for record in records for name in record.params))
    left_out = max(len(records) - _ROWS, 0)
    shown = [*records[: _ROWS // 2], *records[len(records) - _ROWS // 2 :]] if left_out else records
    rows: list[list[Any]] = [
        [it.number, it.state, *(it.values.get(name) for name in values), *(it.params.get(name) for name in params)]
        for it in shown
    ]
    caption = f"{len(records)} trials" + (f", {left_out} in the middle left out" if left_out else "")
    return table(["trial", "state", *values, *params], rows, caption)


def explanation(found: "Explanation") -> str:
    """What a study has found."""
    rows = [
        [it.name, f"{it.importance:.0%}" + ("" if it.is_clear else " ?"), it.good, it.trials] for it in found.parameters
    ]
    parts = [
        table(["parameter", "importance", "good trials", "trials"], rows, f"{found.method}, {found.judged} trials")
    ]
    for line in (*found.remarks, *found.advice):
        parts.append(f"<p>{escape(line)}</p>")
    return "".join(parts)


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
