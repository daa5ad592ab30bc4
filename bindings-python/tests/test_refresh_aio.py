"""Refreshes and event loops: one of them for all readers, in the background with a hook, through cancellation and ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache
from snowmelt._aio import rescue
from snowmelt._fetched import Wishes

from .faces import fail, never, outlived
from .support import until, until_on_loop
from .loops import Run

Make = Callable[..., Cache]


async def soon(task: Any) -> Any:
    return await asyncio.wait_for(task, 10)


class Gate:
    """A loader that waits to be let go on."""

    def __init__(self, value: Any = "new") -> None:
        self.began, self.open = asyncio.Event(), asyncio.Event()
        self.value = value

    async def __call__(self) -> Any:
        self.began.set()
        await asyncio.wait_for(self.open.wait(), 20)
        return self.value() if callable(self.value) else self.value


def test_a_thousand_readers_and_one_refresh(make: Make, run: Run) -> None:
    cache = make(stale_while_revalidate=60)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        leader = asyncio.ensure_future(cache.aio.fetch("k", gate))
        await soon(gate.began.wait())
        others = await soon(asyncio.gather(*(cache.aio.fetch("k", never) for _ in range(999))))
        assert {(other.value, other.how, other.error) for other in others} == {("old", "stale", None)}
        assert not leader.done()
        gate.open.set()
        assert ((await soon(leader)).value, leader.result().how) == ("new", "loaded")

    run(main())
    stats = cache.stats()
    assert (stats.loads, stats.refreshes, stats.stale) == (1, 1, 999)
    assert cache._tasks == {} and cache._flights == {}


def test_with_a_hook_all_are_given_the_old_value_at_once(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        found = await soon(asyncio.gather(*(cache.aio.fetch("k", gate) for _ in range(1000))))
        assert {(each.value, each.how) for each in found} == {("old", "stale")}
        (refresh,) = refreshes
        assert isinstance(refresh, asyncio.Task) and not refresh.done()
        gate.open.set()
        assert await soon(refresh) is None
        assert (await cache.aio.fetch("k", never)).value == "new"

    run(main())
    stats = cache.stats()
    assert (stats.loads, stats.refreshes, stats.stale) == (1, 1, 1000)


def test_a_reader_that_is_cancelled_leaves_the_refresh_alone(make: Make, run: Run) -> None:
    cache = make(stale_while_revalidate=60)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        leader = asyncio.ensure_future(cache.aio.fetch("k", gate))
        await soon(gate.began.wait())
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert (await cache.aio.fetch("k", never)).how == "stale"
        gate.open.set()
        await until_on_loop(lambda: cache.get("k") == "new", what="the refresh")

    run(main())
    assert cache._tasks == {} and cache._flights == {}


def test_a_refresh_that_is_cancelled_is_lost_and_begun_again(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        await cache.aio.fetch("k", gate)
        await soon(gate.began.wait())
        refreshes[0].cancel()
        await asyncio.wait(refreshes, timeout=10)
        assert (await cache.aio.fetch("k", lambda: "new")).how == "stale"
        await soon(refreshes[1])
        assert (await cache.aio.fetch("k", never)).value == "new"

    run(main())


def test_a_loop_that_ends_gives_its_refreshes_up(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main(loader: Any) -> Any:
        return (await cache.aio.fetch("k", loader)).value

    async def never_ends() -> Any:
        await asyncio.Event().wait()

    assert run(main(never_ends)) == "old"

    async def again() -> Any:
        assert await main(lambda: "new") == "old"
        await soon(refreshes[-1])
        return await main(never)

    assert run(again()) == "new"
    assert cache._tasks == {} and cache._flights == {}


def test_a_loop_that_is_closed_during_a_refresh(make: Make) -> None:
    cache = make(stale_while_revalidate=60, wait_until=lambda refresh: None)
    outlived(cache)
    loop = asyncio.new_event_loop()
    gate = Gate()
    assert loop.run_until_complete(cache.aio.fetch("k", gate)).value == "old"
    loop.run_until_complete(asyncio.sleep(0))
    # (Not as asyncio.run does: its tasks are just left.)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_exception_handler", lambda context: None)
        loop.close()
        # Nobody goes on with that load, and who would have joined it is given the old value.
        assert cache.fetch("k", never).value == "old"
        cache.invalidate("k")
        assert cache.fetch("k", lambda: "new").value == "new"
        del gate
        gc.collect()


def test_a_refresh_in_the_background_has_its_readers_context(make: Make, run: Run) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60)
    outlived(cache)

    async def main() -> None:
        user.set("Ada")
        await cache.aio.fetch("k", user.get, wait_until=refreshes.append)
        await soon(refreshes[0])

    run(main())
    assert cache["k"] == "Ada"


def test_what_the_background_raises_is_logged(make: Make, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        assert (await cache.aio.fetch("k", fail)).value == "old"
        assert await soon(refreshes[0]) is None
        assert (await cache.aio.fetch("k", fail, wait_until=lambda refresh: 1 / 0)).value == "old"
        await until_on_loop(lambda: cache.stats().load_failures == 2, what="the second refresh")

    with caplog.at_level(logging.WARNING, "snowmelt"):
        run(main())
    assert caplog.text.count("the origin is away") >= 2 and "wait_until raised" in caplog.text


def test_an_invalidation_during_a_refresh_in_the_background(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, stale_if_error=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        gate = Gate("overtaken")
        await cache.aio.fetch("k", gate)
        await soon(gate.began.wait())
        await cache.aio.invalidate("k")
        with pytest.raises(ConnectionError):
            await cache.aio.fetch("k", fail)
        assert (await cache.aio.fetch("k", lambda: "new")).how == "loaded"
        gate.open.set()
        await soon(refreshes[0])
        assert (await cache.aio.fetch("k", never)).value == "new"

    run(main())


def test_a_refresh_that_a_freeze_cut_is_lost_and_begun_again(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        gate = Gate("cut")
        async with cache.invocation():
            assert (await cache.aio.fetch("k", gate)).value == "old"
            await soon(gate.began.wait())
        async with cache.invocation():
            assert (await cache.aio.fetch("k", lambda: "new")).value == "old"
            await soon(refreshes[1])
        gate.open.set()
        await soon(refreshes[0])
        assert (await cache.aio.fetch("k", never)).value == "new"

    run(main())


def test_a_cache_that_is_closed_during_a_refresh(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        await cache.aio.fetch("k", gate)
        await soon(gate.began.wait())
        await cache.aio.aclose()
        gate.open.set()
        assert await soon(refreshes[0]) is None
        with pytest.raises(snowmelt.ClosedError):
            await cache.aio.fetch("k", never)

    run(main())
    assert cache._flights == {}


def test_a_load_that_takes_long_is_answered_with_the_old_value_and_goes_on(make: Make, run: Run) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_if_error=60, soft_load_timeout=0.02)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        reads = (cache.aio.fetch("k", gate, wait_until=refreshes.append) for _ in range(20))
        found = await soon(asyncio.gather(*reads))
        assert {(each.value, each.how, type(each.error)) for each in found} == {("old", "stale_on_error", TimeoutError)}
        (refresh,) = refreshes
        assert not refresh.done()
        gate.open.set()
        await soon(refresh)
        assert (await cache.aio.fetch("k", never)).value == "new"
        # Without an old value it is waited for.
        slow = Gate()
        reads = [asyncio.ensure_future(cache.aio.fetch("other", slow)) for _ in range(2)]
        await asyncio.sleep(0.1)
        slow.open.set()
        assert sorted(read.how for read in await soon(asyncio.gather(*reads))) == ["coalesced", "loaded"]

    run(main())
    assert cache.stats().rescued == 20


def test_a_load_in_ones_own_way_that_takes_long(make: Make, run: Run) -> None:
    """Nobody knows on which loop, or whether on one, it goes on."""
    cache = make(stale_if_error=60)
    outlived(cache)
    lease = cache.begin("k")
    assert isinstance(lease, snowmelt.Lease)

    async def main() -> None:
        fetched = await soon(cache.aio.fetch("k", never, soft_load_timeout=0.02))
        assert (fetched.value, fetched.how) == ("old", "stale_on_error")
        waiter = asyncio.ensure_future(cache.aio.fetch("k", never))
        await until_on_loop(lambda: cache.stats().coalesced == 2, what="the second reader")
        cache.fill(lease, "new")
        assert (await soon(waiter)).how == "coalesced"

    run(main())


def test_loads_that_are_cancelled_before_they_begin_keep_nobody(make: Make, run: Run) -> None:
    cache = make(stale_while_revalidate=60)
    outlived(cache)

    async def main() -> None:
        # (A task that is eager has begun.)
        gate = Gate("cancelled")
        await cache.aio.fetch("k", gate, wait_until=lambda task: task.cancel())
        cache.invalidate("k")
        found = await soon(asyncio.gather(*(cache.aio.fetch("k", lambda: "new") for _ in range(3))))
        assert {each.value for each in found} == {"new"}
        before = cache.stats().coalesced
        leader = asyncio.ensure_future(cache.aio.fetch("other", gate))
        joined = [asyncio.ensure_future(cache.aio.fetch("other", lambda: "new")) for _ in range(3)]
        await until_on_loop(lambda: cache.stats().coalesced == before + 3, what="the other readers")
        for task in [task for tasks in cache._tasks.values() for task in tasks]:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(leader)
        assert {each.value for each in await soon(asyncio.gather(*joined))} == {"new"}

    run(main())
    assert cache._tasks == {} and cache._flights == {}


def test_past_its_hard_timeout_all_are_given_the_old_value(make: Make, run: Run) -> None:
    cache = make(stale_if_error=60, load_timeout=0.1)
    outlived(cache)

    async def main() -> None:
        gate = Gate()
        found = await soon(asyncio.gather(*(cache.aio.fetch("k", gate) for _ in range(3))))
        assert {(each.value, each.how, type(each.error)) for each in found} == {("old", "stale_on_error", TimeoutError)}
        gate.open.set()
        await until_on_loop(lambda: not cache._flights, what="the load's end")
        # Too late: it is not stored.
        assert (await cache.aio.fetch("k", lambda: "new")).how == "loaded"

    run(main())


def test_what_joined_a_load_that_failed_is_saved_too(make: Make, run: Run) -> None:
    cache = make(stale_if_error=60)
    outlived(cache)

    async def main() -> None:
        gate = Gate(fail)
        reads = [asyncio.ensure_future(cache.aio.fetch("k", gate)) for _ in range(5)]
        await until_on_loop(lambda: cache.stats().coalesced == 4, what="the readers")
        gate.open.set()
        found = await soon(asyncio.gather(*reads))
        assert {(each.value, each.how, type(each.error)) for each in found} == {("old", "stale_on_error", ConnectionError)}

    run(main())
    assert cache.stats().rescued == 5


def test_readers_on_threads_and_loops_share_a_refresh(make: Make) -> None:
    refreshes: list[Any] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)
    began, goes_on = threading.Event(), threading.Event()

    def load() -> str:
        began.set()
        assert goes_on.wait(10)
        return "new"

    assert cache.fetch("k", load).value == "old"
    assert began.wait(10)
    assert asyncio.run(cache.aio.fetch("k", never)).how == "stale"
    goes_on.set()
    assert isinstance(refreshes[0], Future) and len(refreshes) == 1
    refreshes[0].result(10)
    assert cache["k"] == "new"


def test_a_refresh_may_ask_for_its_own_key_and_circles_are_found(make: Make, run: Run) -> None:
    cache = make(stale_while_revalidate=60)
    outlived(cache, value=1)

    async def one_more() -> int:
        return 1 + (await cache.aio.get_or_load("k", never))  # type: ignore[no-any-return]

    async def main() -> None:
        assert (await cache.aio.fetch("k", one_more)).value == 2
        with pytest.raises(snowmelt.LoadCycleError):
            await cache.aio.fetch("a", lambda: cache.aio.fetch("b", lambda: cache.aio.fetch("a", never)))
        # Of a load that this very loop has to go on with.
        outlived(cache, "old")
        gate = Gate()
        task = asyncio.ensure_future(cache.aio.fetch("loading", gate))
        await soon(gate.began.wait())
        with pytest.raises(snowmelt.LoadCycleError):
            cache.fetch("loading", never)
        with pytest.raises(snowmelt.LoadCycleError):
            cache.get_many(["loading"], lambda keys: {})
        gate.open.set()
        await soon(task)

    run(main())


def test_what_a_refresh_raised_keeps_nothing_alive(make: Make, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make(stale_while_revalidate=60, stale_if_error=60)
    raised: list[weakref.ref[Exception]] = []

    class Failed(Exception):
        def __init__(self) -> None:
            raised.append(weakref.ref(self))

    async def failing() -> Any:
        raise Failed

    async def main() -> None:
        refreshes: list[asyncio.Task[None]] = []
        for options in ({}, {"wait_until": refreshes.append}):
            outlived(cache)
            await cache.aio.fetch("k", failing, **options)
        await soon(refreshes[0])

    # (What is logged, pytest keeps.)
    monkeypatch.setattr(logging.getLogger("snowmelt"), "disabled", True)
    gc.disable()
    try:
        run(main())
        until(lambda: len(raised) == 2 and all(error() is None for error in raised), what="the end of the exceptions")
    finally:
        gc.enable()


def test_an_error_that_means_no_failure_is_given_though_there_is_an_old_value(make: Make, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """For `snowmelt.http`."""
    cache = make(stale_while_revalidate=60, stale_if_error=60)
    outlived(cache)
    refreshes: list[asyncio.Task[None]] = []

    async def main() -> None:
        wishes = Wishes(gives_errors=True)
        gate = Gate(fail)
        reads = [asyncio.ensure_future(cache.aio._fetch("k", False, gate, wishes))]
        await soon(gate.began.wait())
        cache.clear()
        reads.append(asyncio.ensure_future(cache.aio._fetch("k", False, gate, wishes)))
        await until_on_loop(lambda: cache.stats().coalesced == 1, what="the second reader")
        gate.open.set()
        for read in reads:
            with pytest.raises(ConnectionError):
                await soon(read)
        outlived(cache)
        with pytest.raises(ConnectionError):
            await cache.aio._fetch("k", False, fail, wishes)
        saved = await rescue(cache, "k", ConnectionError())
        assert saved is not None and (saved.value, saved.how) == ("old", "stale")
        assert (await cache.aio._fetch("k", False, fail, Wishes(wait_until=refreshes.append, gives_errors=True))).value == "old"
        await soon(refreshes[0])

    with caplog.at_level(logging.WARNING, "snowmelt"):
        run(main())
    assert caplog.text == ""
