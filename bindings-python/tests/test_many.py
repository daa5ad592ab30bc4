"""Reads of many keys that share one call of a loader."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .faces import FACES, Face, fail, never, outlived
from .support import until, until_on_loop

Make = Callable[..., Cache]
both = pytest.mark.parametrize("face", FACES)


class Batches:
    """A loader that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, keys: list[str]) -> dict[str, Any]:
        self.asked.append(keys)
        return {key: f"value of {key}" for key in keys if not key.startswith("no")}


@both
def test_one_call_loads_what_is_missing(make: Make, face: type[Face]) -> None:
    read, load = face(make()), Batches()
    read.cache.set("b", "cached")
    assert read.get_many(["a", "b", "c", "a"], load) == {"a": "value of a", "b": "cached", "c": "value of c"}
    assert list(read.get_many(iter(["c", "a"]), load)) == ["c", "a"]
    assert load.asked == [["a", "c"]]
    assert read.get_many([], load) == {} and read.get_many({"a"}, load) == {"a": "value of a"}
    assert load.asked == [["a", "c"]]
    stats = read.cache.stats()
    assert (stats.loads, stats.fills) == (2, 3)


@both
def test_a_key_that_is_missing_in_the_answer_is_not_there(make: Make, face: type[Face]) -> None:
    read, load = face(make(ttl=60, negative_ttl=0.02)), Batches()
    assert read.get_many(["a", "no"], load, absent=lambda value: False) == {"a": "value of a", "no": None}
    assert "no" in read.cache
    until(lambda: "no" not in read.cache, what="the end of the negative lifetime")
    assert read.get_many(["a", "no"], load) == {"a": "value of a", "no": None}
    assert load.asked == [["a", "no"], ["no"]]
    kept = face(make(ttl=60, negative_ttl=0))
    assert kept.get_many(["no"], load) == {"no": None} and "no" not in kept.cache


@both
def test_what_goes_with_each_value(make: Make, face: type[Face]) -> None:
    read = face(make())
    values = {"a": "1", "b": "22"}
    read.get_many(["a", "b"], lambda keys: values, tags=lambda value: [f"t:{value}"], weight=len, ttl=lambda value: 60 * len(value))
    assert read.cache.stats().weight == 3
    read.cache.invalidate(tags="t:1")
    assert read.cache.keys() == ["b"]
    # Functions are not asked for what is not there.
    assert read.get_many(["none"], lambda keys: {}, tags=lambda value: [value.tag], weight=5) == {"none": None}
    assert read.cache.stats().weight == 2 + 5


@both
def test_what_cannot_be_stored_of_one_key_concerns_no_other(make: Make, face: type[Face]) -> None:
    read = face(make())
    with pytest.raises(snowmelt.SnowmeltError, match="tag"):
        read.get_many(["a", "b", "c"], lambda keys: dict.fromkeys(keys, ""), tags=lambda value: [value])
    values = {"a": "t", "b": "", "c": "t"}
    with pytest.raises(snowmelt.SnowmeltError, match="tag"):
        read.get_many(["a", "b", "c"], lambda keys: values, tags=lambda value: [value])
    assert sorted(read.cache.keys()) == ["a", "c"]
    assert read.cache.stats().leases == 0 and read.cache._flights == {}


@both
def test_a_batch_that_fails_fails_its_keys(make: Make, face: type[Face]) -> None:
    read = face(make(stale_if_error=60))
    read.cache.set("cached", 1)
    with pytest.raises(ConnectionError):
        read.get_many(["cached", "a"], lambda keys: fail())
    # With an old value for each there is an answer; with one for some there is none.
    outlived(read.cache, "x")
    outlived(read.cache, "y")
    assert read.get_many(["x", "cached", "y"], lambda keys: fail()) == {"x": "old", "cached": 1, "y": "old"}
    with pytest.raises(ConnectionError):
        read.get_many(["x", "a"], lambda keys: fail())
    assert read.get_many(["x", "a"], lambda keys: dict.fromkeys(keys, "new")) == {"x": "new", "a": "new"}
    assert read.cache.stats().leases == 0 and read.cache._flights == {}


@both
def test_what_is_asked_for_is_checked(make: Make, face: type[Face]) -> None:
    read, load = face(make()), Batches()
    for keys in ("users/1", b"k", 5, None):
        with pytest.raises(snowmelt.ArgumentTypeError, match="keys"):
            read.get_many(keys, load)
    for wrong in (5, ["k"], b"k", None):
        with pytest.raises(snowmelt.InvalidNameTypeError):
            read.get_many(["a", wrong], load)
    with pytest.raises(snowmelt.InvalidNameError):
        read.get_many(["a", "", "b"], load)
    with pytest.raises(snowmelt.ArgumentTypeError, match="loader"):
        read.get_many(["a"], 5)  # type: ignore[arg-type]
    for given in (["value"], None, 5):
        with pytest.raises(snowmelt.ArgumentTypeError, match="mapping"):
            read.get_many(["a"], lambda keys: given)  # type: ignore[arg-type,return-value]
    assert read.cache.stats().leases == 0
    assert read.get_many(["a"], load) == {"a": "value of a"}


def test_a_loader_that_would_have_to_be_awaited(make: Make) -> None:
    async def load(keys: list[str]) -> dict[str, Any]:
        return {}

    with pytest.raises(snowmelt.ArgumentTypeError, match="asynchronous"):
        make().get_many(["a"], load)  # type: ignore[arg-type]


def test_calls_that_overlap_share_what_they_can(make: Make) -> None:
    """Neither holds what the other waits for, in whatever order they ask."""
    cache = make()
    begun, goes_on = threading.Barrier(3), threading.Event()
    asked: list[list[str]] = []

    def load(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        begun.wait(10)
        assert goes_on.wait(10)
        return {key: key.upper() for key in keys}

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get_many, ["a", "b", "c"], load)
        until(lambda: len(asked) == 1)
        second = pool.submit(cache.get_many, ["d", "c", "b"], load)
        begun.wait(10)
        goes_on.set()
        assert first.result(10) == {"a": "A", "b": "B", "c": "C"}
        assert second.result(10) == {"d": "D", "c": "C", "b": "B"}
    assert asked == [["a", "b", "c"], ["d"]]
    assert cache.stats().coalesced == 2


def test_many_calls_that_overlap_at_random_all_end(make: Make) -> None:
    cache = make(max_entries=8)
    keys = [f"k{number}" for number in range(16)]

    def work(offset: int) -> None:
        for turn in range(30):
            wanted = [keys[(offset * 5 + turn * 3 + step * 7) % 16] for step in range(6)]
            assert cache.get_many(wanted, lambda missing: {key: key for key in missing}) == {key: key for key in wanted}

    async def later(offset: int) -> None:
        for turn in range(30):
            wanted = [keys[(offset * 3 + turn * 5 + step * 11) % 16] for step in range(6)]

            async def load(missing: list[str]) -> dict[str, str]:
                await asyncio.sleep(0)
                return {key: key for key in missing}

            assert await cache.aio.get_many(wanted, load) == {key: key for key in wanted}

    async def main() -> None:
        await asyncio.gather(*(later(offset) for offset in range(4)))

    with ThreadPoolExecutor(5) as pool:
        ends = [pool.submit(work, offset) for offset in range(4)]
        ends.append(pool.submit(asyncio.run, main()))
        for end in ends:
            end.result(60)
    assert cache._flights == {} and cache.stats().leases == 0


def test_who_joined_a_batch_that_failed_fails_too_or_is_saved(make: Make) -> None:
    cache = make(stale_if_error=60)
    outlived(cache, "b")
    began, goes_on = threading.Event(), threading.Event()

    def load(keys: list[str]) -> dict[str, Any]:
        began.set()
        assert goes_on.wait(10)
        return fail()  # type: ignore[no-any-return]

    with ThreadPoolExecutor(3) as pool:
        leader = pool.submit(cache.get_many, ["a", "b"], load)
        assert began.wait(10)
        joined = pool.submit(cache.get_many, ["a", "c"], lambda keys: dict.fromkeys(keys, "v"))
        saved = pool.submit(cache.fetch, "b", never)
        until(lambda: cache.stats().coalesced == 2)
        goes_on.set()
        for end in (leader, joined):
            assert isinstance(end.exception(10), ConnectionError)
        assert (saved.result(10).value, saved.result().how) == ("old", "stale_on_error")
    assert cache["c"] == "v"


def test_with_a_hook_old_values_are_refreshed_in_the_background(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, load = make(stale_while_revalidate=60, wait_until=refreshes.append), Batches()
    for key in ("x", "y"):
        outlived(cache, key)
    assert cache.get_many(["x", "a", "y"], load) == {"x": "old", "a": "value of a", "y": "old"}
    refreshes[0].result(10)
    assert sorted(load.asked) == [["a"], ["x", "y"]] and len(refreshes) == 1
    assert cache.get_many(["x", "y"], never) == {"x": "value of x", "y": "value of y"}
    assert cache.stats().stale == 2


@both
def test_what_fails_in_the_background_is_logged(make: Make, face: type[Face], caplog: pytest.LogCaptureFixture) -> None:
    if face.name == "aio":

        async def main(load: Any, **options: Any) -> Any:
            refreshes: list[asyncio.Task[None]] = []
            found = await cache.aio.get_many(["x", "y"], load, wait_until=refreshes.append, **options)
            await asyncio.wait(refreshes, timeout=10)
            return found

        def read(load: Any, **options: Any) -> Any:
            return asyncio.run(main(load, **options))
    else:

        def read(load: Any, **options: Any) -> Any:
            refreshes: list[Future[None]] = []
            found = cache.get_many(["x", "y"], load, wait_until=refreshes.append, **options)
            refreshes[0].result(10)
            return found

    cache = make(stale_while_revalidate=60)
    for key in ("x", "y"):
        outlived(cache, key)
    with caplog.at_level(logging.WARNING, "snowmelt"):
        assert read(lambda keys: fail()) == {"x": "old", "y": "old"}
        assert "the origin is away" in caplog.text
        assert read(lambda keys: {"x": "", "y": "new"}, tags=lambda value: [value]) == {"x": "old", "y": "old"}
        assert "tag" in caplog.text
    assert cache.get("y") == "new" and "x" not in cache


def test_without_one_they_are_loaded_with_the_others(make: Make) -> None:
    cache, load = make(stale_while_revalidate=60), Batches()
    outlived(cache, "x")
    assert cache.get_many(["x", "a"], load) == {"x": "value of x", "a": "value of a"}
    assert load.asked == [["x", "a"]]


def test_a_batch_that_takes_long(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache = make(stale_if_error=60, soft_load_timeout=0.02, wait_until=refreshes.append)
    goes_on = threading.Event()
    for key in ("x", "y"):
        outlived(cache, key)

    def load(keys: list[str]) -> dict[str, str]:
        assert goes_on.wait(10)
        return dict.fromkeys(keys, "new")

    assert cache.get_many(["x", "y"], load) == {"x": "old", "y": "old"}
    goes_on.set()
    refreshes[0].result(10)
    assert cache.get_many(["x", "y"], never) == {"x": "new", "y": "new"}
    # One that has no old value has them all wait.
    outlived(cache, "x")
    assert cache.get_many(["x", "z"], load) == {"x": "new", "z": "new"}


def test_the_same_on_a_loop(make: Make) -> None:
    refreshes: list[asyncio.Task[None]] = []
    cache = make(stale_while_revalidate=60, stale_if_error=60, wait_until=refreshes.append)
    for key in ("x", "y"):
        outlived(cache, key)
    asked: list[list[str]] = []

    async def main() -> None:
        goes_on = asyncio.Event()

        async def load(keys: list[str]) -> dict[str, str]:
            asked.append(keys)
            await asyncio.wait_for(goes_on.wait(), 10)
            return {key: key.upper() for key in keys}

        assert await asyncio.wait_for(cache.aio.get_many(["x", "y"], load), 10) == {"x": "old", "y": "old"}
        first = asyncio.ensure_future(cache.aio.get_many(["x", "a", "b"], load))
        await until_on_loop(lambda: len(asked) == 2, what="the first load")
        second = asyncio.ensure_future(cache.aio.get_many(["b", "c", "y"], load))
        await until_on_loop(lambda: len(asked) == 3, what="the second load")
        first.cancel()
        goes_on.set()
        assert await asyncio.wait_for(second, 10) == {"b": "B", "c": "C", "y": "old"}
        assert len(refreshes) == 1
        await asyncio.wait_for(refreshes[0], 10)
        # Cancelling one spoiled nothing.
        assert await cache.aio.get_many(["x", "y", "a", "b"], never) == {"x": "X", "y": "Y", "a": "A", "b": "B"}
        # And one that takes long.
        for key in ("x", "y"):
            outlived(cache, key)
        goes_on.clear()
        slow = cache.aio.get_many(["x", "y"], load, soft_load_timeout=0.02, wait_until=refreshes.append)
        assert await asyncio.wait_for(slow, 10) == {"x": "old", "y": "old"}
        goes_on.set()
        await asyncio.wait(refreshes, timeout=10)

    asyncio.run(main())
    assert asked[:3] == [["x", "y"], ["a", "b"], ["c"]]
    assert cache._tasks == {} and cache._flights == {}


def test_a_batch_asks_for_its_own_keys(make: Make) -> None:
    cache = make()
    with pytest.raises(snowmelt.LoadCycleError):
        cache.get_many(["a", "b"], lambda keys: {key: cache.get_or_load("b", never) for key in keys})
    with pytest.raises(snowmelt.LoadCycleError):
        cache.get_or_load("a", lambda: cache.get_many(["b", "a"], lambda keys: dict.fromkeys(keys, "v")))
    assert cache["b"] == "v"


def test_an_invalidation_during_a_batch(make: Make) -> None:
    cache = make()

    def load(keys: list[str]) -> dict[str, str]:
        cache.invalidate("a", tags="t")
        return dict.fromkeys(keys, "v")

    assert cache.get_many(["a", "b"], load) == {"a": "v", "b": "v"}
    assert cache.keys() == ["b"] and cache.delete("b")
    assert cache.get_many(["a", "b"], load, tags=["t"]) == {"a": "v", "b": "v"}
    assert cache.keys() == []
