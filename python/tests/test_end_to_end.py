"""Studies of the real binary whose trials use this package."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from .support.real import LIMIT_S, Hone

#: Loss falls from epoch to epoch towards `x`; the best third is known from the first epoch on.
PRUNABLE = """
import hone
trial = hone.trial()
for epoch in range(1, 10):
    if trial.report(epoch, loss=trial.params["x"] + 1 / epoch):
        hone.log_artifact(__file__, "stopped-at-%d.py" % epoch)
        break
else:
    (trial.output_dir / "model").write_text(str(trial.params["x"]))
"""

#: Notes each epoch that it trains; the first attempt is killed in the fifth, in the middle of a checkpoint.
RESUMING = """
import hone, os, signal
trial = hone.trial()
state = trial.checkpoint_dir / "epoch"
first = int(state.read_text()) + 1 if state.exists() else 1
for epoch in range(first, 9):
    with open(os.environ["WITNESS"], "a") as witness:
        print(trial.number, trial.attempt, epoch, trial.seed, file=witness)
    trial.report_or_stop(epoch, loss=trial.params["x"] / epoch)
    with trial.save_checkpoint(epoch) as folder:
        (folder / "epoch").write_text(str(epoch))
        if epoch == 5 and trial.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""

#: Waits to be preempted, and leaves a checkpoint then.
PREEMPTED = """
import hone, os, time
trial = hone.trial(handle_preemption=True)
state = trial.checkpoint_dir / "epoch"
with open(os.environ["WITNESS"], "a") as witness:
    print("goes on" if state.exists() else "begins", file=witness)
epoch = int(state.read_text()) if state.exists() else 0
while not state.exists() and not trial.report(epoch, loss=1):
    epoch += 1
    time.sleep(0.01)
if trial.preempted:
    with trial.save_checkpoint(epoch) as folder:
        (folder / "epoch").write_text(str(epoch))
    raise SystemExit
trial.report(epoch + 1, loss=trial.params["x"])
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks every hundredth of a second."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_asha_ends_trials_through_the_package(real: Hone) -> None:
    search = 'max_trials = 12\nparallel = 2\npruner = { kind = "asha", min_steps = 1, reduction = 3, max_steps = 9 }'
    real.run("run", real.study("pruned", PRUNABLE, search=search))
    trials = real.trials("pruned")
    assert len(trials) == 12
    states = Counter(trial["state"] for trial in trials)
    assert set(states) == {"complete", "pruned"}, states
    for trial in trials:
        kept = [file["path"] for file in trial["outputs"]]
        last = trial["last_step"]
        assert kept == (["model"] if trial["state"] == "complete" else [f"stopped-at-{last}.py"])


def test_a_killed_trial_goes_on_from_its_last_complete_checkpoint(real: Hone) -> None:
    real.run("run", real.study("resumed", RESUMING, search="max_trials = 2\nparallel = 1", trial="retries = 1"))
    epochs = [tuple(map(int, line.split())) for line in real.witness()]
    assert [(number, attempt, epoch) for number, attempt, epoch, _ in epochs] == [
        (number, attempt, epoch)
        for number in (0, 1)
        for attempt, steps in ((1, range(1, 6)), (2, range(5, 9)))
        for epoch in steps
    ]
    assert len({seed for number, *_, seed in epochs if number == 0}) == 1, "the seed differs between attempts"
    for trial in real.trials("resumed"):
        assert (trial["state"], len(trial["attempts"]), trial["last_step"]) == ("complete", 2, 8)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_result_that_is_not_finite_fails_the_trial_and_not_the_script(real: Hone, value: str) -> None:
    script = f"import hone, os; hone.report(1, loss=float({value!r})); open(os.environ['WITNESS'], 'a').write('end\\n')"
    real.run("run", real.study("bad", script, search="max_trials = 1"), code=5)
    assert real.witness() == ["end"]
    trial = real.json("trial", "show", "bad/0")
    assert trial["state"] == "failed"
    assert {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[value] in str(trial["end"]) + str(trial["attempts"])


def test_an_uncaught_pruned_ends_the_trial_as_pruned_and_says_nothing(real: Hone) -> None:
    script = "import hone\nfor step in range(1, 10):\n    hone.trial().report_or_stop(step, loss=5)\nprint('end')"
    search = 'max_trials = 1\npruner = { kind = "threshold", upper = 4 }'
    real.run("run", real.study("quiet", script, search=search), code=5)
    trial = real.json("trial", "show", "quiet/0")
    assert (trial["state"], trial["last_step"]) == ("pruned", 1)
    assert real.run("trial", "logs", "quiet/0") == ""


def test_a_preempted_trial_leaves_a_checkpoint_and_goes_on_from_it(real: Hone) -> None:
    folder = real.study("moved", PREEMPTED, search="max_trials = 1")
    first = real.start("run", folder)
    wait_until(lambda: real.witness() == ["begins"])
    os.killpg(first.pid, signal.SIGINT)
    assert first.wait(LIMIT_S) == 130
    first.communicate()
    real.run("run", folder)
    assert real.witness() == ["begins", "goes on"]
    trial = real.json("trial", "show", "moved/0")
    assert (trial["state"], len(trial["attempts"])) == ("complete", 2)


def test_the_metrics_of_a_real_trial_arrive_bit_by_bit(real: Hone) -> None:
    script = "import hone\nhone.report(3, loss=0.1 + 0.2, other=5e-324)\n"
    real.run("run", real.study("exact", script, search="max_trials = 1"))
    assert real.trials("exact")[0]["values"] == [0.1 + 0.2]


def test_the_folders_of_a_trial_are_its_workers(real: Hone, place: Path) -> None:
    script = "import hone\nt = hone.trial()\nassert not t.by_hand\nprint(t.output_dir)\nt.report(loss=1)\n"
    real.run("run", real.study("places", script, search="max_trials = 1"))
    assert real.run("trial", "logs", "places/0").strip().endswith("output")


def test_what_a_run_by_hand_leaves_is_no_part_of_the_source(real: Hone) -> None:
    script = "import hone, os\nt = hone.trial()\n(t.output_dir / 'big').write_text('x')\nt.report(loss=1)\n"
    script += "print(*(name for _, _, files in os.walk(os.environ.get('HONE_SOURCE', '.')) for name in files))\n"
    folder = Path(real.study("clean", script, search="max_trials = 1"))
    subprocess.run([sys.executable, "train.py"], cwd=folder, check=True, timeout=LIMIT_S)
    assert (folder / "hone-output" / "output" / "big").exists()
    real.run("run", str(folder))
    assert sorted(real.run("trial", "logs", "clean/0").split()) == ["train.py"]
