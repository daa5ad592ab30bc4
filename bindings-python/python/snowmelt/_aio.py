"""The asyncio face of a cache, over the same entries."""

from __future__ import annotations

from . import _snowmelt
from ._fetched import Fetched, Wishes, at_once, late, rescued, tell, to_catch_up, unheard
from ._landing import landing
from ._loads import Flight, Waiting, current, is_awaitable, no_loader, outcome
from ._types import Generic
from ._waiting import running_loop, until

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
    from typing import Any, overload

    from typing_extensions import Unpack

    from ._cache import Cache
    from ._data_id import DataId
    from ._types import Duration, More, T, V

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
        value = cache._read(key)
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
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, asyncio.Task[None]]],
    ) -> V:
        """Reads a key, or loads it with a function, async or not, in a task of its own on this loop.

        As ``Cache.get_or_load``. Whoever is cancelled stops waiting; the load goes on for the others. If the loop ends, its
        loads are given up, and others load anew.
        """
        value = self._cache._look(key)
        if value is MISS or value is DUE:
            wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
            return (await self._fetch(key, value is DUE, loader, wishes)).value
        return value

    async def fetch(
        self,
        key: str,
        loader: Callable[[], Awaitable[V] | V],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, asyncio.Task[None]]],
    ) -> Fetched[V]:
        """As ``get_or_load``, and says how it came by the value: see ``Fetched``."""
        value = self._cache._look(key)
        if value is MISS or value is DUE:
            wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
            return await self._fetch(key, value is DUE, loader, wishes)
        return Fetched(value, "hit")

    async def get_many(
        self,
        keys: Iterable[str],
        loader: Callable[[list[str]], Awaitable[Mapping[str, V]] | Mapping[str, V]],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, asyncio.Task[None]]],
    ) -> dict[str, V | None]:
        """As ``Cache.get_many``. The loader, async or not, runs in a task of its own on this loop."""
        from ._many import aget_many

        wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
        return await aget_many(self._cache, keys, loader, wishes)

    async def _fetch(self, key: str, due: bool, loader: Callable[[], Any], wishes: Wishes) -> Fetched[V]:
        cache = self._cache
        arrival = cache._arrive()
        if not callable(loader):
            raise no_loader(key, loader)
        # Before a load is begun that could not go on.
        loop = running_loop()
        if due:
            await until(cache._catch_up_for_read())
            value = cache._look_again(key)
            if value is not MISS:
                return Fetched(value, "hit")
        ahead = True
        while True:
            begun, value, stale = cache._next(key, arrival, ahead)
            if begun is None:
                return Fetched(cache._out(value), "stale" if stale else "hit")
            if isinstance(begun, _snowmelt.Lease):
                return await self._lead(loop, begun, value, stale, loader, wishes)
            fetched = await self._join(key, begun, wishes)
            if fetched is not None:
                return fetched
            ahead = False  # It waited for a load already: fresh is fresh.

    async def _lead(
        self, loop: asyncio.AbstractEventLoop, lease: _snowmelt.Lease, old: Any, stale: bool, loader: Callable[[], Any], wishes: Wishes
    ) -> Fetched[V]:
        cache, hook = self._cache, wishes.hook(self._cache)
        flight = Flight(loop, lease)
        cache._flights[lease.id] = flight
        load = Load(lease.key, wishes)
        task = load.start(cache, flight, _run(cache, flight, load, loader, wishes))
        if old is not MISS and hook is not None:
            load.leave(hook, task)
            return at_once(cache, lease.key, old, stale)
        with Waiting(flight, blocking=False):
            fetched = await patient(cache, lease.key, task, wishes.soft(cache))
        if fetched is not None:
            load.leave(hook, task)
            return fetched
        try:
            return Fetched(cache._out(load.result()), "loaded")
        except Exception as raised:
            fetched = None if wishes.gives_errors else await rescue(cache, lease.key, raised)
            if fetched is None:
                raise
            try:
                return fetched
            finally:
                del fetched  # This frame is in the traceback of its error.

    async def _join(self, key: str, joined: _snowmelt.Joined, wishes: Wishes) -> Fetched[V] | None:
        """What another's load brings for this reader; None if it has to load itself."""
        cache, soft, load = self._cache, wishes.soft(self._cache), landing(self._cache, joined)
        try:
            if soft is not None and soft < cache._hard and not await load.landed(joined.left(soft)):
                fetched = await rescue(cache, key, late())
                if fetched is not None and not load.done():
                    return fetched
            await load.landed()
            found = outcome(load.result())
        except Exception as raised:
            fetched = None if wishes.gives_errors else await rescue(cache, key, raised)
            if fetched is None:
                raise
            try:
                return fetched
            finally:
                del fetched  # This frame is in the traceback of its error.
        if found is not None:
            return Fetched(cache._out(found[0]), "coalesced")
        return await rescue(cache, key, late()) if joined.left(cache._hard) <= 0 else None

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


async def _run(cache: Cache[Any], flight: Flight, load: Load, loader: Callable[[], Any], wishes: Wishes) -> None:
    """Runs a loader to its end."""
    (lease,) = flight.leases
    current.set(flight)
    try:
        value = loader()
        if is_awaitable(value):
            value = await value
        cache.fill(lease, value, **wishes.of(value))
        load.end(value)
    except Exception as raised:
        lease.fail((raised, raised.__traceback__))
        load.fail(raised)
    finally:
        # Cancelled, or the loop is going away: whoever waits loads anew.
        lease.abandon()
        cache._flights.pop(lease.id, None)


class Load:
    """What a task that loads has come to. The task itself gives nothing, and raises nothing: those are told of it who only
    want to know when it ended.
    """

    __slots__ = ("_heard", "_key", "_logs", "_raised", "_result")

    def __init__(self, key: str, wishes: Wishes) -> None:
        self._key = key
        self._logs = not wishes.gives_errors
        #: Whether somebody asks for what came of it.
        self._heard = True
        self._result: Any = None
        self._raised: Exception | None = None

    def start(self, cache: Cache[Any], flight: Flight, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop = flight.loop
        assert loop is not None
        task = loop.create_task(work, name=f"snowmelt load of {str.__str__(self._key)[:64]}")
        _keep(cache._tasks, loop, task)

        def land(_: object) -> None:
            # If it was cancelled before it began, it has not ended them itself.
            for lease in flight.leases:
                lease.abandon()
                cache._flights.pop(lease.id, None)
            flight.land()

        task.add_done_callback(land)
        return task

    def end(self, result: Any) -> None:
        self._result = result

    def fail(self, raised: Exception) -> None:
        self._raised = raised
        if not self._heard:
            self._log()

    def leave(self, hook: Callable[[Any], object] | None, task: asyncio.Task[None]) -> None:
        """Nobody waits for it any more but who is told of it."""
        self._heard = False
        self._log()
        tell(hook, task)

    def _log(self) -> None:
        raised = self.take()
        if raised is not None and self._logs:
            unheard(self._key, raised)

    def take(self) -> Exception | None:
        """What was raised, if anything was; it is not kept here, since its traceback has frames that have this."""
        raised, self._raised = self._raised, None
        return raised

    def result(self) -> Any:
        """What came of it, after its task ended."""
        raised = self.take()
        if raised is None:
            return self._result
        try:
            raise raised
        finally:
            # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
            del raised


async def rescue(cache: Cache[Any], key: str, raised: Exception) -> Fetched[Any] | None:
    """As ``_reads.rescue``."""
    pending = to_catch_up(cache, key)
    if pending is None:
        return None
    await until(pending)
    return rescued(cache, key, raised)


async def patient(cache: Cache[Any], key: str, task: asyncio.Task[None], soft: float | None) -> Fetched[Any] | None:
    """Waits for a load; gives the old value if there is one and it takes longer than it should, or may. Whoever is cancelled
    here leaves the load alone.
    """
    import asyncio

    hard = cache._hard
    for within in (hard,) if soft is None else (soft, max(0.0, hard - soft)):
        if (await asyncio.wait({task}, timeout=within))[0]:
            break
        fetched = await rescue(cache, key, late())
        if fetched is not None and not task.done():
            return fetched
    else:
        await asyncio.wait({task})
    # If it was cancelled, so is this.
    task.result()
    return None
