"""A request, as the functions ``key`` and ``skip`` are given it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import _snowmelt


class Request:
    """A request, whatever it came through. It is only good while the function runs that was given it."""

    __slots__ = ("_request", "_source", "_style")

    def __init__(self, request: _snowmelt.HttpRequest, style: str, source: Any) -> None:
        self._request = request
        self._style = style
        self._source = source

    @property
    def method(self) -> str:
        """Such as "GET"."""
        return self._request.method

    @property
    def scheme(self) -> str:
        """Such as "https"."""
        return self._request.scheme

    @property
    def host(self) -> str:
        """What ``Host`` says, with the port if there is one."""
        return self._request.host

    @property
    def path(self) -> str:
        """As it was sent: percent-encoded, without the query."""
        return self._request.path

    @property
    def query(self) -> str | None:
        """What follows the question mark, as it was sent; None without one."""
        return self._request.query

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All header fields, in lower case; the characters of a value are its bytes."""
        return self._request.headers()

    @property
    def body(self) -> bytes | None:
        """The body, for ``key`` only and where the option ``key_body`` has it read."""
        return self._request.body

    @property
    def scope(self) -> Any:
        """ASGI's scope, with what other middleware left in it (``scope["user"]``); None in a Lambda function."""
        return self._source if self._style == "scope" else None

    @property
    def event(self) -> Any:
        """Lambda's event, with ``event["requestContext"]["authorizer"]``; None under ASGI."""
        return self._source if self._style == "event" else None

    def header(self, name: str) -> str | None:
        """The value of a header field, in any case; several ones with commas between them. None if it was not sent."""
        return self._request.header(name)
