"""When connections are made: by ``warm`` ahead of time, and anew after a freeze; and what a stalled one holds up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from snowmelt import Cache

from ..support import ended
from .conftest import Open, Wires
from .servers import Double


@pytest.mark.parametrize("aio", [False, True])
def test_warm_makes_the_connection_that_is_used_first(double: Double, open_on: Open, wires: Wires, aio: bool) -> None:
    line = wires(double)
    cache = open_on(line)
    cache.set("k", 1)
    assert line.opened == 0, "a cache costs nothing until it is used"
    asyncio.run(cache.aio.warm()) if aio else cache.warm()
    assert line.opened == 1
    assert [call["operation"] for call in double.calls()] == ["ListShards"]
    cache.catch_up()
    cache.invalidate("other")
    assert line.opened == 1


def test_a_cold_cache_makes_none(double: Double, open_on: Open, wires: Wires) -> None:
    line = wires(double)
    cache = open_on(line)

    @cache.handler
    def handler(event: object, context: object) -> Any:
        return cache.get("k")

    assert handler(None, None) is None
    cache.catch_up()
    assert cache.get_or_load("k", lambda: 1) == 1
    assert (line.opened, double.calls()) == (0, [])


# --- a stream that is slow ---

SLOW = 1.2
#: Below that, and above what a machine that does much else may take.
PROMPT = 0.9


def slow_and_due(double: Double, open_on: Open) -> Cache[int]:
    """A cache that has to catch up, and whose stream takes its time."""
    cache = open_on(double, catch_up_every=0.05, catch_up_budget=5)
    cache.set("k", 1)
    cache.catch_up()
    time.sleep(0.1)
    double.fault("delay", value=round(SLOW * 1000))
    return cache


def _done(event: object, context: object) -> None:
    pass


WAITS: dict[str, Callable[[Cache[int]], object]] = {
    "a read that is due": lambda cache: cache.get_or_load("k", lambda: 2),
    "catch_up": lambda cache: cache.catch_up(),
    "invalidate": lambda cache: cache.invalidate("other"),
    "a handler": lambda cache: cache.handler(_done)(None, None),
    "warm": lambda cache: cache.warm(),
}


@pytest.mark.parametrize("name", WAITS)
def test_other_threads_go_on_while_one_waits_for_the_stream(double: Double, open_on: Open, name: str) -> None:
    cache = slow_and_due(double, open_on)
    steps = [time.monotonic()]
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            steps.append(time.monotonic())

    counter = threading.Thread(target=count)
    counter.start()
    began = time.monotonic()
    WAITS[name](cache)
    took = time.monotonic() - began
    done.set()
    ended([counter])
    assert took >= SLOW, "there was nothing to wait for"
    longest = max(after - before for before, after in zip(steps, steps[1:]))
    assert longest < PROMPT, f"the other thread stood still for {longest} s"


AWAITS: dict[str, Callable[[Cache[int]], Any]] = {
    "a read that is due": lambda cache: cache.aio.get("k"),
    "a load that is due": lambda cache: cache.aio.get_or_load("k", lambda: 2),
    "catch_up": lambda cache: cache.aio.catch_up(),
    "invalidate": lambda cache: cache.aio.invalidate("other"),
    "warm": lambda cache: cache.aio.warm(),
    "a handler": lambda cache: cache.handler(_done_async)(None, None),
}


async def _done_async(event: object, context: object) -> None:
    pass


@pytest.mark.parametrize("name", AWAITS)
def test_a_loop_goes_on_while_a_task_waits_for_the_stream(double: Double, open_on: Open, name: str) -> None:
    cache = slow_and_due(double, open_on)
    lags: list[float] = []

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append(time.monotonic() - before - 0.005)

    async def both() -> float:
        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await AWAITS[name](cache)
        took = time.monotonic() - began
        ticking.cancel()
        return took

    took = asyncio.run(both())
    assert took >= SLOW, "there was nothing to wait for"
    assert len(lags) > 20 and max(lags) < PROMPT, f"{len(lags)} ticks, one of them late by {max(lags)} s"


def test_many_tasks_share_one_catch_up(double: Double, open_on: Open) -> None:
    cache = slow_and_due(double, open_on)
    double.calls()

    async def read() -> list[Any]:
        return await asyncio.gather(*(cache.aio.get("k") for _ in range(100)))

    assert asyncio.run(read()) == [1] * 100
    # Where the machine stood still for 50 ms meanwhile the last of them are due again.
    assert 1 <= len(double.calls("GetRecords")) <= 3


def test_a_read_that_is_due_awaits_what_was_written(double: Double, open_on: Open) -> None:
    reader, writer = slow_and_due(double, open_on), open_on(double)
    writer.invalidate("k")
    assert asyncio.run(reader.aio.get("k", "gone")) == "gone"


def test_a_plain_get_does_not_wait(double: Double, open_on: Open) -> None:
    """It is for those who cannot: it starts the catch-up, and a later read has what that brought."""
    reader, writer = slow_and_due(double, open_on), open_on(double)
    writer.invalidate("k")
    time.sleep(0.1)
    began = time.monotonic()
    assert reader.get("k") == 1
    assert time.monotonic() - began < PROMPT
    while reader.get("k") is not None:
        assert time.monotonic() - began < SLOW + 5
        time.sleep(0.01)
