"""Waiting for what the stream's thread does, with and without an event loop."""

from __future__ import annotations

from . import _loads, _snowmelt
from ._errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Imported where a loop runs: it takes longer than all of this package.
    import asyncio
    from collections.abc import Callable
    from typing import Any

#: How long a waiter sleeps before it looks whether whoever it waits for is still there.
LOOK = 0.2


def wait(pending: _snowmelt.Pending) -> Any:
    """Waits on this thread, with the interpreter's lock released. A signal's handler may raise out of it."""
    pending.wait()
    return pending.result()


def running_loop() -> asyncio.AbstractEventLoop:
    """The loop that runs on this thread. Other libraries' (trio) are none."""
    loop = _loads.running_loop()
    if loop is None:
        message = "`cache.aio` waits on an asyncio loop, and none runs here: call it from a coroutine that asyncio runs, or use the cache itself"
        raise error("INVALID_ARGUMENT", message)
    return loop


async def until(pending: _snowmelt.Pending) -> Any:
    """Waits on this loop."""
    await ended(pending)
    return pending.result()


async def ended(pending: _snowmelt.Pending, look: Callable[[], bool] | None = None, within: float | None = None) -> bool:
    """Waits, at most so many seconds, and leaves the result to its caller; whether it ended. ``look`` is called now and then,
    and says whether to stop.
    """
    import asyncio

    loop = running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(_set, woken)
        except RuntimeError:
            pass  # The loop was closed: nobody waits there any more.

    if pending.then(wake):
        if look is None and within is None and not _snowmelt.ending():
            await woken
        else:
            deadline = None if within is None else loop.time() + within
            # (While Python ends nobody is woken.)
            while not (await asyncio.wait({woken}, timeout=_slice(loop, deadline)))[0] and not pending.done():
                if (look is not None and look()) or (deadline is not None and loop.time() >= deadline):
                    return False
    return True


def _slice(loop: asyncio.AbstractEventLoop, deadline: float | None) -> float:
    return LOOK if deadline is None else max(0.0, min(LOOK, deadline - loop.time()))


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
