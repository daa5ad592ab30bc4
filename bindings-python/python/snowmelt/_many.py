"""Reads of many keys that share one call of a loader."""

from __future__ import annotations

from . import _reads
from ._aio import Load
from ._aio import rescue as arescue
from ._errors import SnowmeltError, describe, error, shown
from ._fetched import at_once, late
from ._loads import Flight, Waiting, asynchronous, current, is_awaitable
from ._snowmelt import DUE, MISS, Joined, Lease
from ._waiting import running_loop, until, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from ._cache import Cache
    from ._fetched import Fetched, Wishes
    from ._snowmelt import Pending

#: What a loader gave has no value for a key.
_NOTHING = object()


class Claims:
    """What the keys of a call came to."""

    def __init__(self, cache: Cache[Any], keys: Iterable[str], loader: object) -> None:
        if isinstance(keys, (str, bytes)) or not hasattr(type(keys), "__iter__"):
            raise error("INVALID_ARGUMENT", f"`keys` is {describe(keys)}: give a list of str", wrong_type=True)
        self._cache = cache
        #: Once each, in their order.
        self.keys: list[str] = list(keys)
        if all(isinstance(key, str) for key in self.keys):  # What is wrong with the others is said when they are looked for.
            self.keys = list(dict.fromkeys(self.keys))
        if not callable(loader):
            what = f"the loader of {len(self.keys)} keys is {describe(loader)}"
            raise error("INVALID_ARGUMENT", f"{what}: give a function (keys) -> mapping", wrong_type=True)
        self.arrival = cache._arrive()
        self.found: dict[str, Any] = {}
        self.due: list[str] = []
        #: Keys without a value so far.
        self.wanted: list[str] = []
        #: Leases, with the old values of those that have one: ``(value, stale)``.
        self.leases: list[Lease] = []
        self.old: dict[str, tuple[Any, bool]] = {}
        self.joins: list[tuple[str, Joined]] = []
        self._ahead = True
        #: The first exception of those that nothing stands in for.
        self.raised: Exception | None = None

    def look(self) -> Pending | None:
        """What is to be waited for before ``look_again``, if anything is."""
        for key in self.keys:
            value = self._cache._look(key)
            if value is DUE:
                self.due.append(key)
            elif value is not MISS:
                self.found[key] = value
        return self._cache._catch_up_for_read() if self.due else None

    def look_again(self) -> None:
        for key in self.due:
            value = self._cache._look_again(key)
            if value is not MISS:
                self.found[key] = value

    def claim(self) -> bool:
        """Begins a round: each key that is still without a value is served, led or joined. Whether there was any."""
        cache, ahead = self._cache, self._ahead
        self.leases, self.old, self.joins, self._ahead = [], {}, [], False
        wanted = self.wanted if not ahead else [key for key in self.keys if key not in self.found]
        wanted, self.wanted = wanted if self.raised is None else [], []
        try:
            for key in wanted:
                begun, value, stale = cache._next(key, self.arrival, ahead)
                if begun is None:
                    self.found[key] = cache._out(value)
                elif isinstance(begun, Lease):
                    self.leases.append(begun)
                    if value is not MISS:
                        self.old[key] = (value, stale)
                else:
                    self.joins.append((key, begun))
        except BaseException:
            for lease in self.leases:
                lease.abandon()
            raise
        return bool(wanted)

    def split(self) -> tuple[list[Lease], list[Lease]]:
        """The leases that are loaded now, and with a hook those that are loaded while their old values are served."""
        return [lease for lease in self.leases if lease.key not in self.old], [lease for lease in self.leases if lease.key in self.old]

    def serve_old(self, leases: list[Lease]) -> None:
        for lease in leases:
            self.found[lease.key] = at_once(self._cache, lease.key, *self.old[lease.key]).value

    def to_join(self) -> Iterator[tuple[str, Joined]]:
        """The loads of others; none if it is known already that there will be no result."""
        for join in self.joins:
            if self.raised is not None:
                return
            yield join

    def answer(self, key: str, fetched: Fetched[Any] | None) -> None:
        if fetched is None:
            self.wanted.append(key)
        else:
            self.found[key] = fetched.value

    def rescued(self, key: str, fetched: Fetched[Any] | None) -> bool:
        """Whether there is an old value for a key that could not be loaded."""
        if fetched is not None:
            self.found[key] = fetched.value
        return fetched is not None

    def fail(self, raised: Exception) -> None:
        if self.raised is None:
            self.raised = raised

    def result(self) -> dict[str, Any]:
        raised, self.raised = self.raised, None
        if raised is None:
            return {key: self.found[key] for key in self.keys}
        try:
            raise raised
        finally:
            # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
            del raised


class Batch:
    """The keys that one call of a loader loads."""

    def __init__(self, cache: Cache[Any], leases: list[Lease], loop: asyncio.AbstractEventLoop | None, wishes: Wishes) -> None:
        self.cache, self.leases, self.wishes = cache, leases, wishes
        self.flight = Flight(loop, *leases)
        self.values: dict[str, Any] = {}
        #: Why there is no value for a key.
        self.raised: dict[str, Exception] = {}
        for lease in leases:
            cache._flights[lease.id] = self.flight

    @property
    def keys(self) -> list[str]:
        return [lease.key for lease in self.leases]

    def fill(self, loaded: Any) -> None:
        """Stores what the loader gave, each key by itself: what cannot be stored of one concerns no other."""
        get = getattr(loaded, "get", None)
        if not callable(get):
            what = f"the loader of {shown(self.leases[0].key)} and others gave {describe(loaded)}"
            raise error("INVALID_ARGUMENT", f"{what}: return a mapping of keys to values", wrong_type=True)
        for lease in self.leases:
            try:
                self._fill(lease, get(lease.key, _NOTHING))
            except Exception as raised:
                lease.fail((raised, raised.__traceback__))
                self.raised[lease.key] = raised

    def _fill(self, lease: Lease, value: Any) -> None:
        if value is _NOTHING:
            # (There is no value that a function could be asked for.)
            self.cache.fill(lease, None, **{**self.wishes.fixed(), "absent": True})
            value = None
        else:
            self.cache.fill(lease, value, **self.wishes.of(value))
        self.values[lease.key] = value

    def fail(self, raised: Exception) -> None:
        for lease in self.leases:
            lease.fail((raised, raised.__traceback__))
            self.raised[lease.key] = raised

    def end(self) -> None:
        """Whoever still waits loads anew."""
        for lease in self.leases:
            lease.abandon()
            self.cache._flights.pop(lease.id, None)

    def run(self, loader: Callable[[list[str]], Any]) -> None:
        """Runs the loader to its end, on this thread."""
        try:
            with Waiting(self.flight, blocking=False):
                token = current.set(self.flight)
                try:
                    loaded = loader(self.keys)
                    if is_awaitable(loaded):
                        raise asynchronous(self.flight.key, loaded)
                    self.fill(loaded)
                finally:
                    current.reset(token)
        except Exception as raised:
            self.fail(raised)
        finally:
            self.end()

    async def arun(self, loader: Callable[[list[str]], Any], load: Load) -> None:
        """The same, as a task of its own."""
        current.set(self.flight)
        try:
            loaded = loader(self.keys)
            if is_awaitable(loaded):
                loaded = await loaded
            self.fill(loaded)
            for failed in self.raised.values():
                load.fail(failed)
        except Exception as raised:
            self.fail(raised)
            load.fail(raised)
        finally:
            self.end()

    def kept(self) -> bool:
        """Whether all of its keys may have old values."""
        try:
            return all(self.cache._keeps(key) for key in self.keys)
        except SnowmeltError:
            return False  # Closed meanwhile.

    def old(self, rescued: list[Fetched[Any] | None]) -> dict[str, Any] | None:
        """The old values of its keys, if there are all of them."""
        whole = {key: fetched.value for key, fetched in zip(self.keys, rescued) if fetched is not None}
        return whole if len(whole) == len(rescued) else None

    def forget(self, _: object = None) -> Exception | None:
        """What was raised, if anything was; it is not kept here, since its traceback has frames that have this."""
        raised = next(iter(self.raised.values()), None)
        self.raised.clear()
        return raised


def get_many(
    cache: Cache[Any], keys: Iterable[str], loader: Callable[[list[str]], Mapping[str, Any]], wishes: Wishes
) -> dict[str, Any]:
    claims = Claims(cache, keys, loader)
    due = claims.look()
    if due is not None:
        wait(due)
        claims.look_again()
    while claims.claim():
        _lead(claims, cache, loader, wishes)
        for key, joined in claims.to_join():
            try:
                claims.answer(key, _reads.joined(cache, key, joined, wishes))
            except Exception as raised:
                claims.fail(raised)
    return claims.result()


def _lead(claims: Claims, cache: Cache[Any], loader: Callable[[list[str]], Any], wishes: Wishes) -> None:
    """Loads what nobody else does. Before any load is waited for: two calls never hold what the other waits for."""
    now, hook = claims.leases, wishes.hook(cache)
    if hook is not None and claims.old:
        from ._background import Background

        now, later = claims.split()
        refresh = Batch(cache, later, None, wishes)

        def run() -> None:
            refresh.run(loader)
            raised = refresh.forget()
            try:
                if raised is not None:
                    raise raised
            finally:
                del raised

        Background(refresh.flight.key, run, wishes).leave(hook)
        claims.serve_old(later)
    if not now:
        return
    batch = Batch(cache, now, None, wishes)
    rescued = _run(batch, loader, wishes)
    if rescued is not None:
        claims.found.update(rescued)
        return
    for key in batch.keys:
        raised = batch.raised.pop(key, None)
        if raised is None:
            claims.found[key] = cache._out(batch.values[key])
        elif not claims.rescued(key, _reads.rescue(cache, key, raised)):
            claims.fail(raised)


def _run(batch: Batch, loader: Callable[[list[str]], Any], wishes: Wishes) -> dict[str, Any] | None:
    """Runs a batch; gives old values, if all of its keys have one, where it takes longer than it should."""
    cache, soft = batch.cache, wishes.soft(batch.cache)
    if soft is None:
        batch.run(loader)
        return None
    from ._background import Background

    load = Background(batch.flight.key, lambda: batch.run(loader), wishes)
    with Waiting(batch.flight, blocking=True):
        for within in (soft, max(0.0, cache._hard - soft)):
            if load.ended(within):
                break
            if batch.kept():
                old = batch.old([_reads.rescue(cache, key, late()) for key in batch.keys])
                if old is not None and not load.ended(0):
                    load.leave(wishes.hook(cache))
                    return old
        load.ended(None)
    load.result()
    return None


async def aget_many(cache: Cache[Any], keys: Iterable[str], loader: Callable[[list[str]], Any], wishes: Wishes) -> dict[str, Any]:
    claims = Claims(cache, keys, loader)
    # Before a load is begun that could not go on.
    loop = running_loop()
    due = claims.look()
    if due is not None:
        await until(due)
        claims.look_again()
    while claims.claim():
        await _alead(claims, cache, loop, loader, wishes)
        for key, joined in claims.to_join():
            try:
                claims.answer(key, await cache.aio._join(key, joined, wishes))
            except Exception as raised:
                claims.fail(raised)
    return claims.result()


async def _alead(
    claims: Claims, cache: Cache[Any], loop: asyncio.AbstractEventLoop, loader: Callable[[list[str]], Any], wishes: Wishes
) -> None:
    now, hook = claims.leases, wishes.hook(cache)

    def start(leases: list[Lease]) -> tuple[Batch, Load, asyncio.Task[None]]:
        batch = Batch(cache, leases, loop, wishes)
        load = Load(batch.flight.key, wishes)
        return batch, load, load.start(cache, batch.flight, batch.arun(loader, load))

    if hook is not None and claims.old:
        now, later = claims.split()
        refresh, load, task = start(later)
        task.add_done_callback(refresh.forget)
        load.leave(hook, task)
        claims.serve_old(later)
    if not now:
        return
    batch, load, task = start(now)
    old = await _apatient(batch, task, wishes)
    if old is not None:
        task.add_done_callback(batch.forget)
        load.leave(hook, task)
        claims.found.update(old)
        return
    load.take()  # Each key has it.
    for key in batch.keys:
        raised = batch.raised.pop(key, None)
        if raised is None:
            claims.found[key] = cache._out(batch.values[key])
        elif not claims.rescued(key, await arescue(cache, key, raised)):
            claims.fail(raised)


async def _apatient(batch: Batch, task: asyncio.Task[None], wishes: Wishes) -> dict[str, Any] | None:
    """Waits for a batch; as ``_run``."""
    import asyncio

    cache, soft = batch.cache, wishes.soft(batch.cache)
    with Waiting(batch.flight, blocking=False):
        for within in (cache._hard,) if soft is None else (soft, max(0.0, cache._hard - soft)):
            if (await asyncio.wait({task}, timeout=within))[0]:
                break
            if batch.kept():
                old = batch.old([await arescue(cache, key, late()) for key in batch.keys])
                if old is not None and not task.done():
                    return old
        else:
            await asyncio.wait({task})
    # If it was cancelled, so is this.
    task.result()
    return None
