"""Threads and event loops over one cache."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from snowmelt import Cache

from .support import until, until_on_loop

Make = Callable[..., Cache]


def test_threads_share_one_load(cache: Cache) -> None:
    loads: list[int] = []

    def load() -> object:
        loads.append(1)
        time.sleep(0.2)
        return object()

    with ThreadPoolExecutor(16) as pool:
        values = list(pool.map(lambda _: cache.get_or_load("k", load), range(16)))
    assert len(loads) == 1 and len(set(map(id, values))) == 1


def test_threads_share_one_failure(cache: Cache) -> None:
    raised = ValueError("no")
    begun = threading.Event()

    def load() -> Any:
        begun.set()
        until(lambda: cache.stats().coalesced >= 3)
        raise raised

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.get_or_load, "k", load)
        assert begun.wait(10)
        others = [pool.submit(cache.get_or_load, "k", load) for _ in range(3)]
        assert all(future.exception(20) is raised for future in (first, *others))


def test_a_keyboard_interrupt_is_its_callers_alone(cache: Cache) -> None:
    begun = threading.Event()

    def interrupted() -> Any:
        begun.set()
        until(lambda: cache.stats().coalesced >= 1)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get_or_load, "k", interrupted)
        assert begun.wait(10)
        other = pool.submit(cache.get_or_load, "k", lambda: "loaded anew")
        assert isinstance(first.exception(20), KeyboardInterrupt)
        assert other.result(20) == "loaded anew"


def test_loops_and_threads_share_one_load(cache: Cache) -> None:
    loads: list[int] = []

    async def load() -> object:
        loads.append(1)
        await asyncio.sleep(0.2)
        return object()

    def load_here() -> object:
        loads.append(1)
        time.sleep(0.2)
        return object()

    async def read() -> list[Any]:
        return await asyncio.gather(*(cache.aio.get_or_load("k", load) for _ in range(5)))

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(asyncio.run, read()) for _ in range(3)]
        futures += [pool.submit(cache.get_or_load, "k", load_here) for _ in range(3)]
        found = [future.result(20) for future in futures]
    values = [value for result in found for value in (result if isinstance(result, list) else [result])]
    assert len(loads) == 1 and len(set(map(id, values))) == 1


def test_a_sync_loader_on_a_loop(cache: Cache) -> None:
    async def main() -> None:
        assert await cache.aio.get_or_load("k", lambda: 5) == 5
        assert await cache.aio.get("k") == 5 and await cache.aio.get("l", 6) == 6
        token = await cache.aio.invalidate("k")
        await cache.aio.catch_up(at_least=token)
        assert "k" not in cache

    asyncio.run(main())


def test_an_async_cached_function_and_handler(cache: Cache) -> None:
    calls: list[str] = []

    @cache.cached("users/{user}")
    async def get_user(user: str) -> str:
        calls.append(user)
        await asyncio.sleep(0.01)
        return user

    @cache.handler
    async def handler(event: str, context: Any) -> list[str]:
        return await asyncio.gather(get_user(event), get_user(event), get_user(user=event))

    assert asyncio.run(handler("1", None)) == ["1"] * 3
    assert asyncio.run(handler("1", None)) == ["1"] * 3
    assert calls == ["1"]


def test_a_cancelled_task_cancels_no_load(cache: Cache) -> None:
    async def main() -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def load() -> str:
            begun.set()
            await goes_on.wait()
            return "v"

        leader = asyncio.create_task(cache.aio.get_or_load("k", load))
        await asyncio.wait_for(begun.wait(), 10)
        other = asyncio.create_task(cache.aio.get_or_load("k", load))
        await until_on_loop(lambda: cache.stats().coalesced, what="the second reader")
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        goes_on.set()
        assert await other == "v"
        assert cache.stats().loads == 1

    asyncio.run(main())


@pytest.mark.parametrize("how", ["run", "closed"])
def test_a_loop_that_ends_wakes_the_others(cache: Cache, how: str) -> None:
    begun = threading.Event()
    held: list[Any] = []

    async def load() -> str:
        begun.set()
        held.append(asyncio.get_running_loop().create_future())
        return str(await held[0])

    def end() -> None:
        async def main() -> None:
            held.append(asyncio.create_task(cache.aio.get_or_load("k", load)))
            await asyncio.sleep(0)
            until_joined = asyncio.get_running_loop().time() + 10
            while cache.stats().coalesced < 1 and asyncio.get_running_loop().time() < until_joined:
                await asyncio.sleep(0.01)

        if how == "run":
            return asyncio.run(main())
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        return loop.close()

    with ThreadPoolExecutor(2) as pool:
        ending = pool.submit(end)
        assert begun.wait(10)
        other = pool.submit(cache.get_or_load, "k", lambda: "loaded anew")
        assert other.result(20) == "loaded anew"
        ending.result(20)
    if how == "closed":
        # What the closed loop leaves behind says so; that is asyncio's, and meant here.
        task = held.pop()
        task._log_destroy_pending = False
        for task in [task for tasks in cache._tasks.values() for task in tasks]:
            task._log_destroy_pending = False


def test_a_signal_ends_a_wait(cache: Cache) -> None:
    lease = cache.begin("k")

    class Alarm(Exception):
        pass

    def ring(*_: Any) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Alarm):
            cache.get_or_load("k", lambda: 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    cache.fill(lease, 1)


def test_references_are_given_back(make: Make) -> None:
    cache = make(max_entries=100)
    value = object()
    before = sys.getrefcount(value)
    for number in range(10_000):
        cache.set(f"k{number % 300}", value)
        cache.get(f"k{number % 300}")
        cache.get_or_load(f"l{number}", lambda: value)
    assert sys.getrefcount(value) - before == len(cache)
    cache.clear()
    assert sys.getrefcount(value) == before
