"""The two faces of a cache, for tests that hold for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from snowmelt import Cache, CatchUpError, Fetched

from .support import until


class Face:
    """Reads without ``await``."""

    name = "sync"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def fetch(self, key: str, loader: Callable[[], Any], **options: Any) -> Fetched[Any]:
        return self.cache.fetch(key, loader, **options)

    def get_or_load(self, key: str, loader: Callable[[], Any], **options: Any) -> Any:
        return self.cache.get_or_load(key, loader, **options)

    def get_many(self, keys: Any, loader: Callable[[list[str]], Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        return self.cache.get_many(keys, loader, **options)


class AsyncFace(Face):
    """The same through asyncio, each on a loop of its own that ends with it."""

    name = "aio"

    def fetch(self, key: str, loader: Callable[[], Any], **options: Any) -> Fetched[Any]:
        return asyncio.run(self.cache.aio.fetch(key, _later(loader), **options))

    def get_or_load(self, key: str, loader: Callable[[], Any], **options: Any) -> Any:
        return asyncio.run(self.cache.aio.get_or_load(key, _later(loader), **options))

    def get_many(self, keys: Any, loader: Callable[[list[str]], Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        return asyncio.run(self.cache.aio.get_many(keys, _later(loader), **options))


def _later(loader: Callable[..., Any]) -> Callable[..., Any]:
    async def load(*arguments: Any) -> Any:
        await asyncio.sleep(0)
        return loader(*arguments)

    return load if callable(loader) else loader


FACES = [Face, AsyncFace]


def fail() -> Any:
    raise ConnectionError("the origin is away")


def never() -> Any:
    raise AssertionError("this is not to be loaded")


def aged(cache: Cache, key: str, value: Any, seconds: float) -> None:
    """Stores a value that was true so many seconds ago: more than `max_lag`, so that only the stream vouches for it."""
    assert cache.set(key, value, as_of=time.time() - seconds) == "stored"
    until(lambda: caught_up(cache), what="a catch-up within its budget")
    assert key in cache


def caught_up(cache: Cache) -> bool:
    try:
        cache.catch_up()
    except CatchUpError:
        return False  # A busy machine.
    return True


def outlived(cache: Cache, key: str = "k", value: Any = "old", **windows: Any) -> None:
    """Stores a value, and waits until its lifetime is over."""
    assert cache.set(key, value, ttl=0.02, **windows) == "stored"
    until(lambda: key not in cache, what="the end of its lifetime")
