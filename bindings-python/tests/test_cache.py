"""Reading, storing, loading and invalidating, on streams within the process."""

from __future__ import annotations

import copy
import datetime
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, DataId

Make = Callable[..., Cache]


def test_values_are_kept_by_reference(cache: Cache) -> None:
    value = object()
    assert cache.set("k", value) == "stored"
    assert cache["k"] is value
    assert cache.get("k") is value
    assert "k" in cache and len(cache) == 1 and cache.keys() == ["k"]
    assert cache.delete("k") and not cache.delete("k")
    assert cache.get("k") is None and cache.get("k", value) is value and "k" not in cache
    with pytest.raises(KeyError, match="'k'"):
        cache["k"]


def test_none_is_a_value(cache: Cache) -> None:
    assert cache.get_or_load("k", lambda: None) is None
    assert cache.get_or_load("k", lambda: 5) is None
    assert "k" in cache and cache["k"] is None and cache.get("k", 7) is None


def test_a_load_is_stored_and_a_failure_is_not(cache: Cache) -> None:
    def fail() -> Any:
        raise LookupError("no such user")

    with pytest.raises(LookupError, match="no such user"):
        cache.get_or_load("k", fail)
    assert cache.get_or_load("k", lambda: "v") == "v"
    assert cache.get_or_load("k", fail) == "v"
    stats = cache.stats()
    assert (stats.loads, stats.load_failures, stats.hits, stats.leases) == (2, 1, 1, 0)


def test_an_invalidation_reaches_other_caches(make: Make) -> None:
    reader, writer = make(), make()
    for key in ("users/1", "users/2", "orders/1", "teams/1"):
        reader.get_or_load(key, lambda: key, tags=lambda value: [f"of:{value}"])
    token = writer.invalidate("users/1", tags="of:users/2", prefixes=["orders/"])
    assert isinstance(token, str) and token.startswith("sm1.")
    reader.catch_up(at_least=token)
    assert reader.keys() == ["teams/1"]
    reader.catch_up(at_least=writer.invalidate(all=True), within=datetime.timedelta(seconds=5))
    assert reader.keys() == []


def test_an_invocation_catches_up_first(make: Make) -> None:
    reader, writer = make(), make()

    @reader.handler
    def handler(event: str, context: Any) -> Any:
        return reader.get_or_load("k", lambda: event)

    assert handler("one", None) == "one"
    assert handler("two", None) == "one"
    writer.invalidate("k")
    assert handler("three", None) == "three"
    assert handler.__name__ == "handler"


def test_a_load_that_races_an_invalidation_is_not_stored(cache: Cache) -> None:
    def load() -> str:
        cache.invalidate("k")
        return "old"

    assert cache.get_or_load("k", load) == "old"
    assert "k" not in cache


def test_tags_known_after_the_load_count(cache: Cache) -> None:
    def load() -> str:
        cache.invalidate(tags=["t"])
        return "old"

    cache.get_or_load("k", load, tags=lambda value: ["t"])
    assert "k" not in cache


def test_begin_and_fill(cache: Cache) -> None:
    lease = cache.begin("k")
    assert isinstance(lease, snowmelt.Lease) and lease.key == "k"
    joined = cache.begin("k")
    assert not isinstance(joined, snowmelt.Lease)
    assert cache.fill(lease, "v", tags=["t"]) == "stored"
    assert cache.fill(lease, "w") == "fenced"
    assert joined.wait() == ("v",)
    with cache.begin("other") as given_up:
        assert not given_up.ended
    assert given_up.ended and cache.stats().leases == 0


def test_a_copy_is_made_for_each(make: Make) -> None:
    cache = make(copy=copy.deepcopy)
    value = {"names": ["Ada"]}
    cache.set("k", value)
    value["names"].append("Eve")
    cache["k"]["names"].append("Eve")
    assert cache["k"] == {"names": ["Ada"]}
    loaded = cache.get_or_load("l", lambda: {"names": []})
    loaded["names"].append("Eve")
    assert cache["l"] == {"names": []}


def test_weights_bound_the_cache(make: Make) -> None:
    cache = make(max_weight="1kb", max_entries=100, size_of=lambda value, key: len(value))
    assert cache.set("a", "x" * 2000) == "too_heavy"
    for number in range(50):
        cache.set(f"k{number}", "x" * 100)
    assert cache.stats().weight <= 1024
    with pytest.raises(snowmelt.ArgumentTypeError, match="the weight is"):
        cache.set("a", "x", weight=-1)


def test_lifetimes_end(make: Make) -> None:
    cache = make(stream="none", ttl=0.05)
    cache.set("k", 1)
    cache.set("l", 1, ttl="1h")
    time.sleep(0.2)
    assert cache.get("k") is None and cache.get("l") == 1


def test_as_of(cache: Cache) -> None:
    cache.set("k", 1, as_of=datetime.datetime.now(datetime.timezone.utc))
    assert cache["k"] == 1
    assert cache.set("old", 1, as_of=time.time() - 3600) == "fenced"
    with pytest.raises(TypeError, match="as_of"):
        cache.set("k", 1, as_of="yesterday")


def test_waits_leave_the_interpreter_to_others(make: Make) -> None:
    cache = make()
    lease = cache.begin("k")
    ticks: list[int] = []
    waiter = threading.Thread(target=lambda: ticks.append(cache.get_or_load("k", lambda: 0)))
    waiter.start()
    time.sleep(0.1)
    cache.fill(lease, 7)
    waiter.join(5)
    assert ticks == [7]


def test_a_report_is_logged(make: Make, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.INFO, "snowmelt")
    cache = make(report="json")
    with cache.invocation() as invocation:
        cache.get_or_load("k", lambda: 1)
        cache.get("k")
    assert invocation.report is not None and (invocation.report.hits, invocation.report.loads) == (1, 1)
    assert json.loads(caplog.messages[-1])["snowmelt"]["hits"] == 1
    with make(report={"emf": "Shop/Cache"}).invocation():
        pass
    assert json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Shop/Cache"
    lines: list[str] = []
    with make(report="json", report_to=lines.append).invocation():
        pass
    assert len(lines) == 1


def test_a_handler_passes_on_what_its_function_does(make: Make) -> None:
    cache = make()

    @cache.handler
    def handler(event: Any, context: Any) -> Any:
        raise KeyboardInterrupt(event)

    with pytest.raises(KeyboardInterrupt):
        handler(1, None)
    for wrong in (5, int, lambda: (yield)):
        with pytest.raises(snowmelt.SnowmeltError) as refused:
            cache.handler(wrong)  # type: ignore[type-var]
        assert refused.value.code == "UNSUPPORTED_HANDLER"
    cache.close()

    @cache.handler
    def still_answers(event: Any, context: Any) -> Any:
        return event

    assert still_answers(3, None) == 3


def test_after_close(make: Make) -> None:
    with make() as cache:
        cache.set("k", 1)
    assert cache.closed
    uses: list[Callable[[], Any]] = [
        lambda: cache.get("k"),
        lambda: cache["k"],
        lambda: "k" in cache,
        lambda: len(cache),
        lambda: cache.set("k", 1),
        lambda: cache.get_or_load("k", lambda: 1),
        lambda: cache.begin("k"),
        lambda: cache.delete("k"),
        lambda: cache.invalidate("k"),
        lambda: cache.catch_up(),
        lambda: cache.clear(),
        lambda: cache.stats(),
        lambda: cache.keys(),
        lambda: cache.warm(),
        lambda: cache.restored(),
    ]
    for use in uses:
        with pytest.raises(snowmelt.ClosedError) as refused:
            use()
        assert refused.value.code == "CLOSED"
    cache.close()


def test_data_ids(cache: Cache) -> None:
    data = DataId("db.users.id", "12345")
    assert DataId.parse(str(data)) == data
    cache.set(str(data), 1)
    cache.invalidate(data)
    assert str(data) not in cache
    with pytest.raises(snowmelt.InvalidNameError):
        DataId.parse("no such form")
    with pytest.raises(TypeError):
        DataId("s", 5)  # type: ignore[arg-type]


def test_events_are_told(make: Make) -> None:
    told: list[snowmelt.CacheEvent] = []
    cache = make(on_event=told.append)
    cache.set("k", 1)
    cache.catch_up()
    deadline = time.monotonic() + 5
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [(event.type, event.outcome) for event in told] == [("catch_up_ended", "succeeded")]


def test_re_entering_finalizers_and_weighers(make: Make) -> None:
    cache = make(max_entries=1)

    class Reenters:
        def __del__(self) -> None:
            cache.set("other", 5)
            cache.get("k")

    for _ in range(100):
        cache.set("k", Reenters())
        cache.delete("k")
        cache.invalidate("k")
    cache._validate()
