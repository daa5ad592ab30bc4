"""Copies restored from a snapshot: with AWS' own library, which the managed runtimes call."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import snapshot_restore_py

import snowmelt
from snowmelt import Cache, _snapshots

from .support import until

Make = Callable[..., Cache]


def restore() -> None:
    """As the runtime does it after a restore."""
    for function, args, kwargs in snapshot_restore_py.get_after_restore():  # type: ignore[misc]
        function(*args, **kwargs)


def test_loads_from_before_are_not_stored(make: Make) -> None:
    cache = make()
    lease, joined = cache.begin("k"), cache.begin("k")
    assert isinstance(lease, snowmelt.Lease) and not isinstance(joined, snowmelt.Lease)

    def load() -> str:
        restore()
        return "the original's"

    assert cache.get_or_load("l", load) == "the original's" and "l" not in cache
    assert cache.fill(lease, "v") == "fenced" and "k" not in cache
    assert cache.get_or_load("l", lambda: "mine") == "mine" and cache["l"] == "mine"


def test_entries_count_as_old_as_they_are(make: Make) -> None:
    """They are served within their bounds only, after a catch-up that is due at once, and die at their time."""
    cache, writer = make(ttl=5), make()
    cache.get_or_load("k", lambda: 1)
    cache.get_or_load("l", lambda: 1)
    writer.invalidate("l")
    restore()
    with cache.invocation():
        assert cache.get("l") is None
    assert cache.get("k") == 1
    cache.get_or_load("short", lambda: 1, ttl=0.05)
    time.sleep(0.1)
    restore()
    assert cache.get("short") is None


def test_a_new_seed_spreads_copies(make: Make) -> None:
    """Copies of one snapshot do not let their entries fall at the same moment."""
    ends: set[float] = set()
    for _ in range(5):
        cache = make(stream="none", ttl=(0.01, 0.2), seed=7)
        restore()
        began = time.monotonic()
        cache.set("k", 1)
        until(lambda: cache.get("k") is None, what="the end of its lifetime")
        ends.add(round(time.monotonic() - began, 2))
    assert len(ends) > 1


def test_closed_and_forgotten_caches_are_no_hindrance(make: Make) -> None:
    make().close()
    hooks = len(snapshot_restore_py.get_after_restore())
    for _ in range(50):
        Cache(stream="none", report="off").set("k", random.random())
    restore()
    assert len(snapshot_restore_py.get_after_restore()) == hooks == 1
    alive: Any = make()
    alive.set("k", 1)
    restore()
    assert alive.closed is False


def test_the_library_is_looked_for_where_snapshots_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Finder:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            asked.append(name)

    monkeypatch.delitem(sys.modules, "snapshot_restore_py")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    for kind, looked_for in (("on-demand", False), ("snap-start", True), ("provisioned-concurrency", False)):
        asked.clear()
        monkeypatch.delitem(sys.modules, "snapshot_restore_py", raising=False)
        monkeypatch.setattr(_snapshots, "_copies", None)
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
        Cache(stream="none").close()
        assert ("snapshot_restore_py" in asked) == looked_for
