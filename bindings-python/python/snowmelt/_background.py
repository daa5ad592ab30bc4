"""Loads on threads of their own: those that go on when their reader is gone."""

from __future__ import annotations

import threading
from contextvars import copy_context

from ._fetched import Fetched, at_once, late, tell, unheard
from ._loads import Flight, Waiting, current
from ._reads import rescue
from ._snowmelt import MISS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    from ._cache import Cache
    from ._fetched import Wishes


class Background:
    """Work on a thread of its own, in a copy of the caller's context. A process does not end before it did."""

    def __init__(self, key: str, work: Callable[[], Any], wishes: Wishes) -> None:
        self._key = key
        self._logs = not wishes.gives_errors
        self._work = work
        self._lock = threading.Lock()
        self._ended = threading.Event()
        #: Whether somebody asks for what came of it.
        self._heard = True
        self._future: Future[None] | None = None
        self._result: Any = None
        self._raised: BaseException | None = None
        context = copy_context()
        # Whoever began it does not wait for it, as far as who waits for whom is noted there.
        context.run(current.set, None)
        try:
            threading.Thread(target=context.run, args=(self._run,), name=f"snowmelt load of {str.__str__(key)[:64]}").start()
        except RuntimeError:
            context.run(self._run)  # There can be no more threads.

    def _run(self) -> None:
        result, raised = None, None
        try:
            result = self._work()
        except BaseException as error:
            raised = error
        with self._lock:
            self._result, self._raised = result, raised
            self._ended.set()
            future, heard = self._future, self._heard
        # (What was raised has this frame, and so itself otherwise.)
        del self._work, result, raised
        self._end(future, heard)

    def _end(self, future: Future[None] | None, heard: bool) -> None:
        if not heard and self._raised is not None:
            if self._logs:
                unheard(self._key, self._raised)
            self._raised = None
        if future is not None:
            future.set_result(None)

    def ended(self, within: float | None) -> bool:
        """Waits, at most so many seconds; whether it ended."""
        return self._ended.wait(within)

    def result(self) -> Any:
        """What came of it, after it ended; to be asked once."""
        raised, self._raised = self._raised, None
        if raised is None:
            return self._result
        try:
            raise raised
        finally:
            # This frame is in the traceback: what it holds would keep itself alive until the collector comes.
            del raised

    def leave(self, hook: Callable[[Any], object] | None) -> None:
        """Nobody waits for it any more but who is told of it."""
        future = None
        if hook is not None:
            from concurrent.futures import Future

            future = Future[None]()
            future.set_running_or_notify_cancel()
        with self._lock:
            self._future, self._heard = future, False
            over = self._ended.is_set()
        if over:
            self._end(future, False)
        tell(hook, future)


def lead(
    cache: Cache[Any], flight: Flight, old: Any, stale: bool, work: Callable[[], Any], wishes: Wishes
) -> Fetched[Any]:
    """Leads a load on a thread of its own, and gives the old value meanwhile, or if it takes long or fails."""
    hook, soft = wishes.hook(cache), wishes.soft(cache)
    load = Background(flight.key, work, wishes)
    if old is not MISS and hook is not None:
        load.leave(hook)
        return at_once(cache, flight.key, old, stale)
    with Waiting(flight, blocking=True):
        fetched = _patient(cache, flight.key, load, soft)
    if fetched is not None:
        load.leave(hook)
        return fetched
    try:
        return Fetched(cache._out(load.result()), "loaded")
    except Exception as raised:
        fetched = None if wishes.gives_errors else rescue(cache, flight.key, raised)
        if fetched is None:
            raise
        try:
            return fetched
        finally:
            del fetched  # This frame is in the traceback of its error.


def _patient(cache: Cache[Any], key: str, load: Background, soft: float | None) -> Fetched[Any] | None:
    """Waits for a load; gives the old value if there is one and it takes longer than it should, or may."""
    for within in () if soft is None else (soft, max(0.0, cache._hard - soft)):
        if load.ended(within):
            return None
        fetched = rescue(cache, key, late())
        if fetched is not None and not load.ended(0):
            return fetched
    load.ended(None)
    return None
