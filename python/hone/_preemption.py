"""The request to make room: SIGTERM, turned into a flag where the trial has asked for that."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from ._errors import HoneError


class Preemption:
    """Whether this process was asked to end.

    Without `watch`, and in forked children, SIGTERM does what it always did.
    """

    def __init__(self) -> None:
        self.requested = False
        #: Readable from the request on, so that waiting for an answer can end; `None` while nobody watches.
        self.alarm: int | None = None

    def watch(self) -> None:
        """Takes SIGTERM over, once; a handler that was there before is called too."""
        if self.alarm is not None:
            return
        if threading.current_thread() is not threading.main_thread():
            raise HoneError("`handle_preemption` works in the main thread only; call `hone.trial` there first")
        self.alarm, bell = os.pipe()
        os.set_blocking(bell, False)
        before = signal.getsignal(signal.SIGTERM)

        def on_term(number: int, frame: FrameType | None) -> None:
            self.requested = True
            with contextlib.suppress(OSError):
                os.write(bell, b"!")
            if callable(before):
                before(number, frame)

        def restore() -> None:
            self.alarm, self.requested = None, False
            if signal.getsignal(signal.SIGTERM) is on_term:
                signal.signal(signal.SIGTERM, before)

        signal.signal(signal.SIGTERM, on_term)
        _in_children(restore)


def _in_children(restore: Callable[[], None]) -> None:
    """Calls this in every forked child before the first SIGTERM reaches it.

    A process that ends its children by SIGTERM, as pools do, must still be able to, from their first moment on: the
    signal is held back over the fork.
    """
    held = threading.local()

    def hold() -> None:
        held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held.mask)

    def begin() -> None:
        restore()
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=begin)
