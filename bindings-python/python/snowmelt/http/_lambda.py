"""The decorator for Lambda functions that answer HTTP."""

from __future__ import annotations

from functools import wraps
from time import time

from .. import _snowmelt
from .._errors import SnowmeltError, describe, error
from .._functions import is_async, is_generator
from .._snowmelt import DUE, MISS
from ._flow import LED, fits, flow
from ._host import HOW, Host, now_ms, tell_failed
from ._page import NotShared, Page
from ._proxy import Event, Result, read, read_result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from typing_extensions import Unpack

    from .._cache import Cache
    from .._fetched import Fetched
    from .._types import F
    from ._options import Options

    #: What is to be done by whoever may wait: its name, and its arguments.
    Task = tuple[Any, ...]


def cached_response(cache: Cache[Any], **options: Unpack[Options]) -> Callable[[F], F]:
    """A decorator for a Lambda handler, sync or async, whose events come from API Gateway (REST and HTTP APIs), a load balancer
    or a function URL: its responses are cached.

    The result has the form that the event's sender takes. An event of another kind is the handler's own. ``cache.handler`` goes
    around it. The options are those of ``CacheMiddleware``; ``key`` and ``skip`` find the event as ``request.event``.
    """
    host = Host(cache, dict(options), text=True)

    def decorate(handler: F) -> F:
        if not callable(handler) or isinstance(handler, type) or is_generator(handler):
            message = f"what is to be cached is {describe(handler)}: give a handler (event, context) that returns its result"
            raise error("UNSUPPORTED_HANDLER", message, wrong_type=True)
        decorated: Any = (_asynchronous if is_async(handler) else _synchronous)(host, handler)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _synchronous(host: Host, handler: Any) -> Any:
    from .._reads import fetch, rescue
    from .._waiting import wait

    cache = host.cache

    def find(key: str) -> Any:
        value = cache._read(key)
        if value is DUE:
            wait(cache._catch_up_for_read())
            value = cache._get_now(key)
        return value

    @wraps(handler)
    def cached(given: Any, *rest: Any) -> Any:
        event = read(given)
        if event is None:
            return handler(given, *rest)
        exchange = Exchange(host, event, lambda given: handler(given, *rest))
        does: dict[str, Any] = {
            "find": find,
            "call": lambda event: exchange.call(event),
            "fetch": lambda key, due, wishes: fetch(cache, key, due, lambda: exchange.load(key), wishes),
            "rescue": lambda key, raised: rescue(cache, key, raised),
            "invalidate": lambda keys, prefixes: cache.invalidate(keys, prefixes=prefixes),
        }
        todo, result, raised = exchange.go(), None, None
        while True:
            try:
                name, *arguments = todo.send(result) if raised is None else todo.throw(raised)
            except StopIteration as ended:
                return ended.value
            result = raised = None
            try:
                result = does[name](*arguments)
            except Exception as error:
                raised = error

    return cached


def _asynchronous(host: Host, handler: Any) -> Any:
    from .._aio import rescue

    cache, aio = host.cache, host.cache.aio

    @wraps(handler)
    async def cached(given: Any, *rest: Any) -> Any:
        event = read(given)
        if event is None:
            return await handler(given, *rest)
        exchange = Exchange(host, event, lambda given: handler(given, *rest))
        does: dict[str, Any] = {
            "find": lambda key: aio.get(key, MISS),
            "call": lambda event: exchange.acall(event),
            "fetch": lambda key, due, wishes: aio._fetch(key, due, lambda: exchange.aload(key), wishes),
            "rescue": lambda key, raised: rescue(cache, key, raised),
            "invalidate": lambda keys, prefixes: aio.invalidate(keys, prefixes=prefixes),
        }
        todo, result, raised = exchange.go(), None, None
        while True:
            try:
                name, *arguments = todo.send(result) if raised is None else todo.throw(raised)
            except StopIteration as ended:
                return ended.value
            result = raised = None
            try:
                result = await does[name](*arguments)
            except Exception as error:
                raised = error

    return cached


class Exchange:
    """One event and its result."""

    def __init__(self, host: Host, event: Event, handler: Callable[[Any], Any]) -> None:
        self._host = host
        self._event = event
        self._request = event.request
        self._handler = handler
        self._question: _snowmelt.HttpQuestion | None = None
        self._keep: _snowmelt.HttpKeep | None = None
        #: What this request's own call of the handler came to, if it made one: a page, or what is not shared.
        self._outcome: Page | NotShared | None = None
        #: What it gave or raised, if that is not shared.
        self._given: Any = None
        self._raised: Exception | None = None
        #: Its result is made, of something else than its own call unless that was delivered.
        self._is_answered = self._is_delivered = False

    def go(self) -> Generator[Task, Any, Any]:
        """The way of the event; what it yields is to be done."""
        result = yield from self._go()
        self._is_answered = True
        self._tell_failed()
        return result

    def _go(self) -> Generator[Task, Any, Any]:
        host, request = self._host, self._request
        if host.skips(request, "event", self._event.event):
            return (yield from self._pass("skipped"))
        host.name_custom(request, "event", self._event.event, self._event.mapping)
        asked = host.policy.ask(request)
        if isinstance(asked, str):
            return (yield from self._pass(asked))
        self._question = asked
        how, what, detail = yield from self._look(flow(host.policy, request, asked))
        if how == "page":
            return self._answer(what, detail)
        if how == "run":
            return (yield from self._pass(what))
        if how == "anew":
            return (yield from self._anew(what))
        if how == "unsatisfied":
            status, fields, _ = host.policy.unsatisfied()
            return self._event.result(status, fields, "", False)
        return self._own()

    def _look(self, way: Generator[Any, Any, Any]) -> Generator[Task, Any, Any]:
        found: Any = None
        while True:
            try:
                kind, key = way.send(found)
            except StopIteration as ended:
                return ended.value
            found = yield from (self._fetch(key) if kind == "fetch" else self._find(key))

    def _find(self, key: str) -> Generator[Task, Any, Any]:
        value = yield "find", key
        return None if value is MISS else _page(value, "hit")

    def _fetch(self, key: str) -> Generator[Task, Any, Any]:
        cache = self._host.cache
        value = cache._look(key)
        if value is not MISS and value is not DUE:
            return _page(value, "hit")
        try:
            fetched = yield "fetch", key, value is DUE, self._host.wishes(self._kept, _length)
        except NotShared as passed:
            fetched = (yield "rescue", key, passed) if _snowmelt.http_failed(passed.reason) else None
            if passed is self._outcome:
                return self._in_place(fetched)
            if fetched is None:
                return passed.reason
        return LED if fetched.value is self._outcome else _page(fetched.value, HOW[fetched.how])

    def _in_place(self, fetched: Fetched[Any] | None) -> Any:
        """What there is in place of this request's own response, which nobody shares."""
        if fetched is None or type(fetched.value) is not Page or self._question is None:
            return LED
        fit = fits(self._host.policy, self._request, self._question, fetched.value)
        return (fetched.value, "stale") if fit else LED

    # The handler.

    def load(self, key: str) -> Page:
        """The load."""
        try:
            return self._loaded(self.call(self._event_for_all()))
        except NotShared as passed:
            self._host.forget(key, passed.reason)
            raise

    async def aload(self, key: str) -> Page:
        """The same for an asynchronous handler."""
        try:
            return self._loaded(await self.acall(self._event_for_all()))
        except NotShared as passed:
            self._host.forget(key, passed.reason)
            raise

    def call(self, event: Any) -> Any:
        """Calls the handler; what it raises is this request's alone."""
        try:
            return self._handler(event)
        except Exception as raised:
            raise self._not_shared("failed", raised) from raised

    async def acall(self, event: Any) -> Any:
        """The same for an asynchronous handler."""
        try:
            return await self._handler(event)
        except Exception as raised:
            raise self._not_shared("failed", raised) from raised

    def _not_shared(self, reason: str, raised: Exception | None = None) -> NotShared:
        self._raised = raised
        self._outcome = passed = NotShared(reason, raised)
        self._tell_failed()
        return passed

    def _tell_failed(self) -> None:
        passed = self._outcome
        if self._is_answered and not self._is_delivered and isinstance(passed, NotShared) and self._question is not None:
            self._is_delivered = True
            tell_failed(self._question.key, passed.reason, passed.cause)

    def _event_for_all(self) -> Any:
        question = self._question
        return self._event.event if question is None else self._event.without(question.drop_request_headers)

    def _loaded(self, given: Any) -> Page:
        page = self._judged(given)
        if isinstance(page, str):
            self._given = given
            raise self._not_shared(page)
        self._outcome = page
        return page

    def _judged(self, given: Any) -> Page | str:
        result, host, question = read_result(self._event, given), self._host, self._question
        if result is None or question is None:
            return "failed"
        judged = host.judge(self._request, question, result.status, result.fields)
        if isinstance(judged, str):
            return judged
        self._keep = judged
        try:
            body = result.bytes()
        except ValueError:
            return "failed"  # Base64 or a text that is none: its taker says what it thinks of that.
        meta = host.policy.seal(judged, body, True)
        return meta if isinstance(meta, str) else Page(meta, result.body, base64=result.base64)

    def _kept(self) -> _snowmelt.HttpKeep:
        assert self._keep is not None
        return self._keep

    def _anew(self, key: str) -> Generator[Task, Any, Any]:
        began = time()
        try:
            page = self._loaded((yield "call", self._event_for_all()))
        except NotShared:
            return self._own()
        self._host.cache.set(key, page, as_of=began, **self._host.wishes(self._kept, _length).of(page))
        return self._own()

    # What the client gets.

    def _own(self) -> Any:
        """What this request's own call of the handler came to."""
        self._is_delivered = True
        outcome, raised, self._raised = self._outcome, self._raised, None
        if raised is not None:
            try:
                raise raised
            finally:
                del raised  # This frame is in its traceback.
        if isinstance(outcome, Page):
            return self._answer(outcome, "miss", self._keep)
        assert outcome is not None
        return self._marked(self._given, outcome.reason)

    def _answer(self, page: Page, how: str, keep: _snowmelt.HttpKeep | None = None) -> Any:
        policy, question = self._host.policy, self._question
        assert question is not None
        status, fields, with_body = policy.answer(self._request, question, page._meta, how, now_ms())
        if keep is not None:
            fields += policy.own(keep)
        body, base64 = page.text() if with_body else ("", False)
        return self._event.result(status, fields, body, base64)

    def _pass(self, reason: str) -> Generator[Task, Any, Any]:
        """The handler answers this request alone."""
        shared = self._question is not None and self._question.drop_request_headers
        try:
            given = yield "call", self._event_for_all() if shared else self._event.event
        except NotShared:
            return self._own()
        result = read_result(self._event, given)
        if result is not None:
            what = self._host.policy.invalidates(self._request, result.status)
            if what is not None:
                yield from self._invalidate(*what)
        return self._marked(given, reason)

    def _invalidate(self, keys: list[str], prefixes: list[str]) -> Generator[Task, Any, None]:
        """What an unsafe request that succeeded made old is dropped before its client knows."""
        try:
            yield "invalidate", keys, prefixes
        except SnowmeltError:
            # The cache has told of it, and what is here is dropped all the same.
            from .._events import note

            note("an invalidation after an unsafe request did not reach the stream")

    def _marked(self, given: Any, reason: str) -> Any:
        """A result of the handler's, which says that it is not stored."""
        result = read_result(self._event, given)
        if result is None:
            return given
        status, fields, with_body = self._host.policy.pass_on(self._request, self._question, reason, result.status, result.fields)
        others = result.given if status == result.status else None
        body, base64 = (result.body, result.base64) if with_body or self._request.method == "HEAD" else ("", False)
        return self._event.result(status, fields, body, base64, others)


def _page(value: Any, how: str) -> Any:
    """What was found, if it is a page. Something else under that key is the user's own."""
    return (value, how) if type(value) is Page else "failed"


def _length(page: Any) -> int:
    return len(page._body)
