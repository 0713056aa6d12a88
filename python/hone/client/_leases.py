"""Renewing leases in the background."""

import contextlib
import threading
from collections.abc import Sequence

from hone._errors import HoneError

from ._held import Held, Holdable
from ._transport import Transport


class Leases:
    """A thread that renews, from the first trial until the client is closed."""

    def __init__(self, transport: Transport, lease_s: float) -> None:
        self.held = Held(lease_s)
        self._transport = transport
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, trials: Sequence[Holdable]) -> None:
        """Keeps the leases of these from now on."""
        self.held.add(trials)
        with self._lock:
            if self._thread is None and trials:
                self._thread = threading.Thread(target=self._run, name="hone-leases", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Renews no more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        interval = self.held.interval_s
        while not self._closed.wait(interval):
            call = self.held.renewal()
            if call is None:
                continue
            # Whoever asks next meets the same trouble and says so; a lease outlives a renewal that fails.
            with contextlib.suppress(HoneError):
                self.held.over(self._transport.call(call, retry_for_s=interval))
