"""A real coordinator that speaks Optuna's storage protocol."""

import os
import re
import signal

from optuna.storages import GrpcStorageProxy

from .real import Hone


class Server:
    """`hone serve --optuna`, on ports that the system chooses; the second start takes the first one's."""

    def __init__(self, hone: Hone) -> None:
        self.hone = hone
        self.port = 0
        self.start()

    def start(self) -> None:
        self.process = self.hone.start("serve", "--listen", "127.0.0.1:0", "--optuna", f"127.0.0.1:{self.port}")
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"Optuna's storage protocol is served on 127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError("the server has ended")

    def end(self, how: signal.Signals) -> None:
        os.kill(self.process.pid, how)
        self.process.communicate(timeout=60)

    @property
    def url(self) -> str:
        return f"hone://127.0.0.1:{self.port}"

    def storage(self) -> GrpcStorageProxy:
        storage = GrpcStorageProxy(host="127.0.0.1", port=self.port)
        storage.wait_server_ready(timeout=30)
        return storage
