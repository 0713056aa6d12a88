"""What may go wrong between a program and its coordinator."""

from collections.abc import Mapping
from typing import Final

from hone._errors import HoneError

#: Between the message and the way out, in what a coordinator answers.
HINT: Final = "\nhint: "


class NotFound(HoneError):
    """There is no such study or trial."""


class AlreadyExists(HoneError):
    """The name is taken."""


class Invalid(HoneError):
    """A study file, a parameter or a value is malformed; the message says where."""


class Refused(HoneError):
    """Not possible in the present state: the study is paused or finished, or the trial has ended."""


class NotPermitted(HoneError):
    """The coordinator wants another credential."""


class Unreachable(HoneError):
    """The coordinator did not answer for as long as the client was willing to wait."""


class LeaseLost(Refused):
    """The trial is no longer this client's: its lease ran out, or somebody ended it."""


class NoTrial(HoneError):
    """There is no trial to run at the moment; the message says why."""


class StudyOver(NoTrial):
    """No trial will come any more: the budget is used, or the study was stopped."""


#: Names of gRPC's codes; a coordinator says what they mean in `coordinator/src/convert/status.rs`.
_KINDS: Final[Mapping[str, type[HoneError]]] = {
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "INVALID_ARGUMENT": Invalid,
    "FAILED_PRECONDITION": Refused,
    "ABORTED": Refused,
    "UNAUTHENTICATED": NotPermitted,
    "PERMISSION_DENIED": NotPermitted,
    "UNAVAILABLE": Unreachable,
    "DEADLINE_EXCEEDED": Unreachable,
}


def refusal(code: str, message: str) -> HoneError:
    """The error of a status: its message, and the way out behind a semicolon; several lines stay as they are."""
    kind = _KINDS.get(code, HoneError)
    if code == "UNIMPLEMENTED":
        return HoneError("the coordinator does not know this call; upgrade it to the version of this package")
    message = message if message.count("\n") > 1 else message.replace(HINT, "; ")
    return kind(message or f"the coordinator answered {code} without a word")
