"""What becomes of a dictionary, a text, a file and keywords."""

import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from hone.client._spec import Shortcuts, Spec, study_text
from hone.client._toml import study_file

if sys.version_info >= (3, 11):
    import tomllib as toml
else:
    # Comes with pytest where Python has none.
    import tomli as toml


def parsed(spec: Spec | None = None, name: str | None = None, **shortcuts: Any) -> dict[str, Any]:
    return dict(toml.loads(study_text(spec, name, Shortcuts(**shortcuts)).text))


def test_a_dictionary_is_written_as_the_study_file_that_it_is() -> None:
    spec = {
        "name": 'a "study"\n\x7f ü',
        "objective": [{"metric": "loss", "direction": "minimize"}, {"metric": "val/acc", "direction": "maximize"}],
        "search": {"sampler": {"kind": "tpe", "startup_trials": 5}, "seed": 2**63 - 1, "max_trials": 3},
        "space": {
            "model.lr": {"float": [1e-5, 0.1], "scale": "log"},
            "units": {"int": (16, 256)},
            "opt": {"choice": ["sgd", "adam", 3, 0.5, True]},
            "momentum": {"float": [0, 0.99], "when": {"opt": "sgd"}},
        },
        "stop": {"time": "8h"},
        "enqueue": [{"units": 32}, {"opt": "adam"}],
    }
    assert toml.loads(study_file(spec)) == {**spec, "space": {**spec["space"], "units": {"int": [16, 256]}}}  # type: ignore[dict-item]


def test_numbers_of_numpy_are_numbers() -> None:
    spec = {"space": {"x": {"float": [numpy.float64(0.5), numpy.float32(2)]}, "n": {"int": [numpy.int64(1), 2]}}}
    assert toml.loads(study_file(spec)) == {"space": {"x": {"float": [0.5, 2.0]}, "n": {"int": [1, 2]}}}


def test_numbers_that_are_not_finite_are_written() -> None:
    assert study_file({"low": float("-inf")}) == "low = -inf\n"


def test_what_a_study_file_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"`space.x.choice` is None, which a study file cannot hold"):
        study_file({"space": {"x": {"choice": [None]}}})
    with pytest.raises(TypeError, match=r"`3` is no name"):
        study_file({3: 4})  # type: ignore[dict-item]


def test_keywords_say_what_most_studies_say() -> None:
    study = parsed(name="s", space={"x": {"float": [0, 1]}}, sampler="random", seed=1, max_trials=5, pruner="median")
    assert study == {
        "name": "s",
        "objective": {"metric": "value", "direction": "minimize"},
        "search": {"sampler": "random", "pruner": "median", "seed": 1, "max_trials": 5},
        "space": {"x": {"float": [0, 1]}},
    }


def test_keywords_fill_a_dictionary_and_do_not_overrule_it() -> None:
    spec = {"name": "s", "search": {"seed": 1}}
    assert parsed(spec, max_trials=5)["search"] == {"seed": 1, "max_trials": 5}
    assert spec == {"name": "s", "search": {"seed": 1}}
    with pytest.raises(TypeError, match="`seed` is given twice"):
        parsed(spec, seed=2)
    with pytest.raises(TypeError, match="the objective is given twice"):
        parsed({"objective": {"metric": "a", "direction": "minimize"}}, direction="maximize")


def test_several_objectives_have_names() -> None:
    assert parsed(directions=["minimize", "maximize"])["objective"] == [
        {"metric": "value_0", "direction": "minimize"},
        {"metric": "value_1", "direction": "maximize"},
    ]
    named = parsed(metrics=["loss", "time"])["objective"]
    assert [(it["metric"], it["direction"]) for it in named] == [("loss", "minimize"), ("time", "minimize")]
    with pytest.raises(ValueError, match="there are 1 metrics and 2 directions"):
        parsed(metrics=["loss"], directions=["minimize", "maximize"])
    with pytest.raises(TypeError, match="give `direction`, or `directions`"):
        parsed(direction="minimize", directions=["minimize"])
    with pytest.raises(TypeError, match="give `metric`, or `metrics`"):
        parsed(metric="a", metrics=["a"])


def test_each_study_without_a_name_has_one_of_its_own() -> None:
    names = {parsed()["name"] for _ in range(20)}
    assert len(names) == 20


def test_a_text_is_taken_as_it_is(tmp_path: Path) -> None:
    text = 'name = "s"\n[objective]\nmetric = "loss"\ndirection = "minimize"\n'
    assert study_text(text, None, Shortcuts()).text == text
    with pytest.raises(TypeError, match="keywords such as `sampler` go with a dictionary"):
        study_text(text, None, Shortcuts(sampler="tpe"))
    with pytest.raises(ValueError, match=r"`study.toml` is no text of a study; give a file as `pathlib.Path"):
        study_text("study.toml", None, Shortcuts())
    (tmp_path / "study.toml").write_text(text)
    for path in (tmp_path, tmp_path / "study.toml"):
        study = study_text(path, None, Shortcuts())
        assert (study.text, study.file) == (text, str(tmp_path / "study.toml"))


@pytest.mark.parametrize(
    ("text", "for_workers", "has_source"),
    [
        ("[space]\n", False, True),
        ('[trial]\ncommand = ["a"]', True, True),
        ('source = "none"\n[trial.resources]\n', True, False),
        ("source = 'none'\ntrial = {}\n", True, False),
        ("# [trial]\n[trials]\n", False, True),
    ],
)
def test_a_study_for_workers_is_told_by_its_trial(text: str, for_workers: bool, has_source: bool) -> None:
    study = study_text(f"name = 's'\n{text}", None, Shortcuts())
    assert (study.for_workers, study.has_source) == (for_workers, has_source)
