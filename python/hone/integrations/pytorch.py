"""PyTorch: checkpoints of everything that has a `state_dict`, and one report for all ranks."""

from typing import Any, SupportsFloat

import torch
from torch import distributed

from .. import Trial

FILE = "training.pt"


def save(trial: Trial, step: int, **parts: Any) -> None:
    """Saves a checkpoint after `step`: `save(trial, epoch, model=model, optimizer=optimizer)`.

    Parts are anything with a `state_dict`. The states of the random generators are saved too, so that a training that
    goes on draws what it would have drawn. With several ranks the first one saves.
    """
    if _rank() > 0:
        return
    state = {name: part.state_dict() for name, part in parts.items()}
    random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
    with trial.save_checkpoint(step) as folder:
        torch.save({"step": step, "random": random, "parts": state}, folder / FILE)


def restore(trial: Trial, **parts: Any) -> int:
    """Loads the last checkpoint into these parts and returns its step; 0 where there is none."""
    file = trial.checkpoint_dir / FILE
    if not file.exists():
        return 0
    # Version 1 reads no numbers in the safe way. The file is of this script's own making.
    saved = torch.load(file, map_location="cpu", weights_only=not torch.__version__.startswith("1."))
    for name, part in parts.items():
        part.load_state_dict(saved["parts"][name])
    torch.set_rng_state(saved["random"]["cpu"])
    if len(saved["random"]["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(saved["random"]["cuda"])
    return int(saved["step"])


def report(trial: Trial, step: int, **metrics: SupportsFloat) -> bool:
    """Reports from the first rank and tells every rank whether to stop; all ranks have to call it."""
    verdict = [_rank() == 0 and trial.report(step, **metrics)]
    if distributed.is_available() and distributed.is_initialized():
        distributed.broadcast_object_list(verdict, src=0)
    return verdict[0]


def _rank() -> int:
    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0
