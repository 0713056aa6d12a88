"""A connection to a coordinator from an event loop."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from hone.client import _calls
from hone.client._client import LEASE_S, RETRY_FOR_S, creation
from hone.client._place import wanted
from hone.client._records import StudyRecord
from hone.client._spec import Shortcuts, Spec
from hone.client._wire import Call

from ._leases import Leases
from ._study import Study
from ._transport import Transport


async def connect(
    address: str | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    insecure_plaintext: bool = False,
    retry_for: float = RETRY_FOR_S,
    lease: float = LEASE_S,
) -> "Client":
    """Connects to a coordinator, or starts one; the arguments are those of `hone.connect`."""
    choice = wanted(address, data, token, ca, insecure_plaintext, os.environ)
    return Client(await Transport.connect(choice, retry_for), lease)


class Client:
    """A connection of one event loop; `connect` makes one. Ends with its `async with`, or with `close`."""

    def __init__(self, transport: Transport, lease: float) -> None:
        self._transport = transport
        self._leases = Leases(transport, lease)

    def __repr__(self) -> str:
        return f"<hone.aio.Client of `{self._transport.shown}`>"

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def address(self) -> str:
        """Where the coordinator is."""
        return self._transport.shown

    async def close(self) -> None:
        """Ends the connection; a coordinator that was started for it ends with its last user."""
        await self._leases.close()
        await self._transport.close()

    async def create_study(
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
        """Makes a study; the arguments are those of `hone.Client.create_study`."""
        shortcuts = Shortcuts(direction, directions, metric, metrics, sampler, pruner, seed, max_trials, space)
        return await self._study(creation(spec, name, load_if_exists, shortcuts))

    async def study(self, name: str = "last") -> Study:
        """The study of that name or id; the one that was made last unless it is named."""
        return await self._study(_calls.get_study(name))

    async def studies(self) -> list[Study]:
        """All studies, oldest first."""
        records = await self._transport.call(_calls.list_studies())
        return [Study(self._transport, self._leases, record) for record in records]

    async def remove_study(self, name: str, *, force: bool = False) -> None:
        """Removes a study with all its trials; with `force` also one that is not finished."""
        await self._transport.call(_calls.remove_study(name, force))

    async def _study(self, call: Call[StudyRecord]) -> Study:
        return Study(self._transport, self._leases, await self._transport.call(call))
