"""The cache as its users see it."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _options, _snowmelt, _stats
from ._aio import AsyncFace
from ._cached import cached
from ._data_id import DataId
from ._errors import SnowmeltError, describe, error, shown
from ._events import CacheEvent, Events, report_line
from ._invocation import Invocation, handled
from ._loads import Flight, current, no_loader, outcome, waiting
from ._waiting import LOOK, wait

if TYPE_CHECKING:
    import asyncio

_V = TypeVar("_V")
_F = TypeVar("_F", bound=Callable[..., Any])

_MISS, _DUE = _snowmelt.MISS, _snowmelt.DUE


class Cache(_snowmelt.Core, Generic[_V]):
    """An in-memory cache that a stream of invalidations keeps honest.

    Nothing fails because of the stream but ``invalidate`` and ``catch_up``: where it cannot be read, entries are served for
    ``max_lag`` and then loaded anew. One cache serves any number of threads and event loops.

    The stubs (``_cache.pyi``) say what each option means.
    """

    def __new__(cls, **options: Any) -> Cache:
        settings = _options.settings(options)
        style = _options.report("json" if options.get("report") is None else options["report"])
        report_to = _options.function("report_to", options.get("report_to"), "(line) -> None")
        events = Events(_options.function("on_event", options.get("on_event"), "(event) -> None"))
        try:
            self = super().__new__(
                cls,
                settings,
                _options.stream(options.get("stream")),
                _options.text("region", options.get("region"), 'give a region\'s name, such as "eu-west-1"'),
                _options.text("endpoint", options.get("endpoint"), 'give a URL, such as "http://127.0.0.1:4568"'),
                _options.seed(options.get("seed")),
                _options.function("copy", options.get("copy"), "(value) -> value, such as copy.deepcopy"),
                _options.function("size_of", options.get("size_of"), "(value, key) -> number"),
                events.from_core,
            )
        except _options.OptionError as refused:
            raise _options.explained(refused, options) from None
        self._copy = options.get("copy")
        self._events = events
        self._style = style
        self._report_to = report_to
        #: Loads that Python code leads, by the numbers of their leases.
        self._flights: dict[int, Flight] = {}
        #: Writes to the stream that may still be under way.
        self._writes: set[_snowmelt.Pending] = set()
        #: Tasks that run loaders, by their loops.
        self._tasks: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}
        self.aio = AsyncFace(self)
        _restore_with_snapshots(self)
        return self

    def __init__(self, **options: Any) -> None:
        pass

    def get_or_load(self, key: str, loader: Callable[[], Any], *, tags: Any = None, ttl: Any = None, weight: Any = None) -> Any:
        """Reads a key, or loads it on this thread.

        Those who miss it at the same time share one load, unless it began before they came and was invalidated since. What
        the loader returns is given to who waits in any case, and stored unless it may be stale by now. If it raises an
        ``Exception``, all who waited get it and nothing is stored; what else it raises (``KeyboardInterrupt``) is its
        caller's alone, and the others load anew.
        """
        value = self._look(key)
        if value is _MISS or value is _DUE:
            return self._load(key, value is _DUE, loader, tags, ttl, weight)
        return value

    def _load(self, key: str, due: bool, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> Any:
        arrival = self._arrive()
        if not callable(loader):
            raise no_loader(key, loader)
        if due:
            wait(self._catch_up_for_read())
            value = self._get_now(key)
            if value is not _MISS:
                return value
        while True:
            found = self._find_or_begin(key, arrival)
            if type(found) is tuple:
                return found[0]
            if type(found) is _snowmelt.Lease:
                return self._lead(found, loader, tags, ttl, weight)
            joined = self._join(found)
            if joined is not None:
                return self._out(joined[0])

    def _lead(self, lease: _snowmelt.Lease, loader: Callable[[], Any], tags: Any, ttl: Any, weight: Any) -> Any:
        flight = Flight(lease, None)
        self._flights[lease.id] = flight
        try:
            # Whoever asked from within another loader waits for this one.
            with waiting(flight, blocking=False):
                token = current.set(flight)
                try:
                    value = loader()
                    if inspect.isawaitable(value):
                        raise _asynchronous(lease.key, value)
                    self.fill(lease, value, tags=tags(value) if callable(tags) else tags, ttl=ttl, weight=weight)
                finally:
                    current.reset(token)
            return self._out(value)
        except Exception as raised:
            lease.fail((raised, raised.__traceback__))
            raise
        finally:
            lease.abandon()
            del self._flights[lease.id]

    def _join(self, joined: _snowmelt.Joined) -> tuple[Any] | None:
        """What the load brings for this thread, in a tuple; None if it has to load itself."""
        pending = joined.start()
        flight = self._flights.get(joined.id)
        with waiting(flight, blocking=True):
            while not pending.wait(LOOK):
                if flight is None and joined.id in self._flights:
                    # Its leader had not noted it yet.
                    return self._join(joined)
                if flight is not None:
                    flight.look()
        return outcome(pending.result())

    def _out(self, value: Any) -> Any:
        """A value of a load, on its way to a reader."""
        return value if self._copy is None else self._copy(value)

    def begin(self, key: str) -> _snowmelt.Lease | Joined:
        """Begins to load a key in one's own way, or joins the load that is under way.

        Does not look whether the key is cached. A ``Lease`` is to be ended by ``fill`` or ``abandon``, or by leaving
        ``with``; the key can be loaded by nobody else until then, or until ``load_timeout``.
        """
        begun = self._begin(key)
        return begun if type(begun) is _snowmelt.Lease else Joined(self, begun)

    def invalidate(
        self,
        keys: str | DataId | Iterable[str | DataId] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        prefixes: str | Iterable[str] | None = None,
        all: bool = False,
    ) -> str:
        """Invalidates keys, tags, key prefixes or everything: here at once, and everywhere else through the stream.

        Call it after the database has committed. Waits for the stream, and gives a position token that a reader elsewhere
        can hand to ``catch_up(at_least=…)``. If the stream did not take everything, ``WriteError`` is raised; what was named
        is gone from here all the same.
        """
        pending = self._start_write(keys, tags, prefixes, all)
        pending.wait()
        return self._written(pending)

    def _start_write(self, keys: Any, tags: Any, prefixes: Any, all: Any) -> _snowmelt.Pending:
        if not isinstance(all, bool):
            raise error("INVALID_NAME", f"`all` is {describe(all)}: give True, or leave it out", wrong_type=True)
        pending = self._invalidate(_key_texts(keys), tags, prefixes, all)
        # (Other threads change the set meanwhile; making a tuple of it is one step.)
        for write in tuple(self._writes):
            if write.done():
                self._writes.discard(write)
        self._writes.add(pending)
        return pending

    def _written(self, pending: _snowmelt.Pending) -> str:
        """The token of a write that ended."""
        self._writes.discard(pending)
        try:
            token: str = pending.result()
            return token
        except SnowmeltError as failed:
            self._events.tell(CacheEvent("write_failed", message=str(failed)))
            raise

    def catch_up(self, at_least: str | None = None, within: _options.Duration = 5) -> None:
        """Catches up with everything that can be read from the stream now, or at least with the write that a token names.

        Raises ``CatchUpError`` if that was not reached; what was read was applied.
        """
        wait(self._catch_up() if at_least is None else self._catch_up_to(at_least, within))

    def cached(self, template: Any = None, *, tags: Any = None, ttl: Any = None, weight: Any = None) -> Any:
        """A decorator: calls of the function, sync or async, are read from this cache.

        Concurrent calls with one key share one call of the function. The decorated function has ``key(…)``, which gives
        the key of a call, and ``invalidate(…)``, which invalidates it.
        """
        return cached(self, template, tags, ttl, weight)

    def handler(self, function: _F) -> _F:
        """A Lambda handler, sync or async, around ``function``.

        Catches up before it if that is due, waits after it for invalidations that it left pending, and reports what the cache
        did. Its result and exceptions are passed on as they are.
        """
        return handled(self, function)

    def invocation(self) -> Invocation:
        """One invocation, for ``with`` or ``async with``: what ``handler`` does around a function."""
        return Invocation(self)

    def _report(self, invocation: _snowmelt.Invocation | None) -> _stats.InvocationReport | None:
        ended = None if invocation is None or self.closed else invocation.finish(*self._style)
        if ended is None:
            return None
        told, line = ended
        if line is not None:
            report_line(self._report_to, self._style[0], line)
        return _stats.read(_stats.InvocationReport, told)

    def stats(self) -> _stats.Stats:
        """Every counter since the cache was made, and the state of now."""
        return _stats.read(_stats.Stats, self._stats())

    def warm(self) -> None:
        """Makes the first connection to the stream and gets the credentials. Failures are ignored."""
        wait(self._warm())

    def close(self) -> None:
        """Ends the cache: drops everything, and waits for invalidations that are under way.

        Loads under way go on for who waits for them, and are not stored. Everything else then raises ``ClosedError``.
        """
        if self._close():
            for pending in list(self._writes):
                pending.wait()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Cache:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        await self.aio.aclose()

    def __repr__(self) -> str:
        return f"<snowmelt.Cache, {'closed' if self.closed else f'{len(self)} entries'}>"


class Joined(Generic[_V]):
    """A load that somebody else leads; made by ``begin``."""

    def __init__(self, cache: Cache, joined: _snowmelt.Joined) -> None:
        self._cache = cache
        self._joined = joined

    def wait(self) -> tuple[Any] | None:
        """What that load brings, in a tuple; None if it is nothing for this waiter: then ``begin`` again.

        That is so if it was given up, took too long, or was revoked and had begun before this waiter came. Raises what the
        loader raised.
        """
        found = self._cache._join(self._joined)
        return None if found is None else (self._cache._out(found[0]),)

    async def wait_async(self) -> tuple[Any] | None:
        """The same, on an event loop."""
        found = await self._cache.aio._join(self._joined)
        return None if found is None else (self._cache._out(found[0]),)


def _asynchronous(key: str, value: Any) -> SnowmeltError:
    if inspect.iscoroutine(value):
        value.close()
    message = f"the loader of {shown(key)} is asynchronous: use `await cache.aio.get_or_load(…)`"
    return error("INVALID_ARGUMENT", message, wrong_type=True)


def _key_texts(keys: Any) -> Any:
    if isinstance(keys, DataId):
        return str(keys)
    if keys is None or isinstance(keys, str) or not isinstance(keys, Iterable):
        return keys
    return [str(key) if isinstance(key, DataId) else key for key in keys]


#: Caches that a restored snapshot may have copied; None until its hook is there.
_copies: set[weakref.ref[Cache]] | None = None


def _restore_with_snapshots(cache: Cache) -> None:
    """Where Lambda restores snapshots (SnapStart), a copy has to know that it is one."""
    global _copies
    if _copies is None:
        try:
            from snapshot_restore_py import register_after_restore
        except ImportError:
            return
        # Once: what is registered there stays for ever.
        _copies = set()
        register_after_restore(_restored)
    _copies.add(weakref.ref(cache, _copies.discard))


def _restored() -> None:
    for known in tuple(_copies or ()):
        cache = known()
        if cache is not None and not cache.closed:
            cache.restored()
