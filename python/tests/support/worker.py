"""A worker that a test plays: a real Unix socket, with the real protocol."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hone import Trial

Line = dict[str, Any]
#: The answer to a line; `None`: none at all, text: as it is, no text: the end of the connection.
Answer = Line | str | None
GO_ON: Line = {"ok": True, "prune": False}
PRUNE: Line = {"ok": True, "prune": True}


class PlayedWorker:
    """Listens until `close`, notes what it is told, and answers by `answer`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "socket"
        #: What was told, with the number of the connection, from 0.
        self.told: list[tuple[int, Line]] = []
        self.answer: Callable[[Line], Answer] = lambda line: GO_ON
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def lines(self) -> list[Line]:
        """What was told, on whichever connection."""
        return [line for _, line in self.told]

    def environment(self, **others: str) -> dict[str, str]:
        """The variables of a trial of this worker."""
        return {"HONE_SOCKET": str(self.path), "HONE_PARAMS": "{}", **others}

    def trial(self, **others: str) -> Trial:
        """A trial of this worker."""
        return Trial(self.environment(**others), {})

    def close(self) -> None:
        """Listens no more; who is connected stays so."""
        self._listener.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(number, connection), daemon=True).start()
            number += 1

    def _converse(self, number: int, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for text in lines:
                line = json.loads(text)
                self.told.append((number, line))
                answer = self.answer(line)
                if answer == "":
                    return
                if answer is None:
                    # As with the real one, nothing more is heard on this connection.
                    lines.read()
                    return
                connection.sendall((answer if isinstance(answer, str) else json.dumps(answer) + "\n").encode())
