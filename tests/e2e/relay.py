"""A relay in front of a server, which can be closed and opened again to simulate a network."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """A relay that passes bytes between connections to ``port`` and a server on this machine."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.port = 0

    def open(self) -> None:
        """Listen, on the same port as before if the relay was open before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Cut every connection, and refuse new ones."""
        if self._listener:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._pairs.append((client, server))
                threading.Thread(target=_pass, args=(client, server), daemon=True).start()


def _pass(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes in both directions until either side closes."""
    other = {client: server, server: client}
    with client, server, suppress(OSError):
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(65_536)
                if not data:
                    return
                other[ready].sendall(data)


@contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    """Run a relay to the server of a URL while the block runs."""
    relay = Relay(int(url.rsplit(":", 1)[1]))
    relay.open()
    yield relay
    relay.close()
