"""What comes before a fork.

Python holds a lock on each module while it is imported, and a child that was forked meanwhile by another thread waits for
that lock for ever: whoever holds it is not there. A program knows which modules its own threads import, and when. It does
not know of those that this package imports when they are first needed; so before a fork all of them are imported, and none
can be under way.
"""

from __future__ import annotations

from importlib import import_module

#: What is imported when it is first needed, by this package's functions and its Rust side. None of these may itself register
#: with forks (``logging`` and ``concurrent.futures`` do): one is under way, and would be told of its end, and not of its
#: beginning.
MODULES = (
    "collections.abc",
    "dataclasses",
    "functools",
    "importlib",
    "inspect",
    "json",
    "string",
    "threading",
    "urllib.parse",
    "weakref",
    "snowmelt._aio",
    "snowmelt._background",
    "snowmelt._cached",
    "snowmelt._data_id",
    "snowmelt._events",
    "snowmelt._functions",
    "snowmelt._invocation",
    "snowmelt._joined",
    "snowmelt._keys",
    "snowmelt._landing",
    "snowmelt._many",
    "snowmelt._records",
    "snowmelt._sources",
    "snowmelt._stats",
    "snowmelt._types",
)


def import_all() -> None:
    """Waits for other threads that import one of them."""
    for name in MODULES:
        import_module(name)
