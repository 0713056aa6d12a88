"""What a study has found, as `hone study explain` shows it."""

from dataclasses import dataclass
from typing import Any

from . import _html


@dataclass(frozen=True)
class Finding:
    """What is known of one parameter."""

    name: str
    #: Share of what is explained, from 0 to 1.
    importance: float
    #: Whether the effect is larger than chance would show.
    is_clear: bool
    #: How many trials had the parameter.
    trials: int
    #: Where the good trials have it, in words.
    good: str


@dataclass(frozen=True)
class Explanation:
    """Which parameters matter, where the good trials lie, and what to change."""

    method: str
    #: How many trials it rests on.
    judged: int
    #: The most important one first.
    parameters: tuple[Finding, ...]
    #: Pairs whose effects depend on each other, the strongest first: two names, a share, a sentence.
    interactions: tuple[tuple[str, str, float, str], ...]
    #: What to change, one sentence each.
    advice: tuple[str, ...]
    #: What else stands out, one sentence each.
    remarks: tuple[str, ...]
    #: Trials that were better than all before: how many had ended by then, the number, the value.
    progress: tuple[tuple[int, int, float], ...]
    #: Of the Pareto front, where there are several objectives.
    hypervolume: float | None

    @property
    def importances(self) -> dict[str, float]:
        """The shares by parameter, the greatest first."""
        return {finding.name: finding.importance for finding in self.parameters}

    def _repr_html_(self) -> str:
        return _html.explanation(self)


def explanation(reply: Any) -> Explanation:
    """Reads the answer of a coordinator."""
    front = reply.front if reply.HasField("front") else None
    return Explanation(
        method=reply.method,
        judged=reply.judged,
        parameters=tuple(Finding(it.name, it.importance, it.is_clear, it.trials, it.good) for it in reply.parameters),
        interactions=tuple((it.first, it.second, it.strength, it.sentence) for it in reply.interactions),
        advice=tuple(it.sentence for it in reply.advice),
        remarks=tuple(reply.remarks),
        progress=tuple((it.finished, it.number, it.value) for it in reply.progress),
        hypervolume=front.hypervolume if front is not None and front.HasField("hypervolume") else None,
    )
