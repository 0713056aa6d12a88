"""The trials of a study, kept as far as they cannot change any more."""

from collections.abc import Iterator

from ._records import TrialRecord, Trials

#: Trials of one page.
PAGE = 2_000
#: Open trials that are asked for one by one; where there are more, everything from the first one on is read again.
ONE_BY_ONE = 20


class History:
    """What is known of the trials; says what to ask for next.

    Finished trials are never asked for twice, new ones follow by number.
    """

    def __init__(self) -> None:
        self._known: dict[int, TrialRecord] = {}

    def stale(self) -> list[int]:
        """Numbers of trials that may have changed and are asked for one by one, lowest first."""
        still_open = [number for number, trial in self._known.items() if not trial.is_finished]
        if len(still_open) > ONE_BY_ONE:
            first = min(still_open)
            self._known = {number: trial for number, trial in self._known.items() if number < first}
            return []
        return sorted(still_open)

    @property
    def last(self) -> int | None:
        """The number after which the next page begins."""
        return max(self._known, default=None)

    def learn(self, trials: list[TrialRecord]) -> None:
        """Takes trials in."""
        self._known.update({trial.number: trial for trial in trials})

    def __iter__(self) -> Iterator[TrialRecord]:
        return (self._known[number] for number in sorted(self._known))

    def trials(self) -> Trials:
        """All that are known, by number."""
        return Trials(self)
