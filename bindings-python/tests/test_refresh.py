"""What is done with values whose lifetime is over, or nearly so: alike with and without ``await``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, Fetched

from .faces import FACES, Face, aged, fail, never, outlived
from .support import until

Make = Callable[..., Cache]

pytestmark = pytest.mark.parametrize("face", FACES)


def told(fetched: Fetched[Any]) -> tuple[Any, str]:
    return fetched.value, fetched.how


def test_how_a_value_was_come_by(make: Make, face: type[Face]) -> None:
    read = face(make())
    assert told(read.fetch("k", lambda: "v")) == ("v", "loaded")
    assert told(read.fetch("k", never)) == ("v", "hit")
    assert repr(read.fetch("k", never)) == "Fetched(value='v', how='hit', error=None)"
    with pytest.raises(ConnectionError):
        read.fetch("other", fail)


def test_nothing_is_kept_past_its_lifetime_unless_that_is_asked_for(make: Make, face: type[Face]) -> None:
    read = face(make())
    outlived(read.cache)
    with pytest.raises(ConnectionError):
        read.fetch("k", fail)
    assert told(read.fetch("k", lambda: "new")) == ("new", "loaded")


def test_without_a_hook_the_reader_that_refreshes_waits(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60))
    outlived(read.cache)
    assert told(read.fetch("k", lambda: "new")) == ("new", "loaded")
    assert told(read.fetch("k", never)) == ("new", "hit")
    stats = read.cache.stats()
    assert (stats.refreshes, stats.stale, stats.loads) == (1, 0, 1)


def test_a_refresh_that_fails_gives_the_old_value_and_the_next_reader_tries_again(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60))
    outlived(read.cache)
    for _ in range(2):
        fetched = read.fetch("k", fail)
        assert told(fetched) == ("old", "stale")
        assert isinstance(fetched.error, ConnectionError)
    assert read.get_or_load("k", fail) == "old"
    assert read.cache.stats().stale == 3
    assert told(read.fetch("k", lambda: "new")) == ("new", "loaded")


def test_what_is_saved_from_an_error_is_said_to_be(make: Make, face: type[Face]) -> None:
    read = face(make(stale_if_error=60))
    outlived(read.cache)
    fetched = read.fetch("k", fail)
    assert told(fetched) == ("old", "stale_on_error")
    assert isinstance(fetched.error, ConnectionError)
    stats = read.cache.stats()
    assert (stats.rescued, stats.stale, stats.load_failures) == (1, 0, 1)
    # It is for those who can load: others read what is fresh.
    assert read.cache.get("k") is None and "k" not in read.cache


def test_what_is_no_exception_of_a_loader_is_passed_on(make: Make, face: type[Face]) -> None:
    read = face(make(stale_if_error=60))
    outlived(read.cache)

    def interrupted() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read.fetch("k", interrupted)


def test_what_was_invalidated_is_served_by_nothing(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60, stale_if_error=60))
    for how in ({"keys": "k"}, {"tags": "t"}, {"prefixes": "k"}, {"all": True}):
        outlived(read.cache, tags=["t"])
        read.cache.invalidate(**how)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError):
            read.fetch("k", fail)


def test_what_another_cache_invalidated_is_not_saved_from_an_error(make: Make, face: type[Face]) -> None:
    """A value past `max_lag` is served after a catch-up only, as the stream may say that it is no more."""
    read, writer = face(make(stale_if_error=60)), make()
    read.cache.set("k", "old", ttl=0.02)
    writer.invalidate("k")
    until(lambda: "k" not in read.cache, what="the end of its lifetime")
    with pytest.raises(ConnectionError):
        read.fetch("k", fail)


def test_before_a_value_is_saved_from_an_error_the_stream_is_asked(make: Make, face: type[Face]) -> None:
    read, writer = face(make(stale_if_error=60, catch_up_every=0.05)), make()
    outlived(read.cache)
    read.cache.catch_up()

    def failing() -> Any:
        writer.invalidate("k")
        time.sleep(0.2)
        return fail()

    with pytest.raises(ConnectionError):
        read.fetch("k", failing)


def test_an_invalidation_overtakes_a_refresh(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60, stale_if_error=60))
    outlived(read.cache)

    def overtaken() -> str:
        read.cache.invalidate("k")
        return "overtaken"

    assert told(read.fetch("k", overtaken)) == ("overtaken", "loaded")
    with pytest.raises(ConnectionError):
        read.fetch("k", fail)
    assert told(read.fetch("k", lambda: "new")) == ("new", "loaded")


def test_an_invalidation_during_a_refresh_that_fails(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60, stale_if_error=60))
    outlived(read.cache)

    def overtaken() -> Any:
        read.cache.invalidate("k")
        return fail()

    with pytest.raises(ConnectionError):
        read.fetch("k", overtaken)


def test_values_are_refreshed_ahead(make: Make, face: type[Face]) -> None:
    read = face(make(ttl=60, refresh_ahead=0.001))
    # Nearer and nearer to the end of its lifetime it is refreshed with a probability of one half, and more.
    aged(read.cache, "k", "old", 50)
    found: list[Fetched[Any]] = []
    until(lambda: found.append(read.fetch("k", lambda: "new")) or found[-1].value == "new", seconds=20, what="the refresh")
    assert {told(fetched) for fetched in found[:-1]} <= {("old", "hit")} and told(found[-1]) == ("new", "loaded")
    stats = read.cache.stats()
    assert stats.refreshes == 1 and stats.misses == 0


def test_a_refresh_ahead_that_fails_is_a_hit(make: Make, face: type[Face]) -> None:
    read = face(make(ttl=60, refresh_ahead=0.001))
    aged(read.cache, "k", "v", 50)
    found = []
    until(lambda: found.append(read.fetch("k", fail)) or found[-1].error is not None, seconds=20, what="a refresh")
    assert told(found[-1]) == ("v", "hit")


def test_each_value_may_have_its_own(make: Make, face: type[Face]) -> None:
    read = face(make(ttl=60))
    read.fetch("k", lambda: "v", ttl=lambda value: 0.02, stale_if_error=lambda value: "1m", weight=len, tags=lambda value: [value])
    assert read.cache.stats().weight == 1
    until(lambda: "k" not in read.cache)
    assert told(read.fetch("k", fail)) == ("v", "stale_on_error")
    read.cache.invalidate(tags="v")
    read.fetch("k", lambda: "v", ttl=0.02, stale_while_revalidate=0.02, refresh_ahead=0.5)
    time.sleep(0.06)
    with pytest.raises(ConnectionError):
        read.fetch("k", fail)


def test_what_says_that_there_is_nothing_has_its_own_lifetime(make: Make, face: type[Face]) -> None:
    read = face(make(ttl=60, negative_ttl=0.02))
    assert told(read.fetch("none", lambda: None)) == (None, "loaded")
    assert told(read.fetch("some", lambda: 0)) == (0, "loaded")
    read.cache.set("set", None)
    until(lambda: "none" not in read.cache and "set" not in read.cache, what="the end of the negative lifetime")
    assert told(read.fetch("none", lambda: "now")) == ("now", "loaded")
    assert told(read.fetch("some", never)) == (0, "hit")
    # Each call, and the cache, may say what says so.
    read.fetch("empty", lambda: [], absent=lambda value: not value)
    read.fetch("none again", lambda: None, absent=lambda value: False)
    until(lambda: "empty" not in read.cache)
    assert "none again" in read.cache
    judging = face(make(ttl=60, negative_ttl=0, absent=lambda value: value == 404))
    assert judging.cache.set("k", 404) == "not_kept" and judging.cache.set("k", None) == "stored"
    judging.fetch("gone", lambda: 404)
    assert "gone" not in judging.cache
    assert judging.cache.set("k", 404, absent=False) == "stored" and judging.cache.set("k", 1, absent=True) == "not_kept"


def test_absence_without_a_lifetime_of_its_own_is_kept_as_any_value(make: Make, face: type[Face]) -> None:
    read = face(make(ttl=60))
    read.fetch("k", lambda: None)
    assert told(read.fetch("k", never)) == (None, "hit")


def test_copies_are_made_of_old_values_too(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60, stale_if_error=60, copy=list))
    outlived(read.cache, value=["old"])
    first, second = (read.fetch("k", fail).value for _ in range(2))
    assert first == second == ["old"] and first is not second


def test_what_is_asked_for_is_checked(make: Make, face: type[Face]) -> None:
    read = face(make())
    for wrong in ({"wait_until": 5}, {"absent": True}):
        with pytest.raises(snowmelt.ArgumentTypeError, match=next(iter(wrong))):
            read.fetch("k", lambda: "v", **wrong)
    for name in ("stale_while_revalidate", "stale_if_error", "soft_load_timeout"):
        with pytest.raises(snowmelt.SnowmeltError, match=name):
            read.fetch("k", lambda: "v", **{name: "soon"})
    for share in (1, 1.5, -0.5, "0.5", True, float("nan")):
        with pytest.raises(snowmelt.ArgumentTypeError, match="refresh_ahead"):
            read.fetch("k", lambda: "v", refresh_ahead=share)
    with pytest.raises(TypeError, match="`stale`: there are absent, .*wait_until"):
        read.fetch("k", lambda: "v", stale=5)
    assert told(read.fetch("k", lambda: "v", refresh_ahead=0)) == ("v", "loaded")


def test_a_cache_that_is_closed_meanwhile_saves_nothing(make: Make, face: type[Face]) -> None:
    read = face(make(stale_while_revalidate=60, stale_if_error=60))
    outlived(read.cache)

    def closing() -> Any:
        read.cache.close()
        return fail()

    with pytest.raises(ConnectionError):
        read.fetch("k", closing)


def test_decorated_functions_take_them_too(make: Make, face: type[Face]) -> None:
    cache = make(ttl=60)
    calls: list[str] = []

    if face.name == "aio":

        @cache.cached("users/{name}", ttl=0.02, stale_if_error=lambda value: 60)
        async def user(name: str) -> str:
            calls.append(name)
            return fail() if len(calls) > 1 else name

        def call(name: str) -> str:
            return asyncio.run(user(name))
    else:

        @cache.cached("users/{name}", tags=["t:{name}"], ttl=0.02, stale_if_error=60)
        def call(name: str) -> str:
            calls.append(name)
            return fail() if len(calls) > 1 else name

    assert call("ada") == "ada"
    until(lambda: "users/ada" not in cache)
    assert call("ada") == "ada" and calls == ["ada"] * 2


def test_those_who_cannot_load_read_what_is_fresh_and_no_more(make: Make, face: type[Face]) -> None:
    cache = make(ttl=60, refresh_ahead=0.001, stale_while_revalidate=60)
    # Drawn by each read that can load: see above.
    aged(cache, "k", "v", 57)
    asynchronous = face.name == "aio"
    for _ in range(50):
        found = asyncio.run(cache.aio.get("k")) if asynchronous else cache.get("k")
        assert found == "v" or "k" not in cache
    assert cache.stats().refreshes == 0
    until(lambda: "k" not in cache, what="the end of its lifetime")
    assert (asyncio.run(cache.aio.get("k", "none")) if asynchronous else cache.get("k", "none")) == "none"


def test_decorated_functions_refresh_ahead(make: Make, face: type[Face]) -> None:
    cache = make(ttl=60, refresh_ahead=0.001)
    calls: list[str] = []
    if face.name == "aio":

        @cache.cached("users/{name}")
        async def user(name: str) -> str:
            calls.append(name)
            return "new"

        def call(name: str) -> str:
            return asyncio.run(user(name))
    else:

        @cache.cached("users/{name}")
        def call(name: str) -> str:
            calls.append(name)
            return "new"

    aged(cache, "users/ada", "old", 50)
    until(lambda: call("ada") == "new", seconds=20, what="the refresh")
    stats = cache.stats()
    assert len(calls) == 1 and (stats.refreshes, stats.misses, stats.loads) == (1, 0, 1)
