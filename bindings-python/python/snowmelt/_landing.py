"""Waiting on an event loop for loads that others lead."""

from __future__ import annotations

from time import monotonic

from ._loads import Waiting, running_loop
from ._waiting import ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._cache import Cache
    from ._loads import Flight
    from ._snowmelt import Joined

#: Within the very millisecond in which its time is up a load can still be joined.
_LAST = 0.001


def landing(cache: Cache[Any], joined: Joined) -> Near | Far:
    """How a load is waited for."""
    flight = cache._flights.get(joined.id)
    if flight is not None and flight.loop is not None and flight.loop is running_loop():
        return Near(cache, joined, flight)
    return Far(cache, joined)


class Near:
    """A load of this very loop: no other thread is asked when it ended, which is most of what waiting for it costs."""

    def __init__(self, cache: Cache[Any], joined: Joined, flight: Flight) -> None:
        self._hard = cache._hard + _LAST
        self._joined = joined
        self._flight = flight

    async def landed(self, within: float | None = None) -> bool:
        """Waits, at most so many seconds; whether it landed, or can be joined no more."""
        flight = self._flight
        assert flight.loop is not None
        deadline = None if within is None else flight.loop.time() + within
        with Waiting(flight, blocking=False):
            while not flight.over:
                left = self._joined.left(self._hard)
                if left <= 0:
                    break
                if deadline is not None:
                    left = min(left, deadline - flight.loop.time())
                    if left <= 0:
                        return False
                await flight.woken(left)
        return True

    def done(self) -> bool:
        return self._flight.over

    def result(self) -> Any:
        return self._joined.end()


class Far:
    """A load of another loop or thread."""

    def __init__(self, cache: Cache[Any], joined: Joined) -> None:
        self._cache = cache
        self._joined = joined
        self._pending = joined.start()

    async def landed(self, within: float | None = None) -> bool:
        """As above."""
        cache, joined, pending = self._cache, self._joined, self._pending
        deadline = None if within is None else monotonic() + within
        flight = cache._flights.get(joined.id)

        def look() -> bool:
            if flight is None:
                # Its leader had not noted it yet, so that who waits for whom is not known either.
                return joined.id in cache._flights
            flight.look()
            return False

        with Waiting(flight, blocking=False):
            if await ended(pending, look, within):
                return True
        left = None if deadline is None else deadline - monotonic()
        return False if left is not None and left <= 0 else await self.landed(left)

    def done(self) -> bool:
        return self._pending.done()

    def result(self) -> Any:
        return self._pending.result()
