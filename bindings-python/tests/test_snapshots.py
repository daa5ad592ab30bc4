"""Lambda's snapshots: each copy is told that it is one, where Lambda may take any."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from snowmelt import Cache


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What was registered with Lambda's module, which takes its place."""
    registered: list[Callable[[], None]] = []
    lambdas: Any = ModuleType("snapshot_restore_py")
    lambdas.register_after_restore = registered.append
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", lambdas)
    return registered


def test_a_copy_revokes_its_loads(hooks: list[Callable[[], None]]) -> None:
    with Cache(stream="memory:", report="off") as cache:
        lease: Any = cache.begin("k")
        (restored,) = hooks
        restored()
        assert cache.fill(lease, 1) == "fenced" and "k" not in cache
        lease.abandon()
    # Neither a closed cache nor one that is gone.
    restored()
    del cache, lease
    gc.collect()
    restored()


def test_the_module_is_looked_for_where_snapshots_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Finder:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            asked.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    for kind, looked_for in (("on-demand", False), ("snap-start", True), ("provisioned-concurrency", False)):
        asked.clear()
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
        Cache(stream="none").close()
        assert ("snapshot_restore_py" in asked) == looked_for
