"""Trials that know nothing of Hone: started through Hydra or argparse, followed through what tensorboardX writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from .support.real import Hone

#: Texts that Hydra's grammar or OmegaConf would take for something else, or apart.
TEXTS = [
    "adam", "two words", "it's", 'say "so"', "1e3", "7", "true", "null", "nan", "a,b=c", "[1]", "{a: b}", "f(x)",
    "größe", "${oc.env:HOME}", "\\${x}", "back\\slash\\", "\\'", "a\nb", " ", "", "~/x", "+a", "a:b#c",
]  # fmt: skip

HYDRA_PROGRAM = """
import json, os
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config):
    found = OmegaConf.to_container(config, resolve=True)
    for name, value in json.loads(os.environ["HONE_PARAMS"]).items():
        arrived = found
        for part in name.split("."):
            arrived = arrived[part]
        if name == "model":
            value = {"small": {"size": 8}, "big": {"size": 64}}[value]
        assert (type(arrived), arrived) == (type(value), value), (name, arrived, value)
    print("step 1: loss=%s" % found["optimizer"]["lr"])

main()
"""

ARGPARSE_PROGRAM = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--optimizer.lr", type=float)
parser.add_argument("--layers", type=int)
parser.add_argument("--text")
parser.add_argument("--big", type=lambda text: text == "true")
found = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
given = json.loads(os.environ["HONE_PARAMS"])
assert found == given and [type(found[name]) for name in given] == [type(value) for value in given.values()], found
print("step 1: loss=%s" % found["optimizer.lr"])
"""

#: The first value tells good trials from bad ones; a bad one goes on until it is ended.
TENSORBOARD_PROGRAM = """
import itertools, json, os, time
from tensorboardX import SummaryWriter
x = json.loads(os.environ["HONE_PARAMS"])["x"]
with SummaryWriter("logs/run") as writer:
    for step in itertools.count() if x > 0.5 else range(5):
        writer.add_scalar("val/loss", x * 10 - step / 10, step)
        writer.add_text("note", "no number", step)
        writer.flush()
        if x > 0.5:
            time.sleep(0.05)
"""

PARAMETERS = f"""
"optimizer.lr" = {{ float = [1e-7, 1.0] }}
layers = {{ int = [-5, 5] }}
text = {{ choice = {json.dumps(TEXTS)} }}
big = {{ bool = true }}
"""


def study(real: Hone, name: str, program: str, **parts: str) -> Path:
    """Writes a study; `parts` are its space, its trials to begin with, and more of `[search]` and `[trial]`."""
    folder = real.root / "studies" / name
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(program)
    (folder / "study.toml").write_text(
        f'name = "{name}"\n[objective]\nmetric = "loss"\ndirection = "minimize"\n'
        f'[search]\nsampler = "random"\nseed = 1\nparallel = 2\n{parts["search"]}\n[space]\n{parts["space"]}\n'
        f"[trial]\n{parts['trial']}\n{parts.get('enqueue', '')}\n"
    )
    return folder


def enqueued(text: str, number: int) -> str:
    """A trial to begin with, of numbers that are written in several ways."""
    rate = [1e-7, 1.0, 0.001, 0.25][number % 4]
    entry: dict[str, Any] = {"optimizer.lr": rate, "layers": number % 11 - 5, "big": number % 2 == 0, "text": text}
    return "[[enqueue]]\n" + "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in entry.items())


def check_complete(real: Hone, name: str, count: int) -> None:
    trials = real.trials(name)
    states = [trial["state"] for trial in trials]
    assert states == ["complete"] * count, real.run("trial", "logs", f"{name}/{states.index('failed')}")
    assert all(trial["values"] == [trial["params"]["optimizer.lr"]] for trial in trials)


def test_every_value_arrives_in_hydra_with_its_type(real: Hone) -> None:
    folder = study(
        real,
        "hydra",
        HYDRA_PROGRAM,
        search=f"max_trials = {len(TEXTS)}",
        space=PARAMETERS + 'model = { choice = ["small", "big"] }\n',
        trial='command = ["python", "train.py", "{overrides}", "hydra.output_subdir=null", "hydra.run.dir=."]\n'
        'metrics = "step {step}: {name}={value}"',
        enqueue="".join(enqueued(text, number) for number, text in enumerate(TEXTS)),
    )
    conf = folder / "conf"
    (conf / "model").mkdir(parents=True)
    (conf / "config.yaml").write_text(
        "defaults: [_self_, {model: small}]\noptimizer: {lr: 0}\nlayers: 0\ntext: ''\nbig: null\n"
    )
    (conf / "model/small.yaml").write_text("size: 8\n")
    (conf / "model/big.yaml").write_text("size: 64\n")
    real.run("run", str(folder))
    check_complete(real, "hydra", len(TEXTS))


def test_every_value_arrives_as_a_flag(real: Hone) -> None:
    folder = study(
        real,
        "flags",
        ARGPARSE_PROGRAM,
        search=f"max_trials = {len(TEXTS)}",
        space=PARAMETERS,
        trial='command = ["python", "train.py", "{flags}"]\nmetrics = "step {step}: {name}={value}"',
        enqueue="".join(enqueued(text, number) for number, text in enumerate(TEXTS)),
    )
    real.run("run", str(folder))
    check_complete(real, "flags", len(TEXTS))


def test_a_trial_is_followed_and_ended_through_its_event_file(real: Hone) -> None:
    folder = study(
        real,
        "events",
        TENSORBOARD_PROGRAM,
        search='max_trials = 2\npruner = { kind = "threshold", upper = 5.0 }',
        space="x = { float = [0, 1] }",
        trial='command = ["python", "train.py"]\ngrace = "100s"\n'
        'metrics_from = { tensorboard = "logs/**", names = { "val/loss" = "loss" } }',
        enqueue="[[enqueue]]\nx = 0.25\n[[enqueue]]\nx = 0.75\n",
    )
    real.run("run", str(folder))
    good, bad = real.trials("events")
    assert (good["state"], good["last_step"]) == ("complete", 4), good
    assert good["values"] == pytest.approx([2.1])
    assert bad["state"] == "pruned", bad
