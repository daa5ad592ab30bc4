"""The garbage collector sees what a cache holds, and may run at any moment."""

from __future__ import annotations

import asyncio
import copy
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .support import ended, until

Make = Callable[..., Cache]


class Holder:
    """Something that can be in a circle, and tells that it went."""

    gone = 0

    def __init__(self, held: Any = None) -> None:
        self.held = held

    def __call__(self, *args: Any) -> Any:
        return args[0] if args else None

    def __del__(self) -> None:
        Holder.gone += 1


class Key(str):
    held: Any


def fresh(**options: Any) -> Cache:
    return Cache(**{"stream": "none", "report": "off", **options})


def through_a_value() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()
    holder.held = cache
    cache.set("k", holder)
    return holder, cache


def through_values_that_hold_each_other() -> tuple[Any, Any]:
    holder, cache, other = Holder(), fresh(), fresh()
    cache.set("k", [other])
    other.set("k", (cache, holder))
    holder.held = other
    return holder, cache


def through_a_value_that_is_in_no_other_container() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()
    cache.set("k", (cache, holder))
    return holder, cache


def through_a_cached_function() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()

    @cache.cached("k/{number}")
    def cached(number: int) -> Any:
        return cached, holder

    @cache.cached
    async def acached(number: int) -> Any:
        return acached, holder

    cached(1)
    asyncio.run(acached(1))
    cache.set("k", cached)
    return holder, cache


def through_copy() -> tuple[Any, Any]:
    holder = Holder()
    holder.held = cache = fresh(copy=holder)
    return holder, cache


def through_size_of() -> tuple[Any, Any]:
    holder = Holder()
    holder.held = cache = fresh(size_of=lambda value, key: len((holder,)))
    cache.set("k", 1)
    return holder, cache


def through_on_event() -> tuple[Any, Any]:
    holder = Holder()
    holder.held = cache = fresh(on_event=holder)
    return holder, cache


def through_report_to() -> tuple[Any, Any]:
    holder = Holder()
    holder.held = cache = fresh(report="json", report_to=holder)
    with cache.invocation():
        pass
    return holder, cache


def through_a_handler() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()

    @cache.handler
    def handler(event: Any, context: Any) -> Any:
        return handler, holder

    cache.set("k", handler)
    return holder, cache


def through_a_lease() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()
    holder.held = cache.begin("l")
    cache.set("k", holder)
    return holder, cache


def through_the_key_of_a_lease() -> tuple[Any, Any]:
    holder, cache, key = Holder(), fresh(), Key("l")
    key.held = holder
    holder.held = cache.begin(key)
    return holder, cache


def through_a_joined_load() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()
    cache.set("lease", cache.begin("l"))
    holder.held = cache.begin("l")
    cache.set("k", holder)
    return holder, cache


def through_an_exception_that_was_joined() -> tuple[Any, Any]:
    holder, cache = Holder(), fresh()
    lease, joined = cache.begin("l"), cache.begin("l")
    assert isinstance(lease, snowmelt.Lease) and not isinstance(joined, snowmelt.Lease)
    lease.fail((ValueError(holder), None))
    with pytest.raises(ValueError) as raised:
        joined.wait()
    holder.held = raised.value, joined, cache
    return holder, cache


CIRCLES = [value for name, value in list(globals().items()) if name.startswith("through_")]


@pytest.mark.parametrize("build", CIRCLES, ids=lambda build: build.__name__)
def test_circles_are_collected(build: Callable[[], tuple[Any, Any]]) -> None:
    gc.collect()
    before = Holder.gone

    def known() -> tuple[weakref.ref[Any], ...]:
        return tuple(weakref.ref(made) for made in build())

    refs = known()
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert Holder.gone == before + 1


def test_what_is_in_use_is_not_collected() -> None:
    holder, cache = through_a_value()
    aio, joined = cache.aio, cache.begin("x")
    del cache
    gc.collect()
    assert holder.held["k"] is holder and joined.key == "x"
    assert asyncio.run(aio.get("k")) is holder
    lease = joined
    assert holder.held.fill(lease, holder) == "stored"


@pytest.fixture
def often() -> Iterator[None]:
    """A collection at almost every allocation."""
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def test_collections_during_calls(make: Make, often: None) -> None:
    cache = make(max_entries=5, copy=copy.copy, size_of=lambda value, key: 1)

    deep = threading.local()

    class Uses(Holder):
        def __del__(self) -> None:
            # One finalizer within another, and so on, is Python's stack's business.
            if cache.closed or getattr(deep, "within", False):
                return
            deep.within = True
            cache.set("k1", 1)
            cache.get("k2")
            cache.delete("k3")
            deep.within = False

    def work(number: int) -> None:
        for at in range(20):
            key = f"k{(at + number) % 7}"
            value = Uses()
            value.held = value, cache
            cache.set(key, value, tags=(tag for tag in ["t", key]))
            cache.get_or_load(key, Uses)
            cache.get(key)
            if at % 10 == 0:
                cache.invalidate(key, tags=["t"])
                asyncio.run(cache.aio.get_or_load(key, Uses))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(4)]:
            done.result(60)
    cache._validate()


def test_an_exception_keeps_nothing_alive(make: Make) -> None:
    """Neither the one who led the load nor those who joined it leave a circle for the collector."""
    cache = make()

    class Failure(Exception):
        pass

    known: list[weakref.ref[Any]] = []

    def fail(joined: int) -> Any:
        until(lambda: cache.stats().coalesced >= joined)
        failure = Failure()
        known.append(weakref.ref(failure))
        try:
            raise failure
        finally:
            del failure

    def read(joined: int) -> None:
        try:
            cache.get_or_load("k", lambda: fail(joined))
        except Failure:
            return
        raise AssertionError("it failed for everyone")

    async def aread() -> None:
        async def load() -> Any:
            await asyncio.sleep(0)
            return fail(0)

        reads = [asyncio.create_task(cache.aio.get_or_load("a", load)) for _ in range(2)]
        await asyncio.wait(reads)
        assert all(isinstance(task.exception(), Failure) for task in reads)

    gc.collect()
    gc.disable()
    try:
        read(0)
        threads = [threading.Thread(target=read, args=(1,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        ended(threads)
        assert [ref() for ref in known] == [None] * len(known) and len(known) >= 2
        count = len(known)
        asyncio.run(aread())
        assert [ref() for ref in known] == [None] * len(known) and len(known) > count
    finally:
        gc.enable()
