"""Lambda's proxy events and results: API Gateway's REST APIs (1.0), its HTTP APIs and function URLs (2.0), and load balancers.

What is not told in words of HTTP there: the query of a REST API comes decoded, that of a load balancer as it was sent. A load
balancer has either single headers or lists of them, as its target group is set, and wants the same back.
"""

from __future__ import annotations

from binascii import a2b_base64

from .. import _snowmelt
from .._errors import SnowmeltError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Fields = list[tuple[str, str]]

#: What percent-encoding leaves as it is, and in a path.
_UNRESERVED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~"
_IN_PATHS = _UNRESERVED + "/:@!$&'()*+,;="


class Event:
    """An HTTP request that came as an event."""

    __slots__ = ("_render", "event", "mapping", "request")

    def __init__(
        self,
        event: Any,
        request: _snowmelt.HttpRequest,
        render: Callable[[Fields], dict[str, Any]],
        mapping: str | None = None,
    ) -> None:
        self.event = event
        #: What the URL says beside the request's parts, as its sender does not show it.
        self.mapping = mapping
        self.request = request
        self._render = render

    def result(self, status: int, fields: Fields, body: str, base64: bool, others: dict[str, Any] | None = None) -> dict[str, Any]:
        """A result in the form that the event's sender takes. ``others`` is what else the handler said in its own."""
        kept = {name: each for name, each in (others or {}).items() if name not in _OF_RESULTS}
        return {**kept, "statusCode": status, **self._render(fields), "body": body, "isBase64Encoded": base64}

    def without(self, names: tuple[str, ...]) -> Any:
        """The event without these headers."""
        event = dict(self.event)
        for part in ("headers", "multiValueHeaders"):
            if event.get(part):
                event[part] = {name: each for name, each in event[part].items() if name.lower() not in names}
        return event


#: What results say of HTTP.
_OF_RESULTS = ("statusCode", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded")


def read(event: Any) -> Event | None:
    """None for an event that is none of HTTP, or not as its sender makes them: it is the handler's."""
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return None
    try:
        if event.get("version") == "2.0" and "http" in context:
            return _second(event, context)
        if "httpMethod" in event:
            return _first(event, context)
    except (SnowmeltError, AttributeError, LookupError, TypeError, ValueError):
        pass
    return None


def _second(event: Any, context: Any) -> Event:
    fields = [(name, str(value)) for name, value in (event.get("headers") or {}).items()]
    if event.get("cookies"):
        fields.append(("cookie", "; ".join(event["cookies"])))
    host = _field(fields, "host") or context.get("domainName") or ""
    query = event.get("rawQueryString") or None
    request = _snowmelt.HttpRequest(
        context["http"]["method"], _scheme(fields), host, _path(event.get("rawPath") or "/", context), query, fields
    )
    # The path of a domain's own mapping is cut off: two of them may lead to this function.
    is_mapped = "domainPrefix" in context and context["domainPrefix"] != context.get("apiId")
    mapping = f"{context.get('apiId')}/{context.get('stage')}" if is_mapped else None
    return _with_body(Event(event, request, _render_second, mapping))


def _first(event: Any, context: Any) -> Event:
    by_balancer = "elb" in context
    several = event.get("multiValueHeaders")
    if several:
        fields = [(name, str(value)) for name, values in several.items() for value in values]
    else:
        fields = [(name, str(value)) for name, value in (event.get("headers") or {}).items()]
    host = _field(fields, "host") or context.get("domainName") or ""
    path = event.get("path") or "/"
    asked_for = context.get("path")
    if isinstance(asked_for, str) and asked_for.endswith(path):
        path = asked_for  # It begins with the stage.
    request = _snowmelt.HttpRequest(event["httpMethod"], _scheme(fields), host, _path(path, context), _query(event, by_balancer), fields)
    if not by_balancer:
        return _with_body(Event(event, request, _render_first))
    return _with_body(Event(event, request, _render_several if several else _render_single))


def _with_body(event: Event) -> Event:
    body = event.event.get("body")
    if body:
        event.request.body_read(a2b_base64(body) if event.event.get("isBase64Encoded") else body.encode())
    return event


def _field(fields: Fields, wanted: str) -> str | None:
    return next((value for name, value in fields if name.lower() == wanted), None)


def _scheme(fields: Fields) -> str:
    return (_field(fields, "x-forwarded-proto") or "https").partition(",")[0].strip()


def _quoted(text: str, plain: str) -> str:
    # (Nothing remains where all is plain; importing `urllib` takes longer than all of this package.)
    if not text.strip(plain):
        return text
    from urllib.parse import quote

    return quote(text, safe=plain)


def _path(path: str, context: Any) -> str:
    # A gateway decodes paths, so that a percent sign is one; a load balancer and a function URL do not.
    domain = str(context.get("domainName")).split(".")
    is_as_sent = "elb" in context or (domain[1:2] == ["lambda-url"] and domain[3:] == ["on", "aws"])
    return _quoted(path, _IN_PATHS + "%" if is_as_sent else _IN_PATHS)


def _query(event: Any, is_as_sent: bool) -> str | None:
    several = event.get("multiValueQueryStringParameters")
    if several:
        pairs = [(name, value) for name, values in several.items() for value in values]
    else:
        pairs = list((event.get("queryStringParameters") or {}).items())
    if not pairs:
        return None
    if is_as_sent:
        return "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(f"{_quoted(name, _UNRESERVED)}={_quoted(value, _UNRESERVED)}" for name, value in pairs)


class Result:
    """A handler's result, read as a response."""

    __slots__ = ("base64", "body", "fields", "given", "status")

    def __init__(self, given: dict[str, Any], status: int, fields: Fields, body: str, base64: bool) -> None:
        self.given = given
        self.status = status
        self.fields = fields
        self.body = body
        self.base64 = base64

    def bytes(self) -> bytes:
        """The body."""
        return a2b_base64(self.body) if self.base64 else self.body.encode()


def read_result(event: Event, given: Any) -> Result | None:
    """None for what is no response: its taker says what it thinks of that."""
    try:
        if isinstance(given, dict) and "statusCode" in given:
            return _read_whole(given)
        if given is not None and event._render is _render_second:
            return _inferred(given)
    except (AttributeError, TypeError, ValueError):
        pass
    return None


def _read_whole(given: dict[str, Any]) -> Result | None:
    fields = [(name, _text(value)) for name, values in (given.get("multiValueHeaders") or {}).items() for value in values]
    named = {name.lower() for name, _ in fields}
    fields += [(name, _text(value)) for name, value in (given.get("headers") or {}).items() if name.lower() not in named]
    fields += [("set-cookie", cookie) for cookie in given.get("cookies") or ()]
    body, base64 = given.get("body"), bool(given.get("isBase64Encoded"))
    if body is None:
        body = ""
    status = int(given["statusCode"])
    if not isinstance(body, str) or not 100 <= status <= 999:
        return None
    return Result(given, status, fields, body, base64)


def _inferred(given: Any) -> Result:
    """What the second format takes a result without a status for."""
    import json

    body = given if isinstance(given, str) else json.dumps(given)
    return Result({}, 200, [("content-type", "application/json")], body, False)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _by_name(fields: Fields) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for name, value in fields:
        by_name.setdefault(name, []).append(value)
    return by_name


def _render_first(fields: Fields) -> dict[str, Any]:
    by_name = _by_name(fields)
    rendered: dict[str, Any] = {"headers": {name: values[0] for name, values in by_name.items() if len(values) == 1}}
    several = {name: values for name, values in by_name.items() if len(values) > 1}
    if several:
        rendered["multiValueHeaders"] = several
    return rendered


def _render_second(fields: Fields) -> dict[str, Any]:
    by_name = _by_name(fields)
    cookies = by_name.pop("set-cookie", None)
    rendered: dict[str, Any] = {"headers": {name: ", ".join(values) for name, values in by_name.items()}}
    if cookies:
        rendered["cookies"] = cookies
    return rendered


def _render_several(fields: Fields) -> dict[str, Any]:
    return {"multiValueHeaders": _by_name(fields)}


def _render_single(fields: Fields) -> dict[str, Any]:
    # (There is no way to say several cookies.)
    return {"headers": {name: values[-1] if name == "set-cookie" else ", ".join(values) for name, values in _by_name(fields).items()}}
