"""Renewing leases beside whatever else the event loop does."""

import asyncio
import contextlib
from collections.abc import Sequence

from hone._errors import HoneError
from hone.client._held import Held, Holdable

from ._transport import Transport


class Leases:
    """A task that renews, from the first trial until the client is closed."""

    def __init__(self, transport: Transport, lease_s: float) -> None:
        self.held = Held(lease_s)
        self._transport = transport
        self._task: asyncio.Task[None] | None = None

    def add(self, trials: Sequence[Holdable]) -> None:
        """Keeps the leases of these from now on."""
        self.held.add(trials)
        if self._task is None and trials:
            self._task = asyncio.create_task(self._run(), name="hone-leases")

    async def close(self) -> None:
        """Renews no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        interval = self.held.interval_s
        while True:
            await asyncio.sleep(interval)
            call = self.held.renewal()
            if call is None:
                continue
            # Whoever asks next meets the same trouble and says so; a lease outlives a renewal that fails.
            with contextlib.suppress(HoneError):
                self.held.over(await self._transport.call(call, retry_for_s=interval))
