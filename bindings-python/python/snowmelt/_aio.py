"""The asyncio face of a cache, over the same entries."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _snowmelt
from ._loads import Flight, current, no_loader, outcome, waiting
from ._options import Duration
from ._waiting import ended, running_loop, until

if TYPE_CHECKING:
    import asyncio

MISS, DUE = _snowmelt.MISS, _snowmelt.DUE


class AsyncFace:
    """What waits, with ``await``. Everything else is the cache's own."""

    def __init__(self, cache: Any) -> None:
        # Not a cycle: a cache goes when its last user does.
        self._known = weakref.ref(cache)

    @property
    def _cache(self) -> Any:
        cache = self._known()
        if cache is None:
            raise ReferenceError("the cache is gone: keep it for as long as its `aio`")
        return cache

    async def get(self, key: str, default: Any = None) -> Any:
        """Reads a key. If a catch-up is due, tries one first, for at most ``catch_up_budget``."""
        cache = self._cache
        value = cache._look(key)
        if value is DUE:
            await until(cache._catch_up_for_read())
            value = cache._get_now(key)
        if value is MISS:
            _snowmelt.check_name("key", key)
            return default
        return value

    async def get_or_load(self, key: str, loader: Callable[[], Any], *, tags: Any = None, ttl: Any = None, weight: Any = None) -> Any:
        """Reads a key, or loads it with a function, async or not, in a task of its own on this loop.

        As ``Cache.get_or_load``. Whoever is cancelled stops waiting; the load goes on for the others. If the loop ends, its
        loads are given up, and others load anew.
        """
        value = self._cache._look(key)
        if value is MISS or value is DUE:
            return await self._load(key, value is DUE, loader, tags, ttl, weight)
        return value

    async def _load(self, key: str, due: bool, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> Any:
        cache = self._cache
        arrival = cache._arrive()
        if not callable(loader):
            raise no_loader(key, loader)
        # Before a load is begun that could not go on.
        loop = running_loop()
        if due:
            await until(cache._catch_up_for_read())
            value = cache._get_now(key)
            if value is not MISS:
                return value
        while True:
            found = cache._find_or_begin(key, arrival)
            if type(found) is tuple:
                return found[0]
            if type(found) is _snowmelt.Lease:
                return cache._out(await self._lead(loop, found, loader, tags, ttl, weight))
            joined = await self._join(found)
            if joined is not None:
                return cache._out(joined[0])

    async def _lead(
        self, loop: asyncio.AbstractEventLoop, lease: _snowmelt.Lease, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any
    ) -> Any:
        import asyncio

        cache = self._cache
        flight = Flight(lease, loop)
        cache._flights[lease.id] = flight
        name = f"snowmelt load of {str.__str__(lease.key)[:64]}"
        task = loop.create_task(_run(cache, flight, loader, tags, ttl, weight), name=name)
        _keep(cache._tasks, loop, task)
        with waiting(flight, blocking=False):
            value, raised = await asyncio.shield(task)
        if raised is None:
            return value
        try:
            raise raised
        finally:
            # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
            del task, raised

    async def _join(self, joined: _snowmelt.Joined) -> tuple[Any] | None:
        cache = self._cache
        pending = joined.start()
        flight = cache._flights.get(joined.id)

        def look() -> None:
            nonlocal flight
            if flight is None:
                flight = cache._flights.get(joined.id)
            if flight is not None:
                flight.look()

        with waiting(flight, blocking=False):
            await ended(pending, look)
        return outcome(pending.result())

    async def invalidate(self, keys: Any = None, *, tags: Any = None, prefixes: Any = None, all: bool = False) -> str:
        """As ``Cache.invalidate``. Whoever is cancelled stops waiting; the write goes on."""
        cache = self._cache
        pending = cache._start_write(keys, tags, prefixes, all)
        await _written(pending)
        token: str = cache._written(pending)
        return token

    async def catch_up(self, at_least: str | None = None, within: Duration = 5) -> None:
        """As ``Cache.catch_up``."""
        cache = self._cache
        await until(cache._catch_up() if at_least is None else cache._catch_up_to(at_least, within))

    async def warm(self) -> None:
        """As ``Cache.warm``."""
        await until(self._cache._warm())

    async def aclose(self) -> None:
        """As ``Cache.close``."""
        if self._cache._close():
            await self._settled()

    async def _settled(self) -> None:
        for pending in list(self._cache._writes):
            await _written(pending)


def _keep(tasks: dict[Any, set[Any]], loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Holds a task until it ends: its loop does not. Tasks of loops that were closed meanwhile end never, and are let go."""
    kept = tasks.get(loop)
    if kept is None:
        for other in list(tasks):
            if other.is_closed():
                tasks.pop(other, None)
        kept = tasks.setdefault(loop, set())
    kept.add(task)

    def let_go(task: asyncio.Task[Any]) -> None:
        kept.discard(task)
        if not kept:
            tasks.pop(loop, None)

    task.add_done_callback(let_go)


async def _written(pending: _snowmelt.Pending) -> None:
    """Waits, and leaves the result to whoever asks for it."""
    import asyncio

    loop = running_loop()
    while not pending.done():
        # Several may wait for one write, and it calls one of them: the others look themselves.
        waiter: asyncio.Future[None] = loop.create_future()

        def wake(waiter: asyncio.Future[None] = waiter) -> None:
            try:
                loop.call_soon_threadsafe(_set, waiter)
            except RuntimeError:
                pass

        if pending.then(wake):
            await asyncio.wait({waiter}, timeout=0.05)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _run(cache: Any, flight: Flight, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> tuple[Any, Exception | None]:
    """Runs a loader to its end. Its exception is given, not raised: there may be nobody left to raise it for."""
    lease = flight.lease
    current.set(flight)
    try:
        value = loader()
        if inspect.isawaitable(value):
            value = await value
        found = tags(value) if callable(tags) else tags
        cache.fill(lease, value, tags=found, ttl=ttl, weight=weight)
        return value, None
    except Exception as raised:
        lease.fail((raised, raised.__traceback__))
        return None, raised
    finally:
        # Cancelled, or the loop is going away: whoever waits loads anew.
        lease.abandon()
        cache._flights.pop(lease.id, None)
