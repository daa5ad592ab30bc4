"""The asyncio face of a cache, over the same entries."""

from __future__ import annotations

from . import _snowmelt
from ._loads import Flight, Waiting, current, is_awaitable, no_loader, outcome, tags_of
from ._types import Generic
from ._waiting import ended, running_loop, until

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any, overload

    from ._cache import Cache
    from ._data_id import DataId
    from ._types import Duration, T, V

MISS, DUE = _snowmelt.MISS, _snowmelt.DUE


class AsyncFace(Generic["V"]):
    """What waits, with ``await``. Everything else is the cache's own."""

    __slots__ = ("_cache",)

    def __init__(self, cache: Cache[V]) -> None:
        self._cache = cache

    if TYPE_CHECKING:

        @overload
        async def get(self, key: str, default: None = None) -> V | None: ...
        @overload
        async def get(self, key: str, default: V | T) -> V | T: ...

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

    async def get_or_load(
        self,
        key: str,
        loader: Callable[[], Awaitable[V] | V],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | None = None,
        weight: float | None = None,
    ) -> V:
        """Reads a key, or loads it with a function, async or not, in a task of its own on this loop.

        As ``Cache.get_or_load``. Whoever is cancelled stops waiting; the load goes on for the others. If the loop ends, its
        loads are given up, and others load anew.
        """
        value = self._cache._look(key)
        if value is MISS or value is DUE:
            return await self._load(key, value is DUE, loader, tags, ttl, weight)
        return value

    async def _load(self, key: str, due: bool, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> V:
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
            if isinstance(found, tuple):
                return found[0]
            if isinstance(found, _snowmelt.Lease):
                return cache._out(await self._lead(loop, found, loader, tags, ttl, weight))
            joined = await self._join(found)
            if joined is not None:
                return cache._out(joined[0])

    async def _lead(
        self, loop: asyncio.AbstractEventLoop, lease: _snowmelt.Lease, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any
    ) -> V:
        import asyncio

        cache = self._cache
        flight = Flight(lease, loop)
        cache._flights[lease.id] = flight
        name = f"snowmelt load of {str.__str__(lease.key)[:64]}"
        task = loop.create_task(_run(cache, flight, loader, tags, ttl, weight), name=name)
        _keep(cache._tasks, loop, task)
        value: V
        with Waiting(flight, blocking=False):
            value, raised = await asyncio.shield(task)
        if raised is None:
            return value
        try:
            raise raised
        finally:
            # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
            del task, raised

    async def _join(self, joined: _snowmelt.Joined) -> tuple[V] | None:
        cache = self._cache
        pending = joined.start()
        flight = cache._flights.get(joined.id)

        def look() -> bool:
            if flight is None:
                # Its leader had not noted it yet, so that who waits for whom is not known either.
                return joined.id in cache._flights
            flight.look()
            return False

        with Waiting(flight, blocking=False):
            again = await ended(pending, look)
        if again:
            return await self._join(joined)
        return outcome(pending.result())

    async def invalidate(
        self,
        keys: str | DataId | Iterable[str | DataId] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        prefixes: str | Iterable[str] | None = None,
        all: bool = False,
    ) -> str:
        """As ``Cache.invalidate``. Whoever is cancelled stops waiting; the write goes on."""
        cache = self._cache
        write = cache._start_write(keys, tags, prefixes, all)
        await _written(write.pending)
        return cache._written(write)

    async def catch_up(self, at_least: str | None = None, within: Duration = 5) -> None:
        """Catches up with everything that can be read from the stream now, or at least with the write that a token names.

        ``within`` is the most that a token is waited for (seconds, a ``timedelta`` or a text such as "2s"). Raises
        ``CatchUpError`` if that was not reached; what was read was applied.
        """
        cache = self._cache
        await until(cache._catch_up() if at_least is None else cache._catch_up_to(at_least, within))

    async def warm(self) -> None:
        """Makes the first connection to the stream and gets the credentials. Failures are ignored."""
        await until(self._cache._warm())

    async def aclose(self) -> None:
        """Ends the cache, as ``Cache.close``: drops everything, and waits for invalidations that are under way."""
        if self._cache._close():
            await self._settled()

    async def _settled(self) -> None:
        for write in self._cache._writes.copy():
            await _written(write.pending)
            self._cache._settle(write)


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


async def _run(cache: Cache[Any], flight: Flight, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> tuple[Any, Exception | None]:
    """Runs a loader to its end. Its exception is given, not raised: there may be nobody left to raise it for."""
    lease = flight.lease
    current.set(flight)
    try:
        value = loader()
        if is_awaitable(value):
            value = await value
        cache.fill(lease, value, tags=tags_of(value, tags), ttl=ttl, weight=weight)
        return value, None
    except Exception as raised:
        lease.fail((raised, raised.__traceback__))
        return None, raised
    finally:
        # Cancelled, or the loop is going away: whoever waits loads anew.
        lease.abandon()
        cache._flights.pop(lease.id, None)
