"""What kind of function something is, without importing ``inspect`` (10 ms) where it is plain."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_Function = type(lambda: None)

# The flags of code objects, as `inspect` has them.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


def is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine."""
    if _is_plain(function):
        return bool(function.__code__.co_flags & _COROUTINE)
    import inspect

    return inspect.iscoroutinefunction(function)


def is_generator(function: Any) -> bool:
    """Whether calling it gives a generator, asynchronous or not."""
    if _is_plain(function):
        return bool(function.__code__.co_flags & (_GENERATOR | _ASYNC_GENERATOR))
    import inspect

    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _is_plain(function: object) -> bool:
    # (`inspect.markcoroutinefunction` leaves a mark, whatever the code is.)
    return type(function) is _Function and not hasattr(function, "_is_coroutine_marker")
