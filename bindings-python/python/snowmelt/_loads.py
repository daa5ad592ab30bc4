"""Who loads what, and who waits for whom.

Loads may wait for each other: a loader reads other keys. So that loads which wait for each other in a circle fail and do
not hang, whoever waits is noted here, and looked for before.

A load waits for others in two ways: its loader asks for a key (an edge from load to load), or the event loop that has to go
on with it stands still, because somebody waits on its thread without ``await`` (an edge from thread to load).
"""

from __future__ import annotations

import sys
from _thread import RLock, get_ident
from contextvars import ContextVar

from ._errors import describe, error, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from . import _snowmelt
    from ._errors import SnowmeltError

#: The load whose loader is running.
current: ContextVar[Flight | None] = ContextVar("snowmelt_load", default=None)

#: Around all edges, of all caches. A finalizer may run while it is held, and load as well.
_lock = RLock()
#: What each thread waits for, with a loop that stands still meanwhile.
_standing: dict[int, list[Flight]] = {}


class Flight:
    """A load that Python code leads."""

    __slots__ = ("key", "leases", "loop", "over", "thread", "waiters", "waits_for")

    def __init__(self, loop: asyncio.AbstractEventLoop | None, *leases: _snowmelt.Lease) -> None:
        self.key: str = leases[0].key
        #: Several, if one loader loads all of them.
        self.leases = leases
        #: The loop that its loader runs on, if it is asynchronous.
        self.loop = loop
        self.thread = get_ident()
        self.waits_for: list[Flight] = []
        #: Whether its task ended, and who waits for that on its loop.
        self.over = False
        self.waiters: set[asyncio.Future[None]] = set()

    def land(self) -> None:
        """Its task ended."""
        self.over = True
        for waiter in self.waiters:
            _set(waiter)

    async def woken(self, within: float) -> None:
        """Waits on its loop, at most so many seconds."""
        assert self.loop is not None
        waiter: asyncio.Future[None] = self.loop.create_future()
        timer = self.loop.call_later(within, _set, waiter)
        self.waiters.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self.waiters.discard(waiter)

    def look(self) -> None:
        """A loop that was closed goes on with nothing: its loads are given up, so that others can load the keys."""
        if self.loop is not None and self.loop.is_closed():
            for lease in self.leases:
                lease.abandon()


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def running_loop() -> asyncio.AbstractEventLoop | None:
    # (Without it, or while another thread imports it, no loop runs.)
    running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return None if running is None else running()


class Waiting:
    """Notes, for ``with``, that the running load waits for ``flight``; with ``blocking``, that this thread does."""

    __slots__ = ("_flight", "_thread", "_waiter")

    def __init__(self, flight: Flight | None, *, blocking: bool) -> None:
        self._waiter = current.get()
        self._thread = get_ident() if blocking and running_loop() is not None else None
        self._flight = None if self._waiter is None and self._thread is None else flight

    def __enter__(self) -> None:
        if self._flight is None:
            return
        with _lock:
            _refuse_cycles(self._flight, self._waiter, self._thread)
            if self._waiter is not None:
                self._waiter.waits_for.append(self._flight)
            if self._thread is not None:
                _standing.setdefault(self._thread, []).append(self._flight)

    def __exit__(self, *raised: object) -> None:
        if self._flight is None:
            return
        with _lock:
            if self._waiter is not None:
                self._waiter.waits_for.remove(self._flight)
            if self._thread is not None:
                # (None in a child that was forked meanwhile.)
                standing = _standing.get(self._thread)
                if standing is not None:
                    standing.remove(self._flight)
                if not standing:
                    _standing.pop(self._thread, None)


def forked() -> None:
    """To be called in a child after a fork: whoever held the lock is not there, and waits for nothing."""
    global _lock
    _lock = RLock()
    _standing.clear()


def _refuse_cycles(flight: Flight, waiter: Flight | None, thread: int | None) -> None:
    seen: set[Flight] = set()
    ahead = [flight]
    while ahead:
        reached = ahead.pop()
        if reached in seen:
            continue
        seen.add(reached)
        if waiter is not None and reached is waiter:
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


def is_awaitable(value: object) -> bool:
    return hasattr(type(value), "__await__")


def asynchronous(key: str, value: Any) -> SnowmeltError:
    """For a loader that would have to be awaited, where nobody can."""
    from collections.abc import Coroutine

    if isinstance(value, Coroutine):
        value.close()
    message = f"the loader of {shown(key)} is asynchronous: use `await cache.aio.get_or_load(…)`"
    return error("INVALID_ARGUMENT", message, wrong_type=True)
