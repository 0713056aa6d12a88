"""What an objective's return value means."""

import math
from typing import Any

import numpy
import pytest

import hone
from hone.client._distributions import options, same_kind
from hone.client._outcome import PRUNED, Outcome, raised, returned
from hone.client._records import StudyRecord
from hone.client._told import told

TWO = ("loss", "time")


@pytest.mark.parametrize(
    ("result", "values"),
    [
        (0.5, (0.5,)),
        (3, (3.0,)),
        (numpy.float32(0.5), (0.5,)),
        (numpy.array(0.5), (0.5,)),
        ([0.5], (0.5,)),
        ({"loss": 0.5, "other": 1}, (0.5,)),
        (None, ()),
    ],
)
def test_one_value_may_be_given_in_many_ways(result: Any, values: tuple[float, ...]) -> None:
    assert returned(result, ["loss"]) == Outcome("complete", values)


@pytest.mark.parametrize("result", [[1, 2], (1, 2), numpy.array([1, 2]), {"time": 2, "loss": 1}])
def test_several_values_come_in_order_or_by_name(result: Any) -> None:
    assert returned(result, TWO) == Outcome("complete", (1.0, 2.0))


@pytest.mark.parametrize(
    ("result", "metrics", "message"),
    [
        (math.nan, ["loss"], "the value of `loss` is nan, which is no result"),
        ([1, math.inf], TWO, "the value of `time` is inf, which is no result"),
        ("good", ["loss"], "the objective returned 'good', which is no number"),
        ([1], TWO, "the objective returned 1 values; the study has 2: `loss`, `time`"),
        (1.0, TWO, "the objective returned 1.0; the study has 2 objectives"),
        ({"loss": 1}, TWO, "the objective returned no `time`; it returned `loss`"),
        ([None], ["loss"], "the value of `loss` is no number"),
        (object, ["loss"], "the value of `loss` is no number"),
    ],
)
def test_what_is_no_result_fails_the_trial_and_says_why(result: Any, metrics: list[str], message: str) -> None:
    outcome = returned(result, metrics)
    assert (outcome.state, outcome.values) == ("failed", ())
    assert outcome.message.startswith(message)


def test_exceptions_say_what_they_are() -> None:
    assert raised(ValueError("too large")) == Outcome("failed", message="ValueError: too large")
    assert raised(hone.Pruned("at step 3")) is PRUNED
    assert raised(hone.Preempted("make room")) is None
    long = raised(ValueError("x" * 10_000))
    assert long is not None
    assert len(long.message) == 2_000


def study(*metrics: str) -> StudyRecord:
    objectives = tuple((metric, "minimize") for metric in metrics)
    return StudyRecord(1, "s", "", "active", "", objectives, {}, None, None, "clients", "{}", None)


def test_telling_takes_values_or_a_state() -> None:
    assert told(1.0, None, "", study("loss")) == Outcome("complete", (1.0,))
    assert told(None, None, "", study("loss")) == Outcome("complete")
    assert told(None, "pruned", "", study("loss")) == PRUNED
    assert told(None, "failed", "no memory", study("loss")) == Outcome("failed", message="no memory")
    with pytest.raises(ValueError, match="`done` is no state to tell; use `complete`, `pruned`, `failed`"):
        told(1.0, "done", "", study("loss"))
    with pytest.raises(ValueError, match="a trial that is pruned has no values"):
        told(1.0, "pruned", "", study("loss"))


def test_a_choice_comes_back_as_it_was_given() -> None:
    assert same_kind(1, [True, 1]) == 1
    assert same_kind(1, [True, 1]) is not True
    assert same_kind(True, [1, True]) is True
    assert [it.WhichOneof("value") for it in options("x", ["a", 1, 1.5, True]).options.options] == [
        "string",
        "int",
        "float",
        "bool",
    ]


def test_what_can_be_no_choice_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match="`x`: None can be no choice; name each with a text and look it up"):
        options("x", ["a", None])
    with pytest.raises(ValueError, match="parameter `x` has no choices"):
        options("x", [])
