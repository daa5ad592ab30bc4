"""Invocations of a function, from event to answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from . import _snowmelt
from ._errors import SnowmeltError, describe, error
from ._events import log
from ._stats import InvocationReport
from ._waiting import until

_F = TypeVar("_F", bound=Callable[..., Any])


class Invocation:
    """One invocation, for ``with`` or ``async with``. Neither begins nor ends with an exception of its own."""

    def __init__(self, cache: Any) -> None:
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
            log.debug("an invocation is not followed", exc_info=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        for write in self._cache._writes.copy():
            write.pending.wait()
            self._cache._settle(write)
        self._end()

    async def __aenter__(self) -> Invocation:
        try:
            self._held = await until(self._cache._begin_invocation())
        except SnowmeltError:
            log.debug("an invocation is not followed", exc_info=True)
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
            log.debug("an invocation is not reported", exc_info=True)


def handled(cache: Any, function: _F) -> _F:
    if not callable(function) or inspect.isclass(function):
        raise _unsupported(f"a handler is {describe(function)}: give a function (event, context)")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _unsupported(f"the handler {function.__qualname__} is a generator, whose work is done after it returned: return the result")

    handler: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def handler(*args: Any, **kwargs: Any) -> Any:
            async with cache.invocation():
                return await function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def handler(*args: Any, **kwargs: Any) -> Any:
            with cache.invocation():
                return function(*args, **kwargs)

    result: _F = handler
    return result


def _unsupported(message: str) -> SnowmeltError:
    return error("UNSUPPORTED_HANDLER", message)
