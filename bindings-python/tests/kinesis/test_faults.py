"""What a failing stream does to reads: nothing but that they are up to ``max_lag`` old."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from snowmelt import Cache, CatchUpError

from .conftest import STREAM, Open
from .servers import Double

MAX_LAG = 0.4
BUDGET = 0.1

READS = ("ListShards", "GetShardIterator", "GetRecords")

#: Effects and their values.
FAULTS: dict[str, tuple[str, object]] = {
    "throttled reads": ("throttle", None),
    "throttling of every read": ("throttle", None),
    "iterators that expire at once": ("error", "ExpiredIteratorException"),
    "HTTP 500": ("status", 500),
    "HTTP 503": ("status", 503),
    "connections that are reset": ("reset", None),
    "answers that are no JSON": ("garbage", None),
    "denied access": ("access_denied", None),
    "answers that come too late": ("delay", 3000),
    "a tip that is never reached": ("millis_behind", 5000),
}


class Row:
    """One row, read through a cache."""

    def __init__(self, cache: Cache[str]) -> None:
        self.cache = cache
        self.value = "old"

    def read(self) -> str:
        return self.cache.get_or_load("row", lambda: self.value)


def caught_up(cache: Cache[Any]) -> None:
    """What a short budget leaves over, the next catch-up reads."""
    for left in range(50, -1, -1):
        try:
            return cache.catch_up()
        except CatchUpError:
            if left == 0:
                raise


@pytest.mark.parametrize("name", FAULTS)
def test_reads_go_on_and_are_stale_for_max_lag_at_most(double: Double, open_on: Open, name: str) -> None:
    effect, value = FAULTS[name]
    row = Row(open_on(double, max_lag=MAX_LAG, catch_up_every=0.05, catch_up_budget=BUDGET, call_timeout=1))
    writer = open_on(double)
    assert row.read() == "old"
    caught_up(row.cache)
    for operation in READS if "every" in name else READS[-1:]:
        double.fault(effect, operation, value=value)
    row.value = "new"
    writer.invalidate("row")
    stale, slowest = watched(row, MAX_LAG + 0.2)
    assert stale <= MAX_LAG, f"stale for {stale} s"
    assert row.read() == "new"
    # Between the budget and what the faults would take is room for a machine that does much else.
    assert slowest < BUDGET + 0.7, f"a read took {slowest} s"
    double.healthy()
    writer.invalidate("row")
    row.value = "newest"
    end = time.monotonic() + 10
    while row.read() != "newest":
        assert time.monotonic() < end, "it never heard of the last change"
        time.sleep(0.01)


def watched(row: Row, seconds: float) -> tuple[float, float]:
    """Reads on: how long after now a read still began that gave what is old, and what the slowest took."""
    began = now = time.monotonic()
    stale = slowest = 0.0
    while now < began + seconds:
        if row.read() == "old" or row.cache.get("row") == "old":
            stale = now - began
        slowest = max(slowest, time.monotonic() - now)
        time.sleep(0.01)
        now = time.monotonic()
    return stale, slowest


@pytest.mark.parametrize("name", FAULTS)
def test_on_a_loop_reads_go_on_too(double: Double, open_on: Open, name: str) -> None:
    """And what is asked for by name fails by name."""
    effect, value = FAULTS[name]
    cache = open_on(double, catch_up_every=0.01, catch_up_budget=BUDGET, call_timeout=0.3)
    cache.set("row", "old")
    caught_up(cache)
    double.fault(effect, "GetRecords", value=value)
    time.sleep(0.02)

    async def use() -> None:
        began = time.monotonic()
        assert await cache.aio.get("row") == "old"
        assert await cache.aio.get_or_load("row", lambda: "new") == "old"
        assert time.monotonic() - began < 2 * BUDGET + 0.7
        with pytest.raises(CatchUpError):
            await cache.aio.catch_up()

    asyncio.run(use())


def test_expired_iterators_cost_nothing_but_new_ones(open_on: Open, double: Double) -> None:
    stream = double.create_stream("two", 2)
    reader, writer = open_on(double, stream=stream), open_on(double, stream=stream)
    for key in ("a", "b"):
        reader.set(key, 1)
    reader.catch_up()
    writer.invalidate("a")
    double.expire_iterators()
    double.calls()
    reader.catch_up()
    assert reader.keys() == ["b"]
    calls = double.calls()
    assert [call["operation"] for call in calls if call["error"] == "ExpiredIteratorException"] == ["GetRecords"] * 2
    assert sum(call["operation"] == "GetShardIterator" for call in calls) == 2
    assert reader.stats().gaps == 0


def test_repeats_and_disorder_are_harmless(open_on: Open, double: Double) -> None:
    double.settings(duplicate_per_mille=300, overlap_per_mille=300, empty_page_per_mille=300, arrival_jitter_ms=500)
    reader, writer = open_on(double), open_on(double)
    for number in range(20):
        reader.set(f"k{number}", number)
    reader.catch_up()
    for number in range(0, 20, 2):
        token = writer.invalidate(f"k{number}")
        if number % 4 == 0:
            double.expire_iterators()
        reader.catch_up(at_least=token)
        assert f"k{number}" not in reader
    assert sorted(reader.keys()) == sorted(f"k{number}" for number in range(1, 20, 2))
    assert reader.stats().gaps == 0


def test_a_stream_that_is_deleted_and_made_anew_is_a_gap(open_on: Open, double: Double) -> None:
    events: list[Any] = []
    reader, writer = open_on(double, on_event=events.append), open_on(double)
    reader.set("k", 1)
    reader.catch_up()
    double.call("DeleteStream", StreamName=STREAM)
    with pytest.raises(CatchUpError, match="no stream orders in us-east-1.*check the name and the region") as failed:
        reader.catch_up()
    assert failed.value.kind == "not_found"
    double.create_stream(STREAM, 1)
    # What was said of the old stream while nobody could hear it, nobody knows.
    reader.catch_up()
    assert (reader.keys(), reader.stats().gaps) == ([], 1)
    # Told on a thread of its own.
    end = time.monotonic() + 10
    while "gap" not in [event.type for event in events]:
        assert time.monotonic() < end, "nobody was told of the gap"
        time.sleep(0.01)
    reader.set("k", 2)
    reader.set("other", 2)
    reader.catch_up(at_least=writer.invalidate("k"))
    assert (reader.keys(), reader.stats().gaps) == (["other"], 1)
    assert [event.type for event in events].count("gap") == 1


@pytest.mark.parametrize(("skew", "gaps"), [(1500, 0), (-1500, 0), (60_000, 1), (-60_000, 1)])
def test_a_clock_that_is_off_by_more_than_half_the_margin_is_a_gap(open_on: Open, double: Double, skew: int, gaps: int) -> None:
    cache = open_on(double)
    cache.set("k", 1)
    cache.catch_up()
    double.fault("date_skew", value=skew)
    cache.catch_up()
    assert (cache.get("k"), cache.stats().gaps) == (None if gaps else 1, gaps)
