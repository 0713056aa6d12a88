"""What a trial knows of itself, in a study and by hand."""

import json
import pickle
from pathlib import Path

import pytest

import hone

from .support.worker import PlayedWorker


def test_a_trial_knows_what_its_worker_has_told(worker: PlayedWorker, place: Path) -> None:
    trial = worker.trial(
        HONE_PARAMS='{"lr": 0.5, "layers": 3, "act": "relu", "norm": true}',
        HONE_STUDY="digits",
        HONE_TRIAL="17",
        HONE_ATTEMPT="2",
        HONE_SEED="18446744073709551615",
        HONE_OUTPUT=str(place / "out"),
        HONE_CHECKPOINT=str(place / "ckpt"),
    )
    assert trial.params == {"lr": 0.5, "layers": 3, "act": "relu", "norm": True}
    assert (trial.study, trial.number, trial.attempt, trial.study_seed) == ("digits", 17, 2, 2**64 - 1)
    assert (trial.output_dir, trial.checkpoint_dir) == (place / "out", place / "ckpt")
    assert not trial.by_hand
    assert "17 of `digits`, attempt 2" in repr(trial)


def test_seeds_differ_by_trial_and_not_by_attempt_and_fit_everywhere(worker: PlayedWorker) -> None:
    seeds = [worker.trial(HONE_SEED="7", HONE_TRIAL=str(number)).seed for number in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert worker.trial(HONE_SEED="7", HONE_TRIAL="3", HONE_ATTEMPT="4").seed == seeds[3]
    assert worker.trial(HONE_SEED="8", HONE_TRIAL="3").seed != seeds[3]


def test_parameters_are_a_plain_mapping_that_names_what_it_has(worker: PlayedWorker) -> None:
    params = worker.trial(HONE_PARAMS='{"optimizer": "adam"}').params
    assert json.loads(json.dumps(params)) == pickle.loads(pickle.dumps(params)) == {"optimizer": "adam"}
    assert "momentum" not in params
    assert params.get("momentum", 0.9) == 0.9
    with pytest.raises(KeyError, match="no parameter `momentum`; it has `optimizer`"):
        params["momentum"]


def test_in_a_trial_defaults_make_no_parameter_exist(worker: PlayedWorker) -> None:
    environment = worker.environment(HONE_PARAMS='{"optimizer": "adam"}')
    assert hone.Trial(environment, {"momentum": 0.9}).params == {"optimizer": "adam"}


def test_by_hand_there_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PARAMS", '{"lr": 0.5}')
    trial = hone.trial(defaults={"lr": 0.1, "layers": 2})
    assert trial.params == {"lr": 0.5, "layers": 2}
    assert (trial.study, trial.number, trial.attempt, trial.study_seed, trial.by_hand) == ("", 0, 1, 0, True)


def test_defaults_may_come_after_the_first_use_of_the_trial(capsys: pytest.CaptureFixture[str]) -> None:
    hone.report(1, loss=1)
    hone.trial({"lr": 0.1})
    assert hone.trial({"lr": 0.2, "layers": 2}).params == {"lr": 0.1, "layers": 2}


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_parameters_that_cannot_be_read_are_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HONE_PARAMS", text)
    with pytest.raises(hone.HoneError, match="HONE_PARAMS is no JSON"):
        hone.trial()


def test_a_number_that_is_none_is_an_error() -> None:
    with pytest.raises(hone.HoneError, match="HONE_TRIAL is `x`, not a whole number"):
        _ = hone.Trial({"HONE_TRIAL": "x"}, {}).number


def test_by_hand_each_report_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    trial = hone.trial()
    assert trial.report(3, val_loss=0.412345678, val_accuracy=1) is False
    trial.report(loss=float("nan"))
    trial.report_or_stop(4, loss=2e-9)
    trial.checkpoint()
    assert capsys.readouterr().out == "step 3: val_loss=0.412346 val_accuracy=1\nfinal: loss=nan\nstep 4: loss=2e-09\n"


def test_by_hand_folders_come_with_their_first_use(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    trial = hone.trial()
    trial.report(1, loss=1)
    assert list(place.iterdir()) == []
    assert trial.output_dir == place / "hone-output" / "output"
    assert trial.checkpoint_dir == place / "hone-output" / "checkpoint"
    assert trial.output_dir.is_dir()
    assert (place / "hone-output" / ".gitignore").read_text() == "*\n"


def test_by_hand_an_old_checkpoint_is_spoken_of(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    with hone.trial().save_checkpoint() as folder:
        (folder / "state").write_text("1")
    assert capsys.readouterr().err == ""
    again = hone.Trial({}, {})
    assert (again.checkpoint_dir / "state").read_text() == "1"
    assert capsys.readouterr().err == f"hone: going on from `{again.checkpoint_dir}`; remove it to start anew\n"
    assert again.checkpoint_dir.exists()
    assert capsys.readouterr().err == ""
