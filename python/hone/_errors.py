"""What may go wrong in a trial, and the two quiet ways to end one."""


class HoneError(RuntimeError):
    """The worker is gone, or has refused what it was told; the message says which."""


class Stop(SystemExit):
    """The trial shall end here.

    An exit with code 0: where nobody catches it, the process ends quietly, and Hone knows why. No `except Exception` of
    a library swallows it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(0)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Pruned(Stop):
    """Further steps of this trial are not wanted: its pruner has ended it."""


class Preempted(Stop):
    """The trial has to make room and will go on later, from its last checkpoint."""
