"""The messages that are checked in are those of the protocol."""

import hashlib

from .support.real import REPOSITORY


def test_the_generated_messages_are_up_to_date() -> None:
    lines = (REPOSITORY / "python" / "messages.sha256").read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        digest, name = line.split()
        source = (REPOSITORY / "proto" / name).read_bytes()
        assert hashlib.sha256(source).hexdigest() == digest, f"`{name}` has changed; run `python/generate`"
