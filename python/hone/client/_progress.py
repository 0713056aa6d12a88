"""How far `optimize` is: a bar of tqdm, or plain lines where there is none."""

import sys
import threading
from typing import Any, Protocol

from ._records import StudyRecord, TrialRecord, is_better

#: Without a bar, a line is written for each of so many parts.
_LINES = 20


class _Bar(Protocol):
    def update(self, count: int) -> object: ...
    def set_postfix_str(self, text: str) -> object: ...
    def close(self) -> object: ...


class Progress:
    """Shows each trial that ends; shows nothing unless it is wanted."""

    def __init__(self, shown: bool, study: StudyRecord, total: int | None) -> None:
        self._lock = threading.Lock()
        self._study = study
        self._best: float | None = study.best.value if study.best is not None and len(study.objectives) == 1 else None
        self._bar: _Bar | None = _bar(study.name, total) if shown else None

    def ended(self, record: TrialRecord) -> None:
        """Counts a trial."""
        if self._bar is None:
            return
        with self._lock:
            if len(self._study.objectives) == 1 and record.value is not None and record.state == "complete":
                ((metric, direction),) = self._study.objectives
                if is_better(record.value, self._best, direction):
                    self._best = record.value
                self._bar.set_postfix_str(f"best {metric}={self._best:.6g}" if self._best is not None else "")
            self._bar.update(1)

    def say(self, reason: str) -> None:
        """Says why nothing runs."""
        if self._bar is not None and reason:
            with self._lock:
                self._bar.set_postfix_str(reason)

    def close(self) -> None:
        """Ends the display."""
        if self._bar is not None:
            self._bar.close()


def _bar(name: str, total: int | None) -> _Bar:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Lines(name, total)
    bar: Any = tqdm(total=total, desc=name, unit="trial")
    return bar  # type: ignore[no-any-return]


class _Lines:
    """Plain lines on standard error."""

    def __init__(self, name: str, total: int | None) -> None:
        self._name = name
        self._total = total
        self._done = 0
        self._text = ""

    def update(self, count: int) -> None:
        """Counts, and writes a line now and then."""
        self._done += count
        every = max((self._total or 0) // _LINES, 1)
        if self._done % every == 0 or self._done == self._total:
            of = f" of {self._total}" if self._total else ""
            print(f"{self._name}: {self._done}{of} trials  {self._text}".rstrip(), file=sys.stderr, flush=True)

    def set_postfix_str(self, text: str) -> None:
        """Changes what stands behind the count."""
        self._text = text

    def close(self) -> None:
        """Does nothing."""
