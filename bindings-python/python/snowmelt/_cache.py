"""The cache as its users see it."""

from __future__ import annotations

from . import _snapshots
from ._errors import SnowmeltError, describe, error
from ._fetched import Fetched, Wishes
from ._reads import fetch
from ._snowmelt import DUE, MISS, Core, Lease, hasten
from ._waiting import wait
from ._writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Any, Literal, overload

    from typing_extensions import Self, Unpack

    from . import _snowmelt
    from ._aio import AsyncFace
    from ._data_id import DataId
    from ._events import CacheEvent
    from ._invocation import Invocation
    from ._joined import Joined
    from ._loads import Flight
    from ._sources import Source
    from ._stats import InvocationReport, Stats
    from ._types import AsyncCachedFunction, CachedDecorator, CachedFunction, CallTags, Duration, F, More, P, R, Report, Size, V


class Cache(Core["V"]):
    """An in-memory cache that a stream of invalidations keeps honest.

    Nothing fails because of the stream but ``invalidate`` and ``catch_up``: where it cannot be read, entries are served for
    ``max_lag`` and then loaded anew. One cache serves any number of threads and event loops. Making one does no I/O.

    Only ``stream`` has to be given; None stands for the default of any other option. A duration is a number of seconds, a
    ``timedelta``, or a text with a unit ("250ms", "30s", "1h30m"); a size is a number of bytes, or a text with a unit
    ("64mb"; 1 kb is 1024 bytes). An option that cannot be used as it is raises ``OptionError``, a ``ValueError``; one of the
    wrong type or of an unknown name raises ``OptionTypeError``, which is a ``TypeError`` as well.

    The stream:

    - ``stream``: the name or the ARN of a Kinesis data stream; "memory:" or "memory:NAME" for a stream within this process;
      "none" for lifetimes and shared loads only. What looks like a variable that is not set is refused.
    - ``region``: the stream's. Default: ``AWS_REGION``, then ``AWS_DEFAULT_REGION``, then the one in the ARN.
    - ``endpoint``: the URL of the Kinesis endpoint. Default: ``AWS_ENDPOINT_URL_KINESIS``, then ``AWS_ENDPOINT_URL``, then the
      region's own.
    - ``namespace``: a text, at most 256 bytes. A cache applies records of its own namespace only, and writes into it.
      Default "".
    - ``lanes``: if all writers are Snowmelt, into how many lanes the fleet's reads are spread, 1 to 500; writers and readers
      must agree. Default: every cache follows every shard.
    - ``record_format``: what ``invalidate`` writes, "snowmelt" or "scache"; both are always read. Default "snowmelt".
    - ``on_undecodable``: what a record does that cannot be decoded, or that lacks what a ``source`` asks it for: "skip", or
      "flush", which empties the cache. Default "skip".
    - ``source``: a change log that is read beside invalidations, or a list of them, so that no writer has to invalidate: of a
      DynamoDB table whose streaming destination is the stream, {"dynamodb": {"table": "users", "key": "users/{id}"}}, or of
      what EventBridge puts there: {"parameter_store": {"key": "config/{name}"}}, {"secrets_manager": {"key": "secrets/{id}"}}.
      ``tag`` and ``prefix`` are templates like ``key``, and each may be a list. Changes that none asks for are for others. A
      namespace does not apply. Not with ``lanes``: such changes are on one shard only, and a lane reads one. Default: none.
    - ``keys_as_tags``: True has each invalidated key count as a tag too, so that all entries that bear it go with it: the
      variants of one thing. Default False.

    How old what is served may be:

    - ``ttl``: the lifetime of an entry from the start of its load, a duration or the shortest and the longest in a tuple;
      each entry's is drawn between them, so that what was loaded together does not end together. Default (240, 300), at most
      49 days.
    - ``catch_up_every``: a duration, the soft bound on staleness: past it a read first tries to catch up. 0: once in each
      invocation. Default 1 s.
    - ``max_lag``: a duration, the hard bound on staleness: past it an entry is not served. Default 10 s.
    - ``catch_up_budget``: a duration, the most that a read waits for a catch-up. Default 250 ms.
    - ``margin``: a duration, what clock skew, the delay from put to get and disorder of arrival times are allowed together.
      Default 5 s, at least 1 s.
    - ``settle``: a duration. A load that began less than this after an invalidation of its key is not stored: for loads
      from a replica that lags. Default 0.
    - ``retention``: a duration, the stream's retention period. Default 24 h.

    What is done with a value whose lifetime is over, or nearly so. All but ``negative_ttl`` are for reads that can load:
    ``get_or_load``, ``fetch``, ``get_many`` and ``cached``. An invalidated value is never served, whatever these say:

    - ``stale_while_revalidate``: a duration. For so long past its lifetime a value is served while one reader loads it anew.
      That reader waits for the load, unless there is a ``wait_until``. Never past ``max_lag``. Default 0.
    - ``stale_if_error``: a duration. For so long past its lifetime or past ``max_lag`` a value is served if it cannot be loaded
      anew; ``fetch`` says that it was. Default 0.
    - ``refresh_ahead``: a number between 0 and 1. Past this share of its lifetime one reader loads a value anew early, chosen
      at random (XFetch), so that a fleet does not refresh in step. Default: none does.
    - ``negative_ttl``: a duration, the lifetime of a value that says that there is nothing. 0: it is not kept. Default: as any
      other.
    - ``absent``: a function ``(value) -> bool``, whether a value says that there is nothing. Default: None does.
    - ``soft_load_timeout``: a duration, at most ``load_timeout``. A load that takes longer goes on, and whoever waits for it is
      given an old value, if there is one that may be served. Loaders that are not asynchronous then run on threads of their
      own. Default: none.
    - ``wait_until``: a function ``(refresh) -> None`` that keeps the process running until ``refresh`` has ended. With it who
      refreshes is given the old value at once, and the load goes on: from code without ``await`` on a thread of its own, and
      ``refresh`` is a ``concurrent.futures.Future``; from ``cache.aio`` as a task, and it is that ``asyncio.Task``. Neither
      raises what the loader raised, which is logged. ``lambda refresh: None`` is for servers that are never frozen.
      Default: who refreshes waits.

    Bounds:

    - ``max_entries``: the most entries. Default 10,000.
    - ``max_weight``: a size, the most weight of all entries together, in the unit of ``size_of``; an entry may have its segment's share of it
      (four segments for each core). Default 64 MiB, no bound where each weighs 1.
    - ``size_of``: a function ``(value, key) -> number``, how heavy a value is. Default: 1 each.
    - ``max_leases``: the most loads under way that may still be stored. Default 1,000.
    - ``max_fences``: the most invalidations remembered for loads under way. Default 4,096.
    - ``call_timeout``: a duration, after which a call to the stream is given up. Default 3 s.
    - ``load_timeout``: a duration, after which a load is joined by nobody and not stored. Default 30 s.
    - ``give_up_records``: a backlog of more records than this is given up, and the cache emptied instead. Default 100,000.
    - ``give_up_bytes``: a size; a backlog of more than this is given up. Default 64 MiB.
    - ``page_records``: the most records asked for at once, 1 to 10,000. Default 1,000.

    What is told, and how values are handed out:

    - ``report``: what ``handler`` reports after each invocation: "off", "json", or {"emf": namespace} for metrics in
      CloudWatch's embedded format, which CloudWatch charges for. Default "json".
    - ``report_to``: a function ``(line) -> None`` that takes reports. Default: JSON goes to the logger "snowmelt" at INFO,
      embedded metrics to the standard output.
    - ``on_event``: a function ``(event) -> None``, told of what happens on the stream as a ``CacheEvent``, on a thread of its
      own. Default: problems are logged as warnings, a lasting one once.
    - ``copy``: a function ``(value) -> value``, such as ``copy.deepcopy``, that makes a copy for each reader: for those who
      change what they read. Default: values are handed out by reference.
    - ``seed``: an integer from 0 to 2**64 - 1 that spreads lifetimes, lanes and retries. Default: another for each cache.
    """

    # `Core` has read the options when this is called, and refused what is wrong with them.
    def __init__(
        self,
        *,
        stream: str | None,
        region: str | None = None,
        endpoint: str | None = None,
        namespace: str | None = None,
        lanes: int | None = None,
        record_format: Literal["snowmelt", "scache"] | None = None,
        on_undecodable: Literal["skip", "flush"] | None = None,
        source: Source | Sequence[Source] | None = None,
        keys_as_tags: bool | None = None,
        ttl: Duration | tuple[Duration, Duration] | list[Duration] | None = None,
        catch_up_every: Duration | None = None,
        max_lag: Duration | None = None,
        catch_up_budget: Duration | None = None,
        margin: Duration | None = None,
        settle: Duration | None = None,
        retention: Duration | None = None,
        max_entries: int | None = None,
        max_weight: Size | None = None,
        size_of: Callable[[V, str], float] | None = None,
        max_leases: int | None = None,
        max_fences: int | None = None,
        call_timeout: Duration | None = None,
        load_timeout: Duration | None = None,
        soft_load_timeout: Duration | None = None,
        stale_while_revalidate: Duration | None = None,
        stale_if_error: Duration | None = None,
        refresh_ahead: float | None = None,
        negative_ttl: Duration | None = None,
        absent: Callable[[V], bool] | None = None,
        wait_until: Callable[[Any], object] | None = None,
        give_up_records: int | None = None,
        give_up_bytes: Size | None = None,
        page_records: int | None = None,
        report: Report | None = None,
        report_to: Callable[[str], object] | None = None,
        on_event: Callable[[CacheEvent], object] | None = None,
        copy: Callable[[V], V] | None = None,
        seed: int | None = None,
    ) -> None:
        self._copy = copy
        self._wait_until = wait_until
        if wait_until is not None:
            # What a hook is given: imported now, and not when another thread may fork.
            import concurrent.futures as _  # noqa: F401
        self._soft, self._hard = self._soft_load_timeout(), self._load_timeout()
        self._report_to = report_to
        #: Loads that Python code leads, by the numbers of their leases.
        self._flights: dict[int, Flight] = {}
        #: Writes to the stream that may still be under way.
        self._writes: set[Write] = set()
        #: Tasks that run loaders, by their loops.
        self._tasks: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}
        if _snapshots.may_be_taken():
            _snapshots.restore_with(self)

    # (Python would ask for the keys 0, 1, 2… instead.)
    __iter__ = None

    @property
    def aio(self) -> AsyncFace[V]:
        """The asyncio face: what waits, with ``await``, over the same entries."""
        from ._aio import AsyncFace

        return AsyncFace(self)

    def get_or_load(
        self,
        key: str,
        loader: Callable[[], V],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, Future[None]]],
    ) -> V:
        """Reads a key, or loads it on this thread.

        Those who miss it at the same time share one load, unless it began before they came and was invalidated since. What
        the loader returns is given to who waits in any case, and stored unless it may be stale by now. If it raises an
        ``Exception``, all who waited get it and nothing is stored; what else it raises (``KeyboardInterrupt``) is its
        caller's alone, and the others load anew.

        ``tags``, ``ttl`` and ``weight`` are the value's, as for ``set``. ``stale_while_revalidate``, ``stale_if_error`` and
        ``refresh_ahead`` are the cache's options, for this value. Each may be a function of the value: they may be known only
        after the load. So may ``absent`` be only, which says whether the value says that there is nothing.
        ``soft_load_timeout`` and ``wait_until`` are the cache's options, for this call.
        """
        value = self._look(key)
        if value is MISS or value is DUE:
            wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
            fetched: Fetched[V] = fetch(self, key, value is DUE, loader, wishes)
            return fetched.value
        return value

    def fetch(
        self,
        key: str,
        loader: Callable[[], V],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, Future[None]]],
    ) -> Fetched[V]:
        """As ``get_or_load``, and says how it came by the value: see ``Fetched``."""
        value = self._look(key)
        if value is MISS or value is DUE:
            wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
            return fetch(self, key, value is DUE, loader, wishes)
        return Fetched(value, "hit")

    def get_many(
        self,
        keys: Iterable[str],
        loader: Callable[[list[str]], Mapping[str, V]],
        *,
        tags: Iterable[str] | Callable[[V], Iterable[str]] | None = None,
        ttl: Duration | Callable[[V], Duration] | None = None,
        weight: float | Callable[[V], float] | None = None,
        **more: Unpack[More[V, Future[None]]],
    ) -> dict[str, V | None]:
        """Reads keys, and loads those that nobody else loads with one call of the loader.

        The loader is given their list, and gives a mapping. A key that is not in it is "not there": it is None here, and is
        cached as that (see ``negative_ttl``). Each key is loaded under a lease of its own, as by ``get_or_load``, whose
        arguments these are; a function among them is asked for each value that there is. If the loader raises an exception, so does this,
        unless all of its keys have an old value to be served (``stale_if_error``); what was loaded stays cached.
        """
        from ._many import get_many

        wishes = Wishes(tags=tags, ttl=ttl, weight=weight, **more)
        return get_many(self, keys, loader, wishes)

    def _out(self, value: V) -> V:
        """A value of a load, on its way to a reader."""
        return value if self._copy is None else self._copy(value)

    def begin(self, key: str) -> Lease | Joined[V]:
        """Begins to load a key in one's own way, or joins the load that is under way.

        Does not look whether the key is cached. A ``Lease`` is to be ended by ``fill`` or ``abandon``, or by leaving
        ``with``; the key can be loaded by nobody else until then, or until ``load_timeout``.
        """
        begun = self._begin(key)
        if isinstance(begun, Lease):
            return begun
        from ._joined import Joined

        return Joined(self, begun)

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
        write = self._start_write(keys, tags, prefixes, all)
        write.pending.wait()
        return self._written(write)

    def _start_write(self, keys: Any, tags: Any, prefixes: Any, all: Any) -> Write:
        if not isinstance(all, bool):
            raise error("INVALID_NAME", f"`all` is {describe(all)}: give True, or leave it out", wrong_type=True)
        for what, names in (("a key", keys), ("a tag", tags), ("a prefix", prefixes)):
            # (They would be gone through as ints.)
            if isinstance(names, (bytes, bytearray, memoryview)):
                raise error("INVALID_NAME", f"{what} is {describe(names)}: give a str", wrong_type=True)
        write = Write(self._invalidate(_key_texts(keys), tags, prefixes, all), self._tell_failed)
        # A copy, since other threads add and take away meanwhile.
        for earlier in self._writes.copy():
            if earlier.pending.done():
                self._settle(earlier)
        self._writes.add(write)
        return write

    def _written(self, write: Write) -> str:
        """The token of a write that ended."""
        self._settle(write)
        return write.token()

    def _settle(self, write: Write) -> None:
        """Of one that ended, its failure is told, whether somebody still waits for it or not."""
        write.failed()
        self._writes.discard(write)

    def _tell_failed(self, failed: SnowmeltError) -> None:
        from ._events import CacheEvent

        self._events().tell(CacheEvent("write_failed", message=str(failed)))

    def catch_up(self, at_least: str | None = None, within: Duration = 5) -> None:
        """Catches up with everything that can be read from the stream now, or at least with the write that a token names.

        Raises ``CatchUpError`` if that was not reached; what was read was applied.
        """
        wait(self._catch_up() if at_least is None else self._catch_up_to(at_least, within))

    if TYPE_CHECKING:

        @overload
        def cached(
            self,
            template: str | None = None,
            *,
            tags: CallTags | None = None,
            ttl: Duration | Callable[[Any], Duration] | None = None,
            weight: float | Callable[[Any], float] | None = None,
            stale_while_revalidate: Duration | Callable[[Any], Duration] | None = None,
            stale_if_error: Duration | Callable[[Any], Duration] | None = None,
            refresh_ahead: float | Callable[[Any], float] | None = None,
            soft_load_timeout: Duration | None = None,
            absent: Callable[[Any], bool] | None = None,
            wait_until: Callable[[Any], object] | None = None,
        ) -> CachedDecorator: ...
        # (The first that fits is meant.)
        @overload
        def cached(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
            self,
            template: Callable[P, Coroutine[Any, Any, R]],
            *,
            tags: CallTags | None = None,
            ttl: Duration | Callable[[Any], Duration] | None = None,
            weight: float | Callable[[Any], float] | None = None,
            stale_while_revalidate: Duration | Callable[[Any], Duration] | None = None,
            stale_if_error: Duration | Callable[[Any], Duration] | None = None,
            refresh_ahead: float | Callable[[Any], float] | None = None,
            soft_load_timeout: Duration | None = None,
            absent: Callable[[Any], bool] | None = None,
            wait_until: Callable[[Any], object] | None = None,
        ) -> AsyncCachedFunction[P, R]: ...
        @overload
        def cached(
            self,
            template: Callable[P, R],
            *,
            tags: CallTags | None = None,
            ttl: Duration | Callable[[Any], Duration] | None = None,
            weight: float | Callable[[Any], float] | None = None,
            stale_while_revalidate: Duration | Callable[[Any], Duration] | None = None,
            stale_if_error: Duration | Callable[[Any], Duration] | None = None,
            refresh_ahead: float | Callable[[Any], float] | None = None,
            soft_load_timeout: Duration | None = None,
            absent: Callable[[Any], bool] | None = None,
            wait_until: Callable[[Any], object] | None = None,
        ) -> CachedFunction[P, R]: ...

    def cached(
        self,
        template: str | Callable[..., Any] | None = None,
        *,
        tags: CallTags | None = None,
        ttl: Duration | Callable[[Any], Duration] | None = None,
        weight: float | Callable[[Any], float] | None = None,
        stale_while_revalidate: Duration | Callable[[Any], Duration] | None = None,
        stale_if_error: Duration | Callable[[Any], Duration] | None = None,
        refresh_ahead: float | Callable[[Any], float] | None = None,
        soft_load_timeout: Duration | None = None,
        absent: Callable[[Any], bool] | None = None,
        wait_until: Callable[[Any], object] | None = None,
    ) -> Any:
        """A decorator: calls of the function, sync or async, are read from this cache.

        Concurrent calls with one key share one call of the function. The decorated function has ``key(…)``, which gives
        the key of a call, and ``invalidate(…)``, which invalidates it; of an ``async def`` that is to be awaited. ``tags`` are
        templates as the key is, or a function of the value; the other arguments are those of ``get_or_load``.
        """
        from ._cached import cached

        wishes = Wishes(
            tags=tags,
            ttl=ttl,
            weight=weight,
            stale_while_revalidate=stale_while_revalidate,
            stale_if_error=stale_if_error,
            refresh_ahead=refresh_ahead,
            soft_load_timeout=soft_load_timeout,
            absent=absent,
            wait_until=wait_until,
        )
        return cached(self, template, wishes)

    def handler(self, function: F) -> F:
        """A Lambda handler, sync or async, around ``function``.

        Catches up before it if that is due, waits after it for invalidations that it left pending, and reports what the cache
        did. Its result and exceptions are passed on as they are.
        """
        from ._invocation import handled

        return handled(self, function)

    def invocation(self) -> Invocation:
        """One invocation, for ``with`` or ``async with``: what ``handler`` does around a function."""
        from ._invocation import Invocation

        return Invocation(self)

    def _report(self, invocation: _snowmelt.Invocation | None) -> InvocationReport | None:
        ended = None if invocation is None or self.closed else invocation.finish()
        if ended is None:
            return None
        from ._stats import InvocationReport, read

        told, style, line = ended
        if line is not None:
            from ._events import report_line

            report_line(self._report_to, style, line)
        return read(InvocationReport, told)

    def stats(self) -> Stats:
        """Every counter since the cache was made, and the state of now."""
        from ._stats import Stats, read

        return read(Stats, self._stats())

    def warm(self) -> None:
        """Makes the first connection to the stream and gets the credentials. Failures are ignored."""
        wait(self._warm())

    def close(self) -> None:
        """Ends the cache: drops everything, and waits for invalidations that are under way.

        Loads under way go on for who waits for them, and are not stored. Everything else then raises ``ClosedError``.
        """
        if self._close():
            for write in self._writes.copy():
                write.pending.wait()
                self._settle(write)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        await self.aio.aclose()

    def __repr__(self) -> str:
        return f"<snowmelt.Cache, {'closed' if self.closed else f'{len(self)} entries'}>"


hasten(Cache)


def _key_texts(keys: Any) -> Any:
    if keys is None or isinstance(keys, str):
        return keys
    from ._data_id import DataId

    if isinstance(keys, DataId):
        return str(keys)
    if not hasattr(type(keys), "__iter__"):
        return keys  # The Rust side says what is wrong with it.
    return [str(key) if isinstance(key, DataId) else key for key in keys]
