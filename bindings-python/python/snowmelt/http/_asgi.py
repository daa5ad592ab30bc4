"""The middleware for ASGI: FastAPI, Starlette and others."""

from __future__ import annotations

from time import time

from .. import _snowmelt
from .._aio import rescue
from .._errors import SnowmeltError
from .._snowmelt import DUE, MISS
from ._capture import Capture
from ._flow import LED, fits, flow
from ._host import HOW, Host, now_ms
from ._page import NotShared, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    from typing_extensions import Unpack

    from .._cache import Cache
    from .._fetched import Fetched
    from ._options import Options

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: What a server offers that a collected response cannot use.
_NOT_COLLECTED = {"http.response.pathsend", "http.response.zerocopysend", "http.response.push", "http.response.early_hint"}


class CacheMiddleware:
    """ASGI middleware whose responses come out of a cache: ``app.add_middleware(CacheMiddleware, cache=cache, ttl=60)``.

    Requests that ask for the same thing at the same time share one call of the application, and its response answers the next
    ones until it is too old (RFC 9111, as a shared cache), or until one of its tags is invalidated. Requests that cannot be
    shared, responses that may not be, and those that are too long go through as they come. ``X-Cache`` and ``Cache-Status`` say
    how a response came about. A response with neither a time to live of its own (``Cache-Control: s-maxage``, ``max-age``) nor
    one of ``ttl`` is not shared.

    Anything that must happen for each request (CORS, sessions, logs) goes around it; with Starlette and FastAPI, what is added
    later is further out.

    ``cache`` is a ``snowmelt.Cache``; the weight of a page is its size in bytes. None stands for the default of any other option:

    What is asked for:

    - ``methods``: which are looked up: "GET", "HEAD", and with ``key_body`` also "POST" and "QUERY". Default GET and HEAD.
    - ``query``: "ordered": the query is a part of the key as it was sent; "sorted": whatever the order of the parameters' names.
      Default "ordered".
    - ``drop_query``: parameters that are no part of the key; "utm_*" stands for all that begin so. Default: none.
    - ``key_headers``: request headers that are a part of the key. Default: none. (Those that ``Vary`` names need not be here.)
    - ``key_body``: a size; bodies up to it are read ahead and are a part of the key; the application gets them all the same.
      Default: a request with a body goes to the application.
    - ``key``: a function ``(request) -> str | None``, a further part of the key: a tenant, a user. ``request`` is a
      ``snowmelt.http.Request``. Default: none.
    - ``skip``: a function ``(request) -> bool``; True lets the application answer this request alone. Default: none.
    - ``ignore_request_directives``: True does not let clients ask for new responses (``Cache-Control: no-cache``).
      Default False.
    - ``ignore_cookies``: True says that no response depends on a cookie. Default False: what is made for a request with cookies
      is shared only if it says itself for how long.
    - ``ignore_authorization``: True says that whoever gets this far may see what the others see. Default False: what is
      made for a request with ``Authorization`` is shared only if it says itself that it may be.

    What is stored:

    - ``ttl``: the time to live of responses that do not say it: a duration, one for each status
      ({200: 60, "4xx": 5, "default": "1m"}), or a function ``(status, headers) -> duration | None``; ``headers`` is a dict whose
      names are in lower case. Default: none.
    - ``max_body``: a size, the longest body that is stored. Longer ones stream through. Default 1 MiB.
    - ``body_timeout``: a duration; a body that is not whole so long after its head streams through. Default 2 s.
    - ``tag_headers``: the response headers that name tags. Default ``cache-tag`` and ``surrogate-key``.
    - ``send_tags``: True sends them on to clients. Default False.
    - ``store_5xx``: True stores server errors too, if they or ``ttl`` say for how long. Default False.
    - ``drop_headers``: response headers that are never stored, beside ``set-cookie``, ``access-control-*`` and the like.
      Default: none.
    - ``coalesce_only``: True shares a response with those who wait for it, and stores nothing. Default False.
    - ``invalidate_unsafe``: True invalidates what is stored of a URL after a POST, PUT, PATCH or DELETE of it. Default False.

    How old it may be:

    - ``stale_while_revalidate``, ``stale_if_error``: durations, as the cache's, for responses that do not say it themselves.
      Default: the cache's. A response of status 5xx counts as an error as an exception does.
    - ``wait_until``: a function that is given the task of a refresh; the client gets the old page at once. ``lambda task: None``
      suits a server. Default: the cache's.

    And ``status_header``: False leaves ``X-Cache`` and ``Cache-Status`` out. Default True.
    """

    def __init__(self, app: App, *, cache: Cache[Any], **options: Unpack[Options]) -> None:
        self._app = app
        self._host = Host(cache, dict(options), text=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What a server calls."""
        request = _request(scope) if scope["type"] == "http" else None
        if request is None:
            await self._app(scope, receive, send)
        else:
            await Exchange(self._app, self._host, request, scope, receive, send).run()


def _request(scope: Scope) -> _snowmelt.HttpRequest | None:
    """None for what HTTP does not know: servers say what they think of it, or the application does."""
    path = scope.get("raw_path")
    if not path:
        from urllib.parse import quote

        path = quote(scope["path"], safe="/:@!$&'()*+,;=-._~")
    try:
        return _snowmelt.HttpRequest(
            scope["method"], scope.get("scheme") or "http", None, path, scope.get("query_string") or None, scope["headers"]
        )
    except SnowmeltError:
        return None


def _rewritten(scope: Scope) -> str | None:
    """The path by which the application finds its handler, if something around the cache has rewritten it: by what else than the
    URL, nobody knows. (What a mount cuts off is in ``root_path``.)
    """
    raw, path = scope.get("raw_path"), scope["path"]
    if not raw or raw == path.encode("utf-8", "replace"):
        return None
    from urllib.parse import unquote

    root, sent = scope.get("root_path") or "", unquote(raw.decode("latin-1"))
    return None if sent in (path, root + path) or path == root + sent else str(path)


class Exchange:
    """One request and its response."""

    __slots__ = ("_app", "_body", "_capture", "_ended", "_host", "_question", "_read", "_receive", "_request", "_scope", "_send")

    def __init__(self, app: App, host: Host, request: _snowmelt.HttpRequest, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._host = host
        self._request = request
        self._scope = scope
        self._receive = receive
        self._send = send
        #: What was read of the request's body, for the application.
        self._read: list[Message] = []
        self._body = b""
        self._question: _snowmelt.HttpQuestion
        self._capture: Capture | None = None
        self._ended = False

    async def run(self) -> None:
        host, request, scope = self._host, self._request, self._scope
        if host.skips(request, "scope", scope):
            return await self._pass("skipped", None)
        await self._read_body()
        host.name_custom(request, "scope", scope, _rewritten(scope))
        asked = host.policy.ask(request)
        if isinstance(asked, str):
            return await self._pass(asked, None)
        self._question = asked
        try:
            await self._go()
        finally:
            self._ended = True
            if self._capture is not None:
                self._capture.leave()

    async def _go(self) -> None:
        way = flow(self._host.policy, self._request, self._question)
        found: Any = None
        try:
            while True:
                kind, key = way.send(found)
                found = await (self._fetch(key) if kind == "fetch" else self._find(key))
        except StopIteration as ended:
            how, what, detail = ended.value
        if how == "page":
            await self._answer(what, detail)
        elif how == "run":
            await self._pass(what, self._question)
        elif how == "anew":
            await self._anew(what)
        elif how == "unsatisfied":
            await self._send_whole(self._host.policy.unsatisfied(), b"")

    # What is stored.

    async def _find(self, key: str) -> Any:
        page = await self._host.cache.aio.get(key)
        return None if page is None else (page, "hit") if type(page) is Page else "failed"

    async def _fetch(self, key: str) -> Any:
        cache = self._host.cache
        value = cache._look(key)
        if value is not MISS and value is not DUE:
            return (value, "hit") if type(value) is Page else "failed"
        wishes = self._host.wishes(self._keep, _length)
        before, fetched = self._capture, None
        try:
            fetched = await cache.aio._fetch(key, value is DUE, lambda: self._load(key), wishes)
            reason = ""
        except NotShared as passed:
            reason = passed.reason
        if fetched is None:
            fetched = await self._rescued(key, reason)
        if self._capture is not before:
            await self._led(fetched)
            return LED
        if fetched is None:
            return reason
        return (fetched.value, HOW[fetched.how]) if type(fetched.value) is Page else "failed"

    async def _rescued(self, key: str, reason: str) -> Fetched[Any] | None:
        """What may stand in for a response, if the application failed."""
        return await rescue(self._host.cache, key, NotShared(reason)) if _snowmelt.http_failed(reason) else None

    async def _led(self, fetched: Fetched[Any] | None) -> None:
        """This request made the call: what that comes to is its response, unless an old page may be."""
        capture = self._capture
        assert capture is not None
        if fetched is not None and fetched.how != "loaded":
            page = fetched.value
            if type(page) is Page and fits(self._host.policy, self._request, self._question, page):
                return await self._answer(page, HOW[fetched.how])
        await self._deliver(capture)

    async def _deliver(self, capture: Capture) -> None:
        outcome = await capture.outcome()
        if isinstance(outcome, Page):
            assert capture.keep is not None
            await self._answer(outcome, "miss", capture.keep)
            await capture.ended()
        elif outcome == "failed":
            await capture.ended()  # It raises what the application raised.
        else:
            await capture.forward(self._marking(outcome, self._question))

    async def _load(self, key: str | None = None) -> Page:
        """The load, of what is to be found under the key: on a task of its own."""
        if self._capture is not None:
            self._capture.leave()
        capture = self._capture = Capture(self._host, self._request, self._question)
        if self._ended:
            capture.leave()  # It refreshes what its client has got already.
        try:
            return await capture.run(self._app, self._collected_scope(), self._body, self._receive)
        except NotShared as passed:
            if key is not None:
                self._host.forget(key, passed.reason)
            raise

    def _keep(self) -> _snowmelt.HttpKeep:
        assert self._capture is not None and self._capture.keep is not None
        return self._capture.keep

    async def _anew(self, key: str) -> None:
        began = time()
        try:
            page = await self._load()
        except NotShared:
            page = None
        if page is not None:
            self._host.cache.set(key, page, as_of=began, **self._host.wishes(self._keep, _length).of(page))
        assert self._capture is not None
        await self._deliver(self._capture)

    # What the application is called with.

    def _collected_scope(self) -> Scope:
        """Without what would make the response one for this client only."""
        scope = dict(self._scope)
        dropped = {name.encode() for name in self._question.drop_request_headers}
        scope["headers"] = [field for field in scope["headers"] if bytes(field[0]).lower() not in dropped]
        extensions = scope.get("extensions")
        if extensions and not _NOT_COLLECTED.isdisjoint(extensions):
            scope["extensions"] = {name: each for name, each in extensions.items() if name not in _NOT_COLLECTED}
        return scope

    async def _read_body(self) -> None:
        """Reads the body where the policy needs it, and keeps it for the application."""
        if not self._scope.get("http_version", "1.1").startswith("1") and self._request.header("content-length") is None:
            # Only its beginning says whether there is one.
            await self._read_more()
            if self._read[-1].get("more_body", False) or self._read[-1].get("body"):
                self._request.body_follows()
        most = self._host.policy.wants_body(self._request)
        if most is None:
            return
        while not self._read or self._read[-1].get("more_body", False):
            await self._read_more()
            if len(self._body) > most:
                break
        if self._read[-1]["type"] == "http.request" and not self._read[-1].get("more_body", False) and len(self._body) <= most:
            self._request.body_read(self._body)
        else:
            self._request.body_follows()

    async def _read_more(self) -> None:
        message = await self._receive()
        self._read.append(message)
        self._body += message.get("body", b"")

    async def _replay(self) -> Message:
        return self._read.pop(0) if self._read else await self._receive()

    # What the client gets.

    async def _answer(self, page: Page, how: str, keep: _snowmelt.HttpKeep | None = None) -> None:
        policy = self._host.policy
        status, headers, with_body = policy.answer(self._request, self._question, page._meta, how, now_ms())
        if keep is not None:
            headers += policy.own(keep)
        await self._send_whole((status, headers, with_body), page.body)

    async def _send_whole(self, head: tuple[int, Any, bool], body: bytes) -> None:
        status, headers, with_body = head
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body if with_body else b"", "more_body": False})

    async def _pass(self, reason: str, question: _snowmelt.HttpQuestion | None) -> None:
        """The application answers this request alone."""
        scope = self._scope if question is None or not question.drop_request_headers else self._collected_scope()
        receive = self._replay if self._read else self._receive
        await self._app(scope, receive, self._marking(reason, question))

    def _marking(self, reason: str, question: _snowmelt.HttpQuestion | None) -> Send:
        """Sends a response of the application's, and says in it that it is not stored."""
        host, request, send = self._host, self._request, self._send
        is_sent = True

        async def marked(message: Message) -> None:
            nonlocal is_sent
            if message["type"] == "http.response.start":
                status, headers, is_sent = host.policy.pass_on(request, question, reason, message["status"], message.get("headers", ()))
                await self._invalidate(message["status"])
                message = {**message, "status": status, "headers": headers}
            elif message["type"] == "http.response.body" and not is_sent:
                message = {**message, "body": b""}
            await send(message)

        return marked

    async def _invalidate(self, status: int) -> None:
        """What an unsafe request that succeeded made old is dropped before its client knows."""
        what = self._host.policy.invalidates(self._request, status)
        if what is None:
            return
        keys, prefixes = what
        try:
            await self._host.cache.aio.invalidate(keys, prefixes=prefixes)
        except SnowmeltError:
            # The cache has told of it, and what is here is dropped all the same.
            from .._events import note

            note("an invalidation after an unsafe request did not reach the stream")


def _length(page: Any) -> int:
    return len(page._body)
