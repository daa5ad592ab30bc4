"""Reads that may load, on the thread that reads."""

from __future__ import annotations

from time import monotonic

from ._fetched import Fetched, late, rescued, to_catch_up
from ._loads import Flight, Waiting, asynchronous, current, is_awaitable, no_loader, outcome
from ._snowmelt import MISS, Lease
from ._waiting import LOOK, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from . import _snowmelt
    from ._cache import Cache
    from ._fetched import Wishes


def fetch(cache: Cache[Any], key: str, due: bool, loader: Callable[[], Any], wishes: Wishes) -> Fetched[Any]:
    """What a reader does to whom a look gave nothing; ``due`` says that it gave ``DUE``."""
    arrival = cache._arrive()
    if not callable(loader):
        raise no_loader(key, loader)
    if due:
        wait(cache._catch_up_for_read())
        value = cache._look_again(key)
        if value is not MISS:
            return Fetched(value, "hit")
    ahead = True
    while True:
        begun, value, stale = cache._next(key, arrival, ahead)
        if begun is None:
            return Fetched(cache._out(value), "stale" if stale else "hit")
        if isinstance(begun, Lease):
            return _lead(cache, begun, value, stale, loader, wishes)
        fetched = joined(cache, key, begun, wishes)
        if fetched is not None:
            return fetched
        ahead = False  # It waited for a load already: fresh is fresh.


def rescue(cache: Cache[Any], key: str, raised: Exception) -> Fetched[Any] | None:
    """The old value in place of what could not be loaded, if there is one that may be served."""
    pending = to_catch_up(cache, key)
    if pending is None:
        return None
    wait(pending)
    return rescued(cache, key, raised)


def _lead(cache: Cache[Any], lease: Lease, old: Any, stale: bool, loader: Callable[[], Any], wishes: Wishes) -> Fetched[Any]:
    flight = Flight(None, lease)
    cache._flights[lease.id] = flight
    if wishes.soft(cache) is not None or (old is not MISS and wishes.hook(cache) is not None):
        from ._background import lead

        return lead(cache, flight, old, stale, lambda: run(cache, flight, loader, wishes), wishes)
    try:
        return Fetched(cache._out(run(cache, flight, loader, wishes)), "loaded")
    except Exception as raised:
        fetched = None if wishes.gives_errors else rescue(cache, lease.key, raised)
        if fetched is None:
            raise
        try:
            return fetched
        finally:
            del fetched  # This frame is in the traceback of its error.


def run(cache: Cache[Any], flight: Flight, loader: Callable[[], Any], wishes: Wishes) -> Any:
    """Runs a loader to its end, on this thread; gives the value."""
    (lease,) = flight.leases
    try:
        # Whoever asked from within another loader waits for this one.
        with Waiting(flight, blocking=False):
            token = current.set(flight)
            try:
                value = loader()
                if is_awaitable(value):
                    raise asynchronous(lease.key, value)
                cache.fill(lease, value, **wishes.of(value))
            finally:
                current.reset(token)
        return value
    except Exception as raised:
        lease.fail((raised, raised.__traceback__))
        raise
    finally:
        lease.abandon()
        del cache._flights[lease.id]


def joined(cache: Cache[Any], key: str, begun: _snowmelt.Joined, wishes: Wishes) -> Fetched[Any] | None:
    """What another's load brings for this thread; None if it has to load itself."""
    soft, pending = wishes.soft(cache), begun.start()
    try:
        if soft is not None and soft < cache._hard and not landed(cache, begun, pending, begun.left(soft)):
            fetched = rescue(cache, key, late())
            if fetched is not None and not pending.done():
                return fetched
        landed(cache, begun, pending)
        found = outcome(pending.result())
    except Exception as raised:
        fetched = None if wishes.gives_errors else rescue(cache, key, raised)
        if fetched is None:
            raise
        try:
            return fetched
        finally:
            del fetched  # This frame is in the traceback of its error.
    if found is not None:
        return Fetched(cache._out(found[0]), "coalesced")
    return rescue(cache, key, late()) if begun.left(cache._hard) <= 0 else None


def landed(cache: Cache[Any], joined: _snowmelt.Joined, pending: _snowmelt.Pending, within: float | None = None) -> bool:
    """Waits on this thread for another's load, at most so many seconds; whether it landed, or can be joined no more."""
    deadline = None if within is None else monotonic() + within
    flight = cache._flights.get(joined.id)
    with Waiting(flight, blocking=True):
        while not pending.wait(_slice(deadline)):
            if deadline is not None and monotonic() >= deadline:
                return False
            if flight is None and joined.id in cache._flights:
                break  # Its leader had not noted it yet.
            if flight is not None:
                flight.look()
        else:
            return True
    return landed(cache, joined, pending, None if deadline is None else max(0.0, deadline - monotonic()))


def _slice(deadline: float | None) -> float:
    return LOOK if deadline is None else max(0.0, min(LOOK, deadline - monotonic()))
