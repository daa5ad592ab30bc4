"""Loads that wait for each other in a circle fail, and do not hang."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, _loads

from .support import until, until_on_loop


def test_a_wait_that_would_block_its_own_loop_is_refused(cache: Cache) -> None:
    async def main() -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def load() -> str:
            begun.set()
            await goes_on.wait()
            return "v"

        task = asyncio.create_task(cache.aio.get_or_load("k", load))
        await asyncio.wait_for(begun.wait(), 10)
        with pytest.raises(snowmelt.LoadCycleError, match="would block the event loop"):
            cache.get_or_load("k", lambda: "other")
        goes_on.set()
        assert await task == "v"

    asyncio.run(main())


def test_a_wait_that_would_block_its_own_loop_through_another_thread_is_refused(cache: Cache) -> None:
    async def main() -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def slow() -> str:
            begun.set()
            await goes_on.wait()
            return "a"

        task = asyncio.create_task(cache.aio.get_or_load("a", slow))
        await asyncio.wait_for(begun.wait(), 10)
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(cache.get_or_load, "b", lambda: str(cache.get_or_load("a", lambda: "never")))
            await until_on_loop(lambda: any(flight.waits_for for flight in list(cache._flights.values())), what="the other thread")
            with pytest.raises(snowmelt.LoadCycleError):
                cache.get_or_load("b", lambda: "never")
            goes_on.set()
            assert await task == "a"
            assert await asyncio.wrap_future(other) == "a"

    asyncio.run(main())


def test_a_loader_that_asks_for_its_own_key(cache: Cache) -> None:
    def load() -> Any:
        return cache.get_or_load("k", load)

    with pytest.raises(snowmelt.LoadCycleError) as refused:
        cache.get_or_load("k", load)
    assert refused.value.code == "LOAD_CYCLE" and "asks for its own key" in str(refused.value)

    async def aload() -> Any:
        return await cache.aio.get_or_load("k", aload)

    with pytest.raises(snowmelt.LoadCycleError):
        asyncio.run(cache.aio.get_or_load("k", aload))
    assert cache.get_or_load("k", lambda: cache.get_or_load("l", lambda: 5)) == 5


def test_loaders_that_wait_for_each_other(cache: Cache) -> None:
    both = threading.Barrier(2)

    def load(other: str) -> Any:
        both.wait(10)
        return cache.get_or_load(other, lambda: "never")

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(cache.get_or_load, "a", lambda: load("b")), pool.submit(cache.get_or_load, "b", lambda: load("a"))]
        raised = [end.exception(20) for end in ends]
    assert all(isinstance(error, snowmelt.LoadCycleError) for error in raised)

    async def main() -> list[Any]:
        begun: set[str] = set()

        async def load(other: str) -> Any:
            begun.add(other)
            await until_on_loop(lambda: len(begun) == 2, what="the other load")
            return await cache.aio.get_or_load(other, lambda: "never")

        reads = (cache.aio.get_or_load("a", lambda: load("b")), cache.aio.get_or_load("b", lambda: load("a")))
        return await asyncio.gather(*reads, return_exceptions=True)

    assert all(isinstance(error, snowmelt.LoadCycleError) for error in asyncio.run(main()))


@pytest.mark.parametrize("face", ["_reads", "_aio"])
def test_a_load_that_is_joined_before_its_leader_is_noted(cache: Cache, monkeypatch: pytest.MonkeyPatch, face: str) -> None:
    """Only later is it known whom the joined load waits for: the circle is found all the same, long before `load_timeout`."""
    led = threading.Event()

    def late(loop: Any, lease: Any) -> _loads.Flight:
        if lease.key == "a":
            led.set()
            until(lambda: cache.stats().coalesced, what="the second reader")
            time.sleep(0.05)
        return _loads.Flight(loop, lease)

    monkeypatch.setattr(f"snowmelt.{face}.Flight", late)

    def read(key: str, other: str) -> Any:
        if face == "_reads":
            return cache.get_or_load(key, lambda: cache.get_or_load(other, lambda: "never"))
        return asyncio.run(cache.aio.get_or_load(key, lambda: cache.aio.get_or_load(other, lambda: "never")))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(read, "a", "b")
        assert led.wait(10)
        second = pool.submit(read, "b", "a")
        raised = [end.exception(10) for end in (first, second)]
    assert [type(error) for error in raised] == [snowmelt.LoadCycleError] * 2
