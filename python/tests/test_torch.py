"""The integrations with PyTorch; those with Keras and Lightning are for `python/test --torch`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .support.worker import GO_ON, PRUNE, Line, PlayedWorker

pytestmark = pytest.mark.torch

#: A regression with dropout, whose losses depend on the random generator's state; trains to epoch 6.
SCRIPT = """
import os, sys, torch, hone
from hone.integrations import pytorch
trial = hone.trial()
torch.manual_seed(trial.seed)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
x = torch.linspace(0, 1, 40).reshape(10, 4)
parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
for epoch in range(pytorch.restore(trial, **parts) + 1, 7):
    loss = (model(x).squeeze() - x.sum(1)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if pytorch.report(trial, epoch, loss=loss):
        break
    pytorch.save(trial, epoch, **parts)
    if str(epoch) == os.environ.get("END_AFTER"):
        os._exit(9)
"""

#: Two ranks on one machine; each says what it was told to do.
RANKS = """
import os, sys, torch, hone
from hone.integrations import pytorch
rank = int(sys.argv[1])
torch.distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
trial = hone.trial()
model = torch.nn.Linear(1, 1)
steps = []
for step in range(1, 9):
    steps.append(step)
    if pytorch.report(trial, step, loss=step):
        break
    pytorch.save(trial, step, model=model)
print(rank, steps)
torch.distributed.destroy_process_group()
"""


def start(worker: PlayedWorker, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Starts a script as a trial of this worker."""
    environment = {**os.environ, **worker.environment(**variables)}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def losses(worker: PlayedWorker) -> list[tuple[int, float]]:
    """Steps and losses, in order."""
    return [(line["step"], line["metrics"]["loss"]) for line in worker.lines if line["op"] == "report"]


def test_a_training_that_goes_on_has_the_losses_of_one_that_was_not_interrupted(
    worker: PlayedWorker, place: Path
) -> None:
    whole = start(worker, SCRIPT, HONE_CHECKPOINT=str(place / "whole"))
    assert whole.wait(300) == 0
    expected = losses(worker)
    worker.told.clear()
    assert start(worker, SCRIPT, HONE_CHECKPOINT=str(place / "parts"), END_AFTER="3").wait(300) == 9
    assert start(worker, SCRIPT, HONE_CHECKPOINT=str(place / "parts")).wait(300) == 0
    assert len(expected) == 6
    assert losses(worker) == expected


def test_the_first_rank_reports_and_saves_and_all_stop_together(worker: PlayedWorker, place: Path) -> None:
    def answer(line: Line) -> Line:
        return PRUNE if line["op"] == "report" and line["step"] == 3 else GO_ON

    worker.answer = answer
    variables = {"HONE_CHECKPOINT": str(place / "checkpoint")}
    ranks = [start(worker, RANKS, str(rank), str(place / "meet"), **variables) for rank in (0, 1)]
    said = [rank.communicate(timeout=300)[0] for rank in ranks]
    assert said == ["0 [1, 2, 3]\n", "1 [1, 2, 3]\n"]
    told = [(line["op"], line["step"]) for line in worker.lines]
    assert told == [("report", 1), ("checkpoint", 1), ("report", 2), ("checkpoint", 2), ("report", 3)]


def stop_at_2(worker: PlayedWorker) -> Any:
    """A trial that is pruned at step 2."""
    worker.answer = lambda line: PRUNE if line["step"] == 2 else GO_ON
    return worker.trial()


@pytest.mark.big
def test_keras_reports_each_epoch_and_ends_with_the_trial(worker: PlayedWorker) -> None:
    import keras
    import numpy as np

    from hone.integrations.keras import Report

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    x, y = np.ones((8, 2)), np.ones((8, 1))
    callback = Report(stop_at_2(worker), val_loss="val_loss")
    history = model.fit(x, y, epochs=5, validation_data=(x, y), callbacks=[callback], verbose=0).history
    reports = [(line["step"], line["metrics"]) for line in worker.lines]
    assert reports == [(epoch, {"val_loss": loss}) for epoch, loss in enumerate(history["val_loss"], 1)]
    assert len(reports) == 2


@pytest.mark.big
def test_lightning_reports_each_epoch_and_ends_with_the_trial(worker: PlayedWorker, place: Path) -> None:
    import lightning
    import torch

    from hone.integrations.lightning import Report

    class Module(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch[0]).square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.layer(batch[0]).square().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 2)))
    trainer = lightning.Trainer(
        max_epochs=5,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=place,
        callbacks=[Report(stop_at_2(worker), loss="val_loss")],
    )
    trainer.fit(Module(), data, data)
    reports = [(line["step"], list(line["metrics"])) for line in worker.lines]
    assert reports == [(1, ["loss"]), (2, ["loss"])]
    assert trainer.current_epoch == 2
