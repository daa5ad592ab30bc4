"""Who loads what, and who waits for whom.

Loads may wait for each other: a loader reads other keys. So that loads which wait for each other in a circle fail and do
not hang, whoever waits is noted here, and looked for before.

A load waits for others in two ways: its loader asks for a key (an edge from load to load), or the event loop that has to go
on with it stands still, because somebody waits on its thread without ``await`` (an edge from thread to load).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from . import _snowmelt
from ._errors import SnowmeltError, describe, error, shown

if TYPE_CHECKING:
    import asyncio

#: The load whose loader is running.
current: ContextVar[Flight | None] = ContextVar("snowmelt_load", default=None)

#: Around all edges, of all caches.
_lock = threading.Lock()
#: What each thread waits for, with a loop that stands still meanwhile.
_standing: dict[int, list[Flight]] = {}


class Flight:
    """A load that Python code leads."""

    __slots__ = ("key", "lease", "loop", "thread", "waits_for")

    def __init__(self, lease: _snowmelt.Lease, loop: asyncio.AbstractEventLoop | None) -> None:
        self.key: str = lease.key
        self.lease = lease
        #: The loop that its loader runs on, if it is asynchronous.
        self.loop = loop
        self.thread = threading.get_ident()
        self.waits_for: list[Flight] = []

    def look(self) -> None:
        """A loop that was closed goes on with nothing: its loads are given up, so that others can load the keys."""
        if self.loop is not None and self.loop.is_closed():
            self.lease.abandon()


def running_loop() -> asyncio.AbstractEventLoop | None:
    loops = sys.modules.get("asyncio.events")
    # (Without it no loop runs.)
    return None if loops is None else loops._get_running_loop()


@contextmanager
def waiting(flight: Flight | None, *, blocking: bool) -> Iterator[None]:
    """Notes that the running load waits for ``flight``; with ``blocking``, that this thread does."""
    waiter = current.get()
    thread = threading.get_ident() if blocking and running_loop() is not None else None
    if flight is None or (waiter is None and thread is None):
        yield
        return
    with _lock:
        _refuse_cycles(flight, waiter, thread)
        if waiter is not None:
            waiter.waits_for.append(flight)
        if thread is not None:
            _standing.setdefault(thread, []).append(flight)
    try:
        yield
    finally:
        with _lock:
            if waiter is not None:
                waiter.waits_for.remove(flight)
            if thread is not None:
                _standing[thread].remove(flight)
                if not _standing[thread]:
                    del _standing[thread]


def _refuse_cycles(flight: Flight, waiter: Flight | None, thread: int | None) -> None:
    seen: set[Flight] = set()
    ahead = [flight]
    while ahead:
        reached = ahead.pop()
        if reached in seen:
            continue
        seen.add(reached)
        if reached is waiter:
            raise _cycle(flight, waiter)
        if reached.loop is not None:
            if reached.thread == thread:
                raise _standstill(flight)
            ahead.extend(_standing.get(reached.thread, ()))
        ahead.extend(reached.waits_for)


def _cycle(flight: Flight, waiter: Flight) -> SnowmeltError:
    if flight is waiter:
        keys = f"the loader of {shown(flight.key)} asks for its own key"
    else:
        keys = f"the loaders of {shown(waiter.key)} and {shown(flight.key)} wait for each other"
    remedy = "a loader can ask for other keys, as long as theirs do not ask for it; call what they share directly"
    return error("LOAD_CYCLE", f"{keys}: {remedy}")


def _standstill(flight: Flight) -> SnowmeltError:
    return error(
        "LOAD_CYCLE",
        f"reading {shown(flight.key)} here would block the event loop that has to finish its load: use `await cache.aio.get_or_load(…)` "
        "on a loop's thread",
    )


def outcome(found: Any) -> tuple[Any] | None:
    """The value that a joined load brought, in a tuple; or None. Raises what the loader raised."""
    if found is None:
        return None
    loaded, result = found
    if loaded:
        return (result,)
    # All who waited raise one exception: each with the traceback of the load, not of one another.
    exception, traceback = result
    try:
        raise exception.with_traceback(traceback)
    finally:
        # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
        del found, result, exception, traceback


def no_loader(key: str, loader: object) -> SnowmeltError:
    return error("INVALID_ARGUMENT", f"the loader of {shown(key)} is {describe(loader)}: give a function that returns the value", wrong_type=True)
