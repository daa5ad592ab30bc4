"""Threads and event loops over one cache."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

Make = Callable[..., Cache]


def in_thread(run: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(20)


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)


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
        begun.wait()
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
        begun.wait()
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
    async def load() -> str:
        await asyncio.sleep(0.1)
        return "v"

    async def main() -> None:
        leader = asyncio.create_task(cache.aio.get_or_load("k", load))
        await asyncio.sleep(0.02)
        other = asyncio.create_task(cache.aio.get_or_load("k", load))
        await asyncio.sleep(0.02)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
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
        begun.wait(10)
        other = pool.submit(cache.get_or_load, "k", lambda: "loaded anew")
        assert other.result(20) == "loaded anew"
        ending.result(20)
    if how == "closed":
        # What the closed loop leaves behind says so; that is asyncio's, and meant here.
        task = held.pop()
        task._log_destroy_pending = False
        for task in list(cache._tasks):
            task._log_destroy_pending = False


def test_a_wait_that_would_block_its_own_loop_is_refused(cache: Cache) -> None:
    async def load() -> str:
        await asyncio.sleep(0.1)
        return "v"

    async def main() -> None:
        task = asyncio.create_task(cache.aio.get_or_load("k", load))
        await asyncio.sleep(0.02)
        with pytest.raises(snowmelt.LoadCycleError, match="would block the event loop"):
            cache.get_or_load("k", lambda: "other")
        assert await task == "v"

    asyncio.run(main())


def test_a_wait_that_would_block_its_own_loop_through_another_thread_is_refused(cache: Cache) -> None:
    waits = threading.Event()

    async def slow() -> str:
        await asyncio.sleep(0.3)
        return "a"

    def reads_a() -> str:
        waits.set()
        return str(cache.get_or_load("a", lambda: "never"))

    async def main() -> None:
        task = asyncio.create_task(cache.aio.get_or_load("a", slow))
        await asyncio.sleep(0.02)
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(cache.get_or_load, "b", reads_a)
            waits.wait(10)
            await asyncio.sleep(0.1)
            with pytest.raises(snowmelt.LoadCycleError):
                cache.get_or_load("b", lambda: "never")
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
        async def load(other: str) -> Any:
            await asyncio.sleep(0.02)
            return await cache.aio.get_or_load(other, lambda: "never")

        reads = (cache.aio.get_or_load("a", lambda: load("b")), cache.aio.get_or_load("b", lambda: load("a")))
        return await asyncio.gather(*reads, return_exceptions=True)

    assert all(isinstance(error, snowmelt.LoadCycleError) for error in asyncio.run(main()))


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


def test_everything_at_once(make: Make) -> None:
    """32 threads and 3 loops on 100 keys, with invalidations running: no stale fill, no deadlock."""
    cache, other = make(catch_up_every="10ms"), make()
    truth = {f"k{number}": 0 for number in range(100)}
    ends = time.monotonic() + 3
    lock = threading.Lock()

    def any_key(salt: int) -> str:
        return f"k{(salt * 13 + int(time.monotonic() * 1e4)) % 100}"

    def load(key: str) -> int:
        value = truth[key]
        time.sleep(0.001)
        return value

    async def aload(key: str) -> int:
        value = truth[key]
        await asyncio.sleep(0.001)
        return value

    def thread(number: int) -> None:
        while time.monotonic() < ends:
            key = any_key(number)
            cache.get_or_load(key, lambda: load(key))

    async def loop(number: int) -> None:
        async def task(at: int) -> None:
            while time.monotonic() < ends:
                key = any_key(at)
                await cache.aio.get_or_load(key, lambda: aload(key))
                await asyncio.sleep(0)

        await asyncio.gather(*(task(number + at) for at in range(10)))

    def writer(writes: Cache) -> None:
        while time.monotonic() < ends:
            key = any_key(7)
            with lock:
                truth[key] += 1
                mine = truth[key]
            cache.catch_up(at_least=writes.invalidate(key), within=20)
            found = cache.get(key)
            assert found is None or found >= mine

    with ThreadPoolExecutor(40) as pool:
        futures = [pool.submit(thread, number) for number in range(32)]
        futures += [pool.submit(asyncio.run, loop(number)) for number in range(3)]
        futures += [pool.submit(writer, writes) for writes in (cache, other)]
        for future in futures:
            future.result(60)
    cache._validate()
    stats = cache.stats()
    assert stats.leases == 0 and stats.invalidated_by_key > 0 and stats.coalesced > 0


def test_cycles_through_values_are_collected(make: Make) -> None:
    class Holder:
        pass

    def build() -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        holder, cache = Holder(), Cache(stream="none", report="off")
        holder.cache = cache  # type: ignore[attr-defined]
        cache.set("holder", holder)
        return weakref.ref(holder), weakref.ref(cache)

    known = build()
    gc.collect()
    assert [ref() for ref in known] == [None, None]


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_says_that_it_needs_its_own_cache(cache: Cache) -> None:
    cache.set("k", 1)
    cache.invalidate("l")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                cache.get("k")
            except snowmelt.ClosedError as refused:
                assert "make a cache of its own" in str(refused)
                with Cache(stream="memory:child", report="off") as own:
                    token = own.invalidate("k")
                    own.catch_up(at_least=token)
                    status = 0 if own.get_or_load("k", lambda: 5) == 5 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache["k"] == 1


def _spawned(queue: Any) -> None:
    with Cache(stream="memory:spawned", report="off") as cache:
        cache.invalidate("k")
        queue.put(cache.get_or_load("k", lambda: 5))


def test_multiprocessing_spawn_works() -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_spawned, args=(queue,))
    process.start()
    assert queue.get(timeout=30) == 5
    process.join(30)
    assert process.exitcode == 0


SHUTDOWN = """
import asyncio, threading, time
from snowmelt import Cache
cache = Cache(stream="memory:", report="off", on_event=lambda event: None)
threading.Thread(target=lambda: cache.get_or_load("k", lambda: time.sleep(30)), daemon=True).start()
threading.Thread(target=lambda: cache.get_or_load("k", lambda: 1), daemon=True).start()
async def main():
    task = asyncio.create_task(cache.aio.get_or_load("l", lambda: asyncio.sleep(30)))
    await asyncio.sleep(0.1)
asyncio.run(main())
cache.invalidate("x")
cache.catch_up()
print("ended")
"""


def test_the_interpreter_ends_with_loads_under_way() -> None:
    ended = subprocess.run([sys.executable, "-X", "faulthandler", "-c", SHUTDOWN], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")
