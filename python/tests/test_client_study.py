"""Studies that this process runs, against a real coordinator: asking, telling, looking."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import hone
from hone.client import AlreadyExists, Invalid, LeaseLost, NotFound, NoTrial, StudyOver

from .support.real import Hone
from .support.served import Served

SPACE = {"x": {"float": [0, 1]}, "kind": {"choice": ["a", "b"]}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One coordinator for all tests here."""
    served = Served(Hone(tmp_path_factory.mktemp("hone")))
    served.start()
    yield served
    served.end()


@pytest.fixture
def client(served: Served) -> Iterator[hone.Client]:
    with served.connect() as client:
        yield client


def test_a_study_is_made_found_and_listed(client: hone.Client, served: Served) -> None:
    study = client.create_study(name="made", space=SPACE, max_trials=3, metric="loss", direction="maximize")
    assert (study.name, study.metrics, study.directions) == ("made", ("loss",), ("maximize",))
    info = study.info
    assert (info.state, info.max_trials, info.driver, info.best) == ("active", 3, "clients", None)
    assert [parameter["name"] for parameter in info.spec["space"]["parameters"]] == ["x", "kind"]
    assert served.hone.json("study", "show", "made")["objectives"] == [{"metric": "loss", "direction": "maximize"}]
    assert client.study("made").id == client.study(str(study.id)).id == study.id
    assert "made" in [each.name for each in client.studies()]


def test_a_name_is_taken_once(client: hone.Client) -> None:
    study = client.create_study(name="once", space=SPACE)
    with pytest.raises(AlreadyExists, match="`once` exists already"):
        client.create_study(name="once", space=SPACE)
    assert client.create_study(name="once", space=SPACE, load_if_exists=True).id == study.id


def test_mistakes_are_shown_with_the_way_out(client: hone.Client) -> None:
    with pytest.raises(Invalid, match=r"(?s)space.x: lower bound 2.0 is above upper bound 1.0.*\nhint: swap them"):
        client.create_study(space={"x": {"float": [2, 1]}})
    with pytest.raises(NotFound, match="there is no study `mad`"):
        client.study("mad")
    with pytest.raises(Invalid, match="samplr"):
        client.create_study({"search": {"samplr": "tpe"}, "space": SPACE})


def test_a_study_may_come_from_a_file(client: hone.Client, tmp_path: Path) -> None:
    text = '[objective]\nmetric = "loss"\ndirection = "minimize"\n[space]\nx = { float = [0, 1] }\n'
    folder = tmp_path / "from-a-folder"
    folder.mkdir()
    (folder / "study.toml").write_text(text)
    assert client.create_study(folder).name == "from-a-folder"
    assert client.create_study(text, name="from-a-text").info.driver == "clients"


def test_a_study_for_workers_needs_no_source_here(client: hone.Client, served: Served) -> None:
    spec = {"name": "for-workers", "source": "none", "space": SPACE, "trial": {"command": ["true"]}}
    study = client.create_study(spec)
    assert study.info.driver == "workers"
    assert client.create_study(spec, load_if_exists=True).id == study.id
    del spec["source"]
    with pytest.raises(hone.HoneError, match=r"which `hone study create` packs; use that, or set `source = \"none\"`"):
        client.create_study({**spec, "name": "packed"})


def test_what_is_asked_for_is_told_once(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, max_trials=2)
    first = study.ask()
    assert set(first.params) == {"x", "kind"}
    assert (first.number, first.attempt, first.study) == (0, 1, study.name)
    record = study.tell(first, 0.5)
    assert (record.state, record.value, record.params) == ("complete", 0.5, first.params)
    with pytest.raises(LeaseLost, match="trial 0 has ended already"):
        study.tell(first, 0.7)
    second = study.ask()
    with pytest.raises(NoTrial, match=f"study `{study.name}` has no trial to run at the moment"):
        study.ask()
    assert study.tell(second, state="failed", message="no memory").end
    assert study.info.state == "finished"
    with pytest.raises(StudyOver, match=f"study `{study.name}` is over"):
        study.ask()
    assert study.best_value == 0.5
    assert study.best_params == first.params
    assert [trial.state for trial in study.trials] == ["complete", "failed"]
    assert "no memory" in study.trial(1).end


def test_parameters_may_be_defined_while_trials_run(client: hone.Client) -> None:
    study = client.create_study(sampler="tpe", seed=3)
    for _ in range(12):
        trial = study.ask()
        assert trial.params == {}
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        units = trial.suggest_int("units", 8, 64, step=8)
        kind = trial.suggest_categorical("kind", ["sgd", "adam"])
        flag = trial.suggest_categorical("flag", [True, False])
        level = trial.suggest_categorical("level", [1, 2.5, "x"])
        assert 1e-4 <= rate <= 1e-1
        assert units in range(8, 65, 8)
        assert kind in ("sgd", "adam")
        assert flag in (True, False)
        assert level in (1, 2.5, "x")
        # One that the trial has already stays.
        assert trial.suggest_float("rate", 1e-4, 1e-1, log=True) == rate
        record = study.tell(trial, rate * units)
        assert record.params == trial.params == {
            "rate": rate, "units": units, "kind": kind, "flag": flag, "level": level
        }  # fmt: skip
        assert [type(value) for value in record.params.values()] == [type(value) for value in trial.params.values()]
    names = [parameter["name"] for parameter in study.info.spec["space"]["parameters"]]
    assert names == ["rate", "units", "kind", "flag", "level"]
    with pytest.raises(Invalid, match="rate"):
        study.ask().suggest_int("rate", 1, 2)


def test_reports_are_judged(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, pruner={"kind": "threshold", "upper": 1.0}, metric="loss")
    trial = study.ask()
    assert trial.report(1, loss=0.5, other=3) is False
    assert trial.report(2, loss=2.0) is True
    assert trial.pruned
    assert trial.stopped
    assert not trial.preempted
    with pytest.raises(hone.Pruned):
        trial.report_or_stop(3, loss=2.0)
    record = study.tell(trial, state="pruned")
    assert record.state == "pruned"
    full = study.trial(trial.number)
    assert full.intermediate_values("loss")[1] == 0.5
    assert full.intermediate_values("loss")[2] == 2.0


def test_the_last_report_counts_where_nothing_is_returned(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, metric="loss")
    trial = study.ask()
    trial.report(1, loss=0.5)
    trial.report(2, loss=0.25)
    assert study.tell(trial).value == 0.25


def test_several_objectives_have_a_front(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, metrics=["loss", "time"], sampler="random")
    for loss, time in ((1, 3), (2, 2), (3, 1), (3, 3)):
        study.tell(study.ask(), {"time": time, "loss": loss})
    assert [trial.values for trial in study.best_trials] == [
        {"loss": 1, "time": 3},
        {"loss": 2, "time": 2},
        {"loss": 3, "time": 1},
    ]
    with pytest.raises(ValueError, match="several objectives; `best_trials` is their front"):
        study.best_trial  # noqa: B018
    with pytest.raises(ValueError, match="has several objectives; `values` has them by metric"):
        study.trials[0].value  # noqa: B018


def test_what_is_enqueued_comes_first(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    record = study.enqueue({"x": 0.125, "kind": "b"}, tags=["guess"], note="looks good")
    assert (record.state, record.tags, record.note) == ("waiting", ("guess",), "looks good")
    trial = study.ask()
    assert trial.params == {"x": 0.125, "kind": "b"}
    with pytest.raises(Invalid, match="the study has no such parameter"):
        study.enqueue({"y": 1})


def test_attributes_of_studies_and_trials_are_kept(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    study.set_user_attr("dataset", {"name": "digits", "rows": 1797})
    study.set_user_attr("raw", b"\xff")
    assert study.attributes == {"dataset": {"name": "digits", "rows": 1797}, "raw": b"\xff"}
    trial = study.ask()
    trial.set_user_attr("hash", "abc")
    assert trial.attributes["hash"] == "abc"
    with pytest.raises(TypeError, match="attribute `when` can be no JSON"):
        trial.set_user_attr("when", object())


def test_files_are_kept_with_the_trial(client: hone.Client, served: Served, tmp_path: Path) -> None:
    study = client.create_study(name="files", space=SPACE)
    trial = study.ask()
    (trial.output_dir / "model.txt").write_text("a model")
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 4_000)
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "deep" / "run.sh").chmod(0o755)
    trial.log_artifact(large)
    trial.log_artifact(folder, "kept")
    (trial.output_dir / "empty").touch()
    here = trial.output_dir
    study.tell(trial, 1.0)
    assert not here.exists()
    outputs = {output.path: output for output in study.trial(0).outputs}
    assert {path: output.size for path, output in outputs.items()} == {
        "model.txt": 7, "large.bin": 1_024_000, "kept/deep/run.sh": 10, "empty": 0
    }  # fmt: skip
    assert outputs["kept/deep/run.sh"].executable
    target = tmp_path / "fetched"
    served.hone.run("trial", "outputs", "files/0", "--to", str(target))
    assert next(target.rglob("large.bin")).read_bytes() == large.read_bytes()
    assert next(target.rglob("model.txt")).read_text() == "a model"


def test_a_trial_that_is_given_back_is_taken_again(client: hone.Client) -> None:
    study = client.create_study(space=SPACE)
    trial = study.ask()
    trial.give_back()
    assert trial.report(1, value=1) is True
    with pytest.raises(hone.Preempted):
        trial.report_or_stop(1, value=1)
    again = study.ask()
    assert (again.number, again.attempt, again.params, again.seed) == (0, 2, trial.params, trial.seed)
    study.tell(again, 1.0)
    assert study.trial(0).attempts == 2


def test_studies_are_paused_changed_stopped_and_removed(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, name="moved")
    study.pause()
    assert study.state == "paused"
    with pytest.raises(NoTrial):
        study.ask()
    study.resume()
    assert study.set(max_trials=7).max_trials == 7
    assert study.set({"space.x.high": 2}, max_trials=None).max_trials is None
    with pytest.raises(Invalid, match="space"):
        study.set({"space.x.low": 0.5})
    trial = study.ask()
    study.cancel()
    assert trial.report(1, value=1) is True
    assert study.state == "finished"
    client.remove_study("moved")
    with pytest.raises(NotFound):
        client.study("moved")


def test_finished_trials_are_asked_for_once(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, sampler="random")
    running = study.ask()
    for value in range(5):
        study.tell(study.ask(), value)
    assert [trial.state for trial in study.trials] == ["running"] + 5 * ["complete"]
    before = study.trials[3]
    study.tell(running, 9)
    study.tell(study.ask(), 10)
    trials = study.trials
    assert [trial.value for trial in trials] == [9, 0, 1, 2, 3, 4, 10]
    assert trials[3] is before
    assert [trial.value for trial in study.best(2)] == [0, 1]
    streamed = list(study.stream_trials())
    assert [trial.number for trial in streamed] == list(range(7))


def test_what_notebooks_show(client: hone.Client) -> None:
    study = client.create_study(space={"<b>": {"float": [0, 1]}}, name="shown <i>")
    trial = study.ask()
    assert "&lt;b&gt;" in trial._repr_html_()
    study.tell(trial, 1.0)
    for html in (study._repr_html_(), study.trials._repr_html_(), study.best_trial._repr_html_()):
        assert html.startswith("<table>")
        assert "<b>" not in html
        assert "<i>" not in html
    assert repr(study) == "<hone.Study `shown <i>`>"
    assert json.dumps(study.best_params)


def test_what_is_enqueued_where_trials_define_the_space_is_suggested(client: hone.Client) -> None:
    study = client.create_study()
    with pytest.raises(Invalid, match="the study has no such parameter"):
        study.enqueue({"x": 0.25})
    first = study.ask()
    first.suggest_float("x", 0, 1)
    study.tell(first, 1.0)
    study.enqueue({"x": 0.25})
    second = study.ask()
    assert second.suggest_float("x", 0, 1) == 0.25
    assert 0 <= second.suggest_float("y", 0, 1) <= 1
