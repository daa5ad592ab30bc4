"""Invocations of a function, from event to answer."""

from __future__ import annotations

from ._errors import SnowmeltError, describe, error
from ._functions import is_async, is_generator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from . import _snowmelt
    from ._cache import Cache
    from ._stats import InvocationReport
    from ._types import F


class Invocation:
    """One invocation, for ``with`` or ``async with``. Neither begins nor ends with an exception of its own."""

    def __init__(self, cache: Cache[Any]) -> None:
        self._cache = cache
        self._held: _snowmelt.Invocation | None = None
        #: What the cache did, once it ended.
        self.report: InvocationReport | None = None

    def __enter__(self) -> Invocation:
        try:
            pending = self._cache._begin_invocation()
            pending.wait()
            self._held = pending.result()
        except SnowmeltError:
            _note("an invocation is not followed")
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        for write in self._cache._writes.copy():
            write.pending.wait()
            self._cache._settle(write)
        self._end()

    async def __aenter__(self) -> Invocation:
        from ._waiting import until

        try:
            self._held = await until(self._cache._begin_invocation())
        except SnowmeltError:
            _note("an invocation is not followed")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await self._cache.aio._settled()
        finally:
            self._end()

    def _end(self) -> None:
        held, self._held = self._held, None
        try:
            self.report = self._cache._report(held)
        except SnowmeltError:
            _note("an invocation is not reported")


def handled(cache: Cache[Any], function: F) -> F:
    """A handler around ``function``, each of whose calls is an invocation."""
    if not callable(function) or isinstance(function, type):
        raise _unsupported(f"a handler is {describe(function)}: give a function (event, context)")
    if is_generator(function):
        name = getattr(function, "__qualname__", "given")
        raise _unsupported(f"the handler {name} is a generator, whose work is done after it returned: return the result")
    handler: F = (_asynchronous if is_async(function) else _synchronous)(cache, function)
    return handler


def _synchronous(cache: Cache[Any], function: Any) -> Any:
    from functools import wraps

    @wraps(function)
    def handler(*args: Any, **kwargs: Any) -> Any:
        with Invocation(cache):
            return function(*args, **kwargs)

    return handler


def _asynchronous(cache: Cache[Any], function: Any) -> Any:
    from functools import wraps

    @wraps(function)
    async def handler(*args: Any, **kwargs: Any) -> Any:
        async with Invocation(cache):
            return await function(*args, **kwargs)

    return handler


def _note(message: str) -> None:
    from ._events import note

    note(message)


def _unsupported(message: str) -> SnowmeltError:
    return error("UNSUPPORTED_HANDLER", message)
