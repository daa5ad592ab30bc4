"""A server without sockets: calls an ASGI application with one request, and takes what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from snowmelt.http import CacheMiddleware

#: No test waits longer for a response.
LIMIT = 20

Handler = Callable[[Any, Any, Any], Awaitable[None]]


class Response:
    """What a client got."""

    def __init__(self, messages: Sequence[Any]) -> None:
        self.messages = messages
        starts = [message for message in messages if message["type"] == "http.response.start"]
        assert len(starts) == 1, messages
        self.status: int = starts[0]["status"]
        self.fields = [(bytes(name).decode(), bytes(value).decode("latin-1")) for name, value in starts[0]["headers"]]
        self.body = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")

    def __getitem__(self, name: str) -> str:
        (value,) = [value for found, value in self.fields if found.lower() == name]
        return value

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found.lower() == name]

    @property
    def how(self) -> str:
        return self["x-cache"]


class Client:
    """One client, and the connection of one request."""

    def __init__(self, app: Any, method: str = "GET", target: str = "/", headers: Any = (), body: bytes = b"", **scope: Any) -> None:
        path, _, query = target.partition("?")
        fields = [(b"host", b"shop.example"), *((name.encode(), value.encode("latin-1")) for name, value in dict(headers).items())]
        if body:
            fields.append((b"content-length", str(len(body)).encode()))
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": fields,
            **scope,
        }
        self._app = app
        half = len(body) // 2
        self._parts = [body[:half], body[half:]] if half else [body]
        self.messages: list[Any] = []
        #: Set when the client goes away.
        self.gone = asyncio.Event()
        #: Cleared while the client takes nothing.
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> Any:
        if self._parts:
            return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.messages.append(message)

    async def ask(self) -> Response:
        await asyncio.wait_for(self._app(self.scope, self.receive, self.send), LIMIT)
        return Response(self.messages)


async def ask(app: Any, target: str = "/", method: str = "GET", **more: Any) -> Response:
    return await Client(app, method, target, **more).ask()


class Origin:
    """An application that counts its calls, and answers what it is told to."""

    def __init__(self, body: bytes = b"hello", status: int = 200, **headers: str) -> None:
        self.calls = 0
        self.seen: list[Any] = []
        self.bodies: list[bytes] = []
        self.status = status
        self.headers = {"content-type": "text/plain", **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.body = body
        #: Cleared while a call does not go on.
        self.goes = asyncio.Event()
        self.goes.set()
        self.raises: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.calls += 1
        number = self.calls
        self.seen.append(scope)
        self.bodies.append(await _body(receive))
        await asyncio.wait_for(self.goes.wait(), LIMIT)
        if self.raises is not None:
            raise self.raises
        fields = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": fields})
        await send({"type": "http.response.body", "body": self.body + b" %d" % number})

    def header(self, name: str) -> str | None:
        """What the last request said."""
        found = [value.decode() for key, value in self.seen[-1]["headers"] if key == name.encode()]
        return found[0] if found else None


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


def cached(origin: Any, cache: Any, **options: Any) -> CacheMiddleware:
    return CacheMiddleware(origin, cache=cache, **options)
