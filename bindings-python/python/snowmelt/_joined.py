"""Loads that somebody else leads, for those who load in their own way."""

from __future__ import annotations

from ._loads import outcome
from ._reads import landed
from ._types import Generic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _snowmelt
    from ._cache import Cache
    from ._types import V


class Joined(Generic["V"]):
    """A load that somebody else leads; made by ``Cache.begin``."""

    def __init__(self, cache: Cache[V], joined: _snowmelt.Joined) -> None:
        self._cache = cache
        self._joined = joined

    def wait(self) -> tuple[V] | None:
        """What that load brings, in a tuple; None if it is nothing for this waiter: then ``begin`` again.

        That is so if it was given up, took too long, or was revoked and had begun before this waiter came. Raises what the
        loader raised.
        """
        pending = self._joined.start()
        landed(self._cache, self._joined, pending)
        found = outcome(pending.result())
        return None if found is None else (self._cache._out(found[0]),)

    async def wait_async(self) -> tuple[V] | None:
        """The same, on an event loop."""
        from ._landing import landing
        from ._waiting import running_loop

        running_loop()  # Or it says what to do.
        load = landing(self._cache, self._joined)
        await load.landed()
        found = outcome(load.result())
        return None if found is None else (self._cache._out(found[0]),)
