"""A trial as its script sees it."""

import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

from ._artifact import copy_into
from ._channel import Channel, Printer, Worker
from ._checkpoint import replacement
from ._errors import HoneError, Preempted, Pruned
from ._local import local_folder
from ._params import Params, read_params
from ._preemption import Preemption
from ._reported import read_step, read_values


class Trial:
    """One trial: its parameters, and what it tells Hone.

    `hone.trial()` makes the one of this process.
    """

    def __init__(self, environment: Mapping[str, str], defaults: Mapping[str, Any]) -> None:
        self._environment = dict(environment)
        self._preemption = Preemption()
        self._pruned = False
        self._looked_for_checkpoint = False
        path = environment.get("HONE_SOCKET")
        self._channel: Channel = Worker(path, self._preemption) if path else Printer()
        self._params = read_params(environment.get("HONE_PARAMS"), {} if path else defaults)

    def __repr__(self) -> str:
        return f"<hone.Trial {self.number} of `{self.study}`, attempt {self.attempt}: {dict(self.params)}>"

    @property
    def params(self) -> Params:
        """The parameters that exist in this trial, by name."""
        return self._params

    @property
    def study(self) -> str:
        """The study's name; empty by hand."""
        return self._environment.get("HONE_STUDY", "")

    @property
    def number(self) -> int:
        """The trial's number in the study, from 0; 0 by hand."""
        return self._whole("HONE_TRIAL", 0)

    @property
    def attempt(self) -> int:
        """How often this trial was started, from 1."""
        return self._whole("HONE_ATTEMPT", 1)

    @property
    def study_seed(self) -> int:
        """The study's seed, of 64 bits; 0 by hand."""
        return self._whole("HONE_SEED", 0)

    @property
    def seed(self) -> int:
        """A seed for this trial's own random numbers, below 2**32.

        Made of the study's seed and the trial's number: another one for each trial, the same in every attempt.
        """
        digest = hashlib.sha256(f"{self.study_seed}/{self.number}".encode()).digest()
        return int.from_bytes(digest[:4], "big")

    @property
    def by_hand(self) -> bool:
        """Whether there is no worker: reports are printed, and nothing is ever pruned."""
        return isinstance(self._channel, Printer)

    @property
    def output_dir(self) -> Path:
        """The folder whose files are kept with the trial; `hone-output/output` by hand."""
        return self._folder("HONE_OUTPUT", "output")

    @property
    def checkpoint_dir(self) -> Path:
        """The folder for checkpoints, with the last complete one in it; `hone-output/checkpoint` by hand."""
        folder = self._folder("HONE_CHECKPOINT", "checkpoint")
        if self.by_hand and not self._looked_for_checkpoint and any(folder.iterdir()):
            print(f"hone: going on from `{folder}`; remove it to start anew", file=sys.stderr, flush=True)
        self._looked_for_checkpoint = True
        return folder

    @property
    def pruned(self) -> bool:
        """Whether a report was answered by the end of the trial."""
        return self._pruned

    @property
    def preempted(self) -> bool:
        """Whether the trial was asked to make room; always false without `handle_preemption`."""
        return self._preemption.requested

    @property
    def stopped(self) -> bool:
        """Whether to end: pruned or preempted."""
        return self.pruned or self.preempted

    def report(self, step: SupportsIndex | None = None, **metrics: SupportsFloat) -> bool:
        """Reports values of one step, or final ones where there is no step. Returns whether to stop here.

        Values may be anything that `float` takes, NaN and infinities included. A name that is no Python name is given
        as `**{"val/loss": loss}`.

        Raises `HoneError` when the worker is gone or refuses the values.
        """
        self._pruned |= self._channel.report(read_step(step), read_values(metrics))
        return self.stopped

    def report_or_stop(self, step: SupportsIndex | None = None, **metrics: SupportsFloat) -> None:
        """Reports values as `report` does, and raises `Pruned` or `Preempted` when to stop.

        Where nobody catches them, the process ends with exit code 0.
        """
        self.report(step, **metrics)
        if self.pruned:
            raise Pruned(f"pruned after step {step}")
        if self.preempted:
            raise Preempted(f"preempted after step {step}")

    def checkpoint(self, step: SupportsIndex | None = None) -> None:
        """Says that `checkpoint_dir` holds a complete checkpoint, of this step. It may be written again afterwards."""
        self._channel.checkpoint(read_step(step))

    @contextmanager
    def save_checkpoint(self, step: SupportsIndex | None = None) -> Iterator[Path]:
        """Writes a checkpoint safely: `with trial.save_checkpoint(epoch) as folder:` and write into `folder`.

        At the end of the block the folder takes the place of the one before, as a whole, and Hone is told. On an
        exception the one before stays.
        """
        with replacement(self.checkpoint_dir) as folder:
            yield folder
        self.checkpoint(step)

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> Path:
        """Copies a file or a folder into `output_dir`, under its own name or `name`; returns where it is."""
        return copy_into(self.output_dir, path, name)

    def handle_preemption(self) -> None:
        """From now on SIGTERM sets `preempted` instead of ending this process; main thread only."""
        self._preemption.watch()

    def _whole(self, name: str, otherwise: int) -> int:
        text = self._environment.get(name)
        try:
            return int(text) if text else otherwise
        except ValueError:
            raise HoneError(f"{name} is `{text}`, not a whole number") from None

    def _folder(self, variable: str, name: str) -> Path:
        given = self._environment.get(variable)
        folder = Path(given) if given else local_folder() / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


_current: Trial | None = None
_current_lock = threading.Lock()


def trial(defaults: Mapping[str, Any] | None = None, *, handle_preemption: bool = False) -> Trial:
    """The trial that this process runs; the same one each time.

    `defaults` are the parameters of a script that is started by hand; the variable `HONE_PARAMS` overrides them, one by
    one. In a trial they are not looked at: a parameter that the study leaves out does not exist.

    With `handle_preemption` SIGTERM sets `preempted` instead of ending the process, so that the script can leave a
    checkpoint and end by itself. Otherwise signals are left alone.
    """
    global _current
    with _current_lock:
        if _current is None:
            _current = Trial(os.environ, defaults or {})
        elif defaults and _current.by_hand:
            _current.params.update({**defaults, **_current.params})
    if handle_preemption:
        _current.handle_preemption()
    return _current


def report(step: SupportsIndex | None = None, **metrics: SupportsFloat) -> bool:
    """`hone.trial().report(…)`: reports values and returns whether to stop."""
    return trial().report(step, **metrics)


def log_artifact(path: str | os.PathLike[str], name: str | None = None) -> Path:
    """`hone.trial().log_artifact(…)`: copies a file or a folder into the trial's outputs."""
    return trial().log_artifact(path, name)
