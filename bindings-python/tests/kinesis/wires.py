"""What a connection meets: nobody, somebody who says nothing, or a line that goes dead."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit


def nobody() -> str:
    """Where nobody listens: free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return _url(server)


def _url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


class Listener:
    """Takes connections and says nothing."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = _url(self._server)
        #: How many connections there were.
        self.opened = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, run: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return  # Closed.
            self._sockets.append(connection)
            self.opened += 1
            self.connected(connection)

    def connected(self, connection: socket.socket) -> None:
        pass

    def close(self) -> None:
        for one in [self._server, *self._sockets]:
            _shut(one)
        for thread in list(self._threads):
            thread.join(10)
        for one in [self._server, *self._sockets]:
            one.close()


class Line(Listener):
    """Passes connections on, until they lie dead: then nothing goes through those there are, as after a long freeze."""

    def __init__(self, to: str) -> None:
        address = urlsplit(to)
        self._to = (str(address.hostname), int(address.port or 0))
        self._dead: set[socket.socket] = set()
        super().__init__()

    def kill(self) -> None:
        self._dead.update(self._sockets)

    def connected(self, connection: socket.socket) -> None:
        onwards = socket.create_connection(self._to)
        self._sockets.append(onwards)
        for one, other in ((connection, onwards), (onwards, connection)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._pass, one, other)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if one not in self._dead:
                    other.sendall(data)
        except OSError:
            pass  # The other side ended it.
        _shut(other)


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # It is shut already.
