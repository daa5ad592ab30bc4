"""A million sets later there are as many objects, threads, files and bytes as before."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .support import LONGER, ended, until, until_on_loop

Make = Callable[..., Cache]

#: A batch of each kind of work; the first ones warm up.
BATCHES = 5


def _threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


def _files() -> int:
    files = Path("/proc/self/fd")
    return len(list(files.iterdir())) if files.exists() else 0


def _memory() -> int:
    """Resident bytes."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _settled() -> int:
    """How many blocks Python has, as soon as that stands still."""
    last = -1
    for _ in range(1000):
        gc.collect()
        now = sys.getallocatedblocks()
        if abs(now - last) < 20:
            return now
        last = now
        time.sleep(0.02)
    raise AssertionError(f"something goes on making objects: {[thread.name for thread in threading.enumerate()]}")


def flat(work: Callable[[int], None], count: int, *, blocks: int = 300, bytes: int = 4_000_000) -> None:
    """Does the work in batches: all but the first leave nothing behind."""
    each = count // BATCHES
    for number in range(each * 2):
        work(number)
    _settled()
    before = sys.getallocatedblocks(), _threads(), _files(), _memory()
    for number in range(each * (BATCHES - 2)):
        work(number)
    # What nobody waits for any more is given back when the stream's thread has come to it.
    until(lambda: _settled() - before[0] < blocks)
    # (Threads of the runtime that have nothing to do end when they like.)
    assert _threads() <= before[1] + 1 and _files() <= before[2]
    assert _memory() - before[3] < bytes


def test_a_million_sets(make: Make) -> None:
    cache = make(max_entries=500)
    value = object()
    count = sys.getrefcount(value)

    def work(number: int) -> None:
        key = f"k{number % 1000}"
        cache.set(key, value)
        cache.set(key, [number], tags=["t"])
        if number % 10 == 0:
            cache.delete(key)
            cache.set(key, value)
        if number % 1000 == 0:
            cache.invalidate(tags="t")
            cache.catch_up()

    flat(work, 500_000 * LONGER)
    cache.clear()
    assert sys.getrefcount(value) == count


def test_loaders_that_fail(cache: Cache) -> None:
    def fail() -> Any:
        raise LookupError

    def work(number: int) -> None:
        try:
            cache.get_or_load(f"k{number % 1000}", fail)
        except LookupError:
            pass

    flat(work, 100_000 * LONGER)


def test_tasks_that_are_cancelled(cache: Cache) -> None:
    async def main() -> None:
        async def load() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        for number in range(100):
            tasks = [asyncio.ensure_future(cache.aio.get_or_load(f"k{number}", load)) for _ in range(10)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            cache.delete(f"k{number}")
        await until_on_loop(lambda: not cache._tasks, what="the end of all tasks")

    flat(lambda number: asyncio.run(main()), 10 * LONGER)
    assert cache._tasks == {} and cache._flights == {} and cache.stats().leases == 0


def test_loops_that_come_and_go(cache: Cache) -> None:
    async def main(number: int) -> None:
        await cache.aio.get_or_load("k", lambda: asyncio.sleep(0, number))
        await cache.aio.catch_up()
        cache.delete("k")

    flat(lambda number: asyncio.run(main(number)), 1000 * LONGER)


@pytest.mark.parametrize("stream", ["none", "memory:leaks", "of-kinesis"])
def test_caches_that_come_and_go(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    Cache(stream="memory:", report="off").catch_up()

    def work(number: int) -> None:
        with Cache(stream=stream, report="off", endpoint=None if stream != "of-kinesis" else "http://127.0.0.1:9") as cache:
            cache.set("k", [cache])
            cache.get("k")
            if stream.startswith("memory"):
                cache.catch_up(at_least=cache.invalidate("k"))

    flat(work, (1000 if stream != "of-kinesis" else 200) * LONGER, bytes=8_000_000)


def test_calls_with_unusual_keys(make: Make) -> None:
    """Errors on the quick way are kept nowhere."""
    cache = make(stream="none", ttl=3600, max_lag=3600)

    @cache.cached("n/{value}")
    def same(value: Any) -> Any:
        return value

    def work(number: int) -> None:
        same(2**64)
        with pytest.raises(snowmelt.InvalidNameError):
            same("x" * 100 + "\ud800" + str(number))

    flat(work, 20_000 * LONGER)


def test_joined_failures(cache: Cache) -> None:
    """The exception of a load that others waited for goes with the last who has it."""

    def work(number: int) -> None:
        before = cache.stats().coalesced

        def fail() -> Any:
            until(lambda: cache.stats().coalesced > before)
            raise LookupError("x" * 1000)

        def read() -> None:
            try:
                cache.get_or_load("k", fail)
            except LookupError:
                pass

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        ended(threads)

    flat(work, 100 * LONGER, blocks=100)
