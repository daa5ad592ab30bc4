"""What asyncio's users do: cancel, time out, group, look at contexts, run in debug mode, run on other loops."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import traceback
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .loops import Run
from .support import run_python, until_on_loop

def test_waiters_that_time_out_or_are_cancelled(cache: Cache, run: Run) -> None:
    async def main() -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def load() -> str:
            begun.set()
            await goes_on.wait()
            return "v"

        leader = asyncio.ensure_future(asyncio.wait_for(cache.aio.get_or_load("k", load), 0.02))
        await asyncio.wait_for(begun.wait(), 10)
        joined = [asyncio.ensure_future(cache.aio.get_or_load("k", load)) for _ in range(5)]
        await until_on_loop(lambda: cache.stats().coalesced >= 5, what="the other readers")
        joined[0].cancel()
        joined[1].cancel()
        await asyncio.wait({leader, *joined[:2]})
        goes_on.set()
        found = await asyncio.gather(leader, *joined, return_exceptions=True)
        assert isinstance(found[0], asyncio.TimeoutError)
        assert [isinstance(value, asyncio.CancelledError) for value in found[1:3]] == [True, True]
        assert found[3:] == ["v"] * 3
        assert cache.stats().loads == 1 and cache["k"] == "v"

    run(main())
    assert cache._tasks == {} and cache._flights == {}


def test_a_cancelled_load_concerns_its_leader_only(cache: Cache, run: Run) -> None:
    async def main() -> None:
        async def load() -> str:
            await asyncio.sleep(0.05)
            raise asyncio.CancelledError

        async def load_well() -> str:
            return "v"

        leader = asyncio.ensure_future(cache.aio.get_or_load("k", load))
        await asyncio.sleep(0.01)
        other = asyncio.ensure_future(cache.aio.get_or_load("k", load_well))
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert await other == "v"

    run(main())


def test_groups(cache: Cache, run: Run) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("task groups are there from Python 3.11 on")

    async def main() -> None:
        async def fail() -> Any:
            await asyncio.sleep(0.02)
            raise LookupError("no such user")

        with pytest.raises(BaseException) as raised:
            async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
                for _ in range(3):
                    group.create_task(cache.aio.get_or_load("k", fail))
        assert {type(error) for error in raised.value.exceptions} == {LookupError}  # type: ignore[attr-defined]
        async with asyncio.timeout(5):  # type: ignore[attr-defined]
            assert await cache.aio.get_or_load("k", lambda: asyncio.sleep(0, "v")) == "v"

    run(main())


user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


def test_a_loader_sees_its_callers_context(cache: Cache, run: Run) -> None:
    async def load() -> str:
        await asyncio.sleep(0)
        return user.get()

    async def main() -> None:
        user.set("Ada")
        assert await cache.aio.get_or_load("a", load) == "Ada"
        assert cache.get_or_load("b", user.get) == "Ada"

    run(main())
    assert cache.get_or_load("c", user.get) == "nobody"


def test_tracebacks_do_not_grow(cache: Cache, run: Run) -> None:
    async def main() -> None:
        failure = LookupError("no such user")

        async def fail() -> Any:
            await asyncio.sleep(0.02)
            raise failure

        reads = [asyncio.ensure_future(cache.aio.get_or_load("k", fail)) for _ in range(200)]
        depths = []
        for read in reads:
            with pytest.raises(LookupError) as raised:
                await read
            assert raised.value is failure
            depths.append(len(traceback.extract_tb(raised.value.__traceback__)))
        assert max(depths) < 15, depths
        assert any("in fail" in line for line in traceback.format_exception(None, failure, failure.__traceback__))

    run(main())


def test_a_loop_that_was_closed_leaves_nothing(cache: Cache) -> None:
    for number in range(20):
        loop = asyncio.new_event_loop()
        task = loop.create_task(cache.aio.get_or_load(f"k{number}", lambda: asyncio.sleep(60)))
        loop.run_until_complete(asyncio.sleep(0.001))
        # What a closed loop leaves behind says so; that is asyncio's, and meant here.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        for load in cache._tasks[loop]:
            load._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        del task, loop, load
        gc.collect()
        assert len(cache._flights) <= 2 and cache.stats().leases <= 2
        assert len(cache._tasks) <= 2
        asyncio.run(cache.aio.get_or_load("l", lambda: asyncio.sleep(0)))
        cache.delete("l")


def test_without_asyncio(make: Make) -> None:
    """On another library's loop what needs none works, and the rest says what it needs, and begins nothing."""
    trio = pytest.importorskip("trio")
    cache = make(catch_up_every=5)
    cache.set("k", 1)

    async def main() -> None:
        assert await cache.aio.get_or_load("k", lambda: 2) == 1
        for use in (lambda: cache.aio.get_or_load("l", lambda: 2), lambda: cache.aio.catch_up(), lambda: cache.aio.invalidate("m")):
            with pytest.raises(snowmelt.ArgumentError, match="asyncio"):
                await use()

    trio.run(main)
    assert cache.stats().leases == 0


def test_debug_mode_has_nothing_to_say() -> None:
    run_python(
        """
        import asyncio
        from snowmelt import Cache
        cache = Cache(stream="memory:", report="off", catch_up_every=0)
        async def main():
            # What it says of a machine that is slow is not about the cache.
            asyncio.get_running_loop().slow_callback_duration = 10
            async def load():
                await asyncio.sleep(0.001)
                return 1
            async def fail():
                raise LookupError
            for _ in range(3):
                await asyncio.gather(*(cache.aio.get_or_load("k", load) for _ in range(5)))
                await asyncio.gather(*(cache.aio.get_or_load("f", fail) for _ in range(5)), return_exceptions=True)
                await cache.aio.catch_up(at_least=await cache.aio.invalidate("k"))
                late = asyncio.create_task(cache.aio.get_or_load("k", load))
                await asyncio.sleep(0)
                late.cancel()
                async with cache.invocation():
                    await cache.aio.get("k")
            await cache.aio.aclose()
        asyncio.run(main())
        """,
        "-X",
        "dev",
        PYTHONASYNCIODEBUG="1",
    )
