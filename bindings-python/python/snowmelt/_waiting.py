"""Waiting for what the stream's thread does, with and without an event loop."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Imported where a loop runs: it takes longer than all of this package.
    import asyncio
    from collections.abc import Callable
    from typing import Any

    from . import _snowmelt

#: How long a waiter sleeps before it looks whether whoever it waits for is still there.
LOOK = 0.2


def wait(pending: _snowmelt.Pending) -> Any:
    """Waits on this thread, with the interpreter's lock released. A signal's handler may raise out of it."""
    pending.wait()
    return pending.result()


async def until(pending: _snowmelt.Pending, look: Callable[[], None] | None = None) -> Any:
    """Waits on this loop. ``look`` is called now and then."""
    import asyncio

    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(_set, woken)
        except RuntimeError:
            pass  # The loop was closed: nobody waits there any more.

    if pending.then(wake):
        if look is None:
            await woken
        else:
            while not (await asyncio.wait({woken}, timeout=LOOK))[0]:
                look()
    return pending.result()


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
