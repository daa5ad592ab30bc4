"""What a read that may load is asked, and what it answers."""

from __future__ import annotations

from . import _snowmelt
from ._errors import SnowmeltError, describe, error, shown
from ._generic import Generic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._cache import Cache
    from ._types import How, V


class Fetched(Generic["V"]):
    """A value, and how it was come by."""

    __slots__ = ("error", "how", "value")
    __match_args__ = ("value", "how", "error")

    #: What was asked for.
    value: V
    #: "hit": it was cached and fresh. "loaded": this read loaded it. "coalesced": another read did. "stale": it is past its
    #: lifetime, within ``stale_while_revalidate``. "stale_on_error": it could not be loaded anew, and is within
    #: ``stale_if_error``: nobody knows whether it is still true.
    how: How
    #: Why there is no newer value, if a load was waited for and an older value is given in its place: what the loader raised,
    #: or a ``TimeoutError`` if it still goes on.
    error: Exception | None

    def __init__(self, value: V, how: How, error: Exception | None = None) -> None:
        self.value = value
        self.how = how
        self.error = error

    def __repr__(self) -> str:
        return f"Fetched(value={self.value!r}, how={self.how!r}, error={self.error!r})"


#: What goes with a value, and what else a read that may load takes.
_OF_VALUES = frozenset(("tags", "ttl", "weight", "stale_while_revalidate", "stale_if_error", "refresh_ahead", "absent"))
_ALL = _OF_VALUES | {"soft_load_timeout", "wait_until"}


class Wishes:
    """What one call asks for."""

    __slots__ = ("given", "gives_errors", "soft_load_timeout", "wait_until")

    def __init__(self, soft_load_timeout: Any = None, wait_until: Any = None, *, gives_errors: bool = False, **given: Any) -> None:
        #: A load that fails gives its error, also where an old value could stand in for it: for loaders whose exceptions do not
        #: all mean a failure. Their callers ask ``rescue`` themselves, and nothing is logged.
        self.gives_errors = gives_errors
        #: What goes with the value. Each may be a function of it.
        self.given = {name: wish for name, wish in given.items() if wish is not None}
        unknown = given.keys() - _OF_VALUES
        if unknown:
            raise error("INVALID_ARGUMENT", f"there is no argument `{min(unknown)}`: there are {', '.join(sorted(_ALL))}", wrong_type=True)
        self.soft_load_timeout = None if soft_load_timeout is None else _snowmelt.soft_load_timeout(soft_load_timeout)
        for name, function, shape in (("wait_until", wait_until, "(refresh) -> None"), ("absent", given.get("absent"), "(value) -> bool")):
            if function is not None and not callable(function):
                raise error("INVALID_ARGUMENT", f"`{name}` is {describe(function)}: give a function {shape}", wrong_type=True)
        self.wait_until = wait_until

    def but(self, **given: Any) -> Wishes:
        """The same with others in their place."""
        wishes = Wishes(wait_until=self.wait_until, gives_errors=self.gives_errors, **{**self.given, **given})
        wishes.soft_load_timeout = self.soft_load_timeout
        return wishes

    def of(self, value: object) -> dict[str, Any]:
        """What goes with a loaded value."""
        said = {name: wish(value) if callable(wish) else wish for name, wish in self.given.items()}
        if "absent" in said:
            said["absent"] = bool(said["absent"])
        return said

    def fixed(self) -> dict[str, Any]:
        """What goes with any value."""
        return {name: wish for name, wish in self.given.items() if not callable(wish)}

    def hook(self, cache: Cache[Any]) -> Callable[[Any], object] | None:
        return cache._wait_until if self.wait_until is None else self.wait_until

    def soft(self, cache: Cache[Any]) -> float | None:
        return cache._soft if self.soft_load_timeout is None else min(self.soft_load_timeout, cache._hard)


def to_catch_up(cache: Cache[Any], key: str) -> _snowmelt.Pending | None:
    """What is to be waited for before ``rescued`` is asked, as an old value is served like any other after a catch-up that is
    due: the stream may say that it was invalidated. None if there is nothing to be asked for.
    """
    try:
        return cache._catch_up_for_read() if cache._keeps(key) else None
    except SnowmeltError:
        return None  # Closed meanwhile.


def rescued(cache: Cache[Any], key: str, raised: Exception) -> Fetched[Any] | None:
    """What there is for a reader whose load failed or takes long."""
    try:
        saved = cache._rescue(key)
    except SnowmeltError:
        return None  # Closed meanwhile.
    return None if saved is None else Fetched(cache._out(saved[0]), saved[1], raised)


def late() -> TimeoutError:
    """In the place of what a load fails with that still goes on."""
    return TimeoutError("the load takes longer than its timeout, and goes on")


def at_once(cache: Cache[Any], key: str, old: Any, stale: bool) -> Fetched[Any]:
    """The old value, while its load goes on."""
    if stale:
        cache._note_stale(key)
    return Fetched(cache._out(old), "stale" if stale else "hit")


def tell(hook: Callable[[Any], object] | None, refresh: object) -> None:
    """Hands a load that goes on to who keeps the process running for it."""
    if hook is None:
        return
    try:
        hook(refresh)
    except Exception:
        from ._events import log

        log(40, "wait_until raised an exception; the load that it was told of goes on", exc_info=True)


def unheard(key: str, raised: BaseException) -> None:
    """A load failed that nobody waits for."""
    from ._events import log

    log(30, "the refresh of %s failed, and nobody waits for it", shown(key), exc_info=raised)
