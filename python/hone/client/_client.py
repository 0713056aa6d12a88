"""A connection to a coordinator."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from hone._errors import HoneError

from . import _calls
from ._leases import Leases
from ._place import Wanted, wanted
from ._records import StudyRecord
from ._spec import Shortcuts, Spec, study_text
from ._study import Study
from ._transport import Transport
from ._wire import Call

#: A coordinator that restarts is waited for so long, in seconds.
RETRY_FOR_S = 300.0
#: How long a trial of a client that has vanished is kept for it, in seconds.
LEASE_S = 60.0


def connect(
    address: str | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    insecure_plaintext: bool = False,
    retry_for: float = RETRY_FOR_S,
    lease: float = LEASE_S,
) -> "Client":
    """Connects to a coordinator, and starts one on this machine where none is named and none holds the data folder.

    `address` is `HOST:PORT` or `unix:PATH`. Without it: `HONE_SERVER`, else whoever holds `data`, which is `HONE_DATA`
    or the platform's folder unless it is given. Beyond this machine `ca`, else `HONE_CA`, is the file of the authority
    that vouches for the coordinator, and `token`, else `HONE_TOKEN`, its client token.

    A coordinator that went away is waited for, `retry_for` seconds each time. A trial that this client holds waits for
    another one when `lease` seconds have passed without a sign of life.
    """
    return Client(wanted(address, data, token, ca, insecure_plaintext, os.environ), retry_for, lease)


class Client:
    """A connection that any thread may use; `connect` makes one. Ends with its block, or with `close`."""

    def __init__(self, choice: Wanted, retry_for: float, lease: float) -> None:
        self._transport = Transport(choice, retry_for)
        self._leases = Leases(self._transport, lease)

    def __repr__(self) -> str:
        return f"<hone.Client of `{self._transport.shown}`>"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Where the coordinator is."""
        return self._transport.shown

    def close(self) -> None:
        """Ends the connection; a coordinator that was started for it ends with its last user."""
        self._leases.close()
        self._transport.close()

    def create_study(
        self,
        spec: Spec | None = None,
        *,
        name: str | None = None,
        load_if_exists: bool = False,
        direction: str | None = None,
        directions: Sequence[str] | None = None,
        metric: str | None = None,
        metrics: Sequence[str] | None = None,
        sampler: str | Mapping[str, Any] | None = None,
        pruner: str | Mapping[str, Any] | None = None,
        seed: int | None = None,
        max_trials: int | None = None,
        space: Mapping[str, Any] | None = None,
    ) -> Study:
        """Makes a study from a dictionary, the text of a study file, or the path of one; the keywords say the usual.

        One without `trial` is run by programs like this one; without `space` too, where trials choose their parameters
        as they run. One with `trial` is run by workers. With `load_if_exists` a study of that name is taken as it is.
        """
        shortcuts = Shortcuts(direction, directions, metric, metrics, sampler, pruner, seed, max_trials, space)
        return self._study(creation(spec, name, load_if_exists, shortcuts))

    def study(self, name: str = "last") -> Study:
        """The study of that name or id; the one that was made last unless it is named."""
        return self._study(_calls.get_study(name))

    def studies(self) -> list[Study]:
        """All studies, oldest first."""
        records = self._transport.call(_calls.list_studies())
        return [Study(self._transport, self._leases, record) for record in records]

    def remove_study(self, name: str, *, force: bool = False) -> None:
        """Removes a study with all its trials; with `force` also one that is not finished."""
        self._transport.call(_calls.remove_study(name, force))

    def _study(self, call: Call[StudyRecord]) -> Study:
        return Study(self._transport, self._leases, self._transport.call(call))


def creation(spec: Spec | None, name: str | None, load_if_exists: bool, shortcuts: Shortcuts) -> Call[StudyRecord]:
    """The call that makes a study: for workers where it says how to start a trial, else for clients."""
    study = study_text(spec, name, shortcuts)
    if not study.for_workers:
        return _calls.open_study(study.text, study.file, name, load_if_exists)
    if study.has_source:
        raise HoneError(
            "a study for workers has a source, which `hone study create` packs; use that,"
            ' or set `source = "none"` where every worker has the program already'
        )
    return _calls.create_study(study.text, study.file, name, load_if_exists)
