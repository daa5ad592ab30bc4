"""What happens while ``set`` runs a user's functions counts as later than the value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

Make = Callable[..., Cache]


def test_an_invalidation_while_a_copy_is_made(make: Make) -> None:
    def copied(value: Any) -> Any:
        if value == "old":
            cache.invalidate("k")
        return value

    cache = make(copy=copied)
    assert cache.set("k", "old") == "fenced" and "k" not in cache
    assert cache.set("k", "new") == "stored" and cache["k"] == "new"


def test_an_invalidation_while_it_is_weighed_or_tagged(make: Make) -> None:
    def size_of(value: Any, key: str) -> int:
        cache.invalidate(tags=["t"])
        return 1

    cache = make(size_of=size_of)
    assert cache.set("k", "old", tags=["t"]) == "fenced"

    def tags() -> Iterator[str]:
        cache.invalidate("k")
        yield "t"

    cache = make()
    assert cache.set("k", "old", tags=tags()) == "fenced"


def test_an_invalidation_before_it_is_no_hindrance(make: Make) -> None:
    cache = make(copy=lambda value: value)
    outcomes = []
    for number in range(200):
        cache.invalidate("k", tags=["t"])
        outcomes.append(cache.set("k", number, tags=["t"]))
    assert outcomes.count("stored") == 200


def test_a_close_while_a_copy_is_made(make: Make) -> None:
    def copied(value: Any) -> Any:
        cache.close()
        return value

    cache = make(copy=copied)
    with pytest.raises(snowmelt.ClosedError):
        cache.set("k", 1)
    lease_cache = make(copy=lambda value: (lease_cache.close(), value)[1])
    lease = lease_cache.begin("k")
    assert isinstance(lease, snowmelt.Lease)
    lease_cache.fill(lease, 1)
    assert lease_cache.closed
