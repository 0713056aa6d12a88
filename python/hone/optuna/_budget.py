"""The end of a study whose budget is Hone's, as the end of a block."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

#: What the coordinator says where it makes no more trials. It answers a full disk with the same code.
_OVER = re.compile(r"the budget of \d+ trials is used up|the study is \w+: .+ is not possible")


@dataclass
class Ending:
    """Why a block has ended before its time."""

    #: What the coordinator said; `None`: the block has run to its end.
    reason: str | None = None


@contextlib.contextmanager
def within_budget() -> Iterator[Ending]:
    """Ends the block, without an error, when the coordinator that keeps the study makes no more trials.

    That is so when the budget is used, a rule of `[stop]` has ended the study, or somebody has stopped or paused it.
    """
    ending = Ending()
    try:
        yield ending
    except grpc.RpcError as error:
        message = error.details() or ""
        if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED or not _OVER.match(message):
            raise
        ending.reason = message
