"""What must happen in a child after a fork."""

import weakref
from collections.abc import Callable


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """A call of this bound method for as long as its object lives; hooks of a fork are never taken away again."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call
