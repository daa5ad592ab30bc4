"""Refreshes and threads: one of them for all readers, in the background with a hook, through freezes, forks and ends."""

from __future__ import annotations

import contextvars
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from .faces import fail, never, outlived
from .support import run_python, until

Make = Callable[..., Cache]
READERS = 24


class Gate:
    """A loader that waits to be let go on."""

    def __init__(self, value: Any = "new") -> None:
        self.began, self.open = threading.Event(), threading.Event()
        self.value = value
        self.thread: threading.Thread | None = None

    def __call__(self) -> Any:
        self.thread = threading.current_thread()
        self.began.set()
        assert self.open.wait(20)
        return self.value() if callable(self.value) else self.value


def test_one_reader_refreshes_and_the_others_are_given_the_old_value(make: Make) -> None:
    cache, gate = make(stale_while_revalidate=60), Gate()
    outlived(cache)
    with ThreadPoolExecutor(READERS) as pool:
        leader = pool.submit(cache.fetch, "k", gate)
        assert gate.began.wait(10)
        others = [pool.submit(cache.fetch, "k", never) for _ in range(READERS - 1)]
        assert {(other.result(10).value, other.result().how) for other in others} == {("old", "stale")}
        assert not leader.done()
        gate.open.set()
        assert (leader.result(10).value, leader.result().how) == ("new", "loaded")
    stats = cache.stats()
    assert (stats.loads, stats.refreshes, stats.stale) == (1, 1, READERS - 1)


def test_with_a_hook_all_are_given_the_old_value_at_once(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, gate = make(stale_while_revalidate=60, wait_until=refreshes.append), Gate()
    outlived(cache)
    for _ in range(3):
        fetched = cache.fetch("k", gate)
        assert (fetched.value, fetched.how, fetched.error) == ("old", "stale", None)
    assert gate.began.wait(10) and gate.thread is not threading.current_thread()
    (refresh,) = refreshes
    assert isinstance(refresh, Future) and not refresh.done() and not refresh.cancel()
    gate.open.set()
    assert refresh.result(10) is None
    assert cache.fetch("k", never).value == "new"
    stats = cache.stats()
    assert (stats.loads, stats.refreshes, stats.stale) == (1, 1, 3)


def test_a_hook_of_a_call_is_told_in_place_of_the_caches(make: Make) -> None:
    told: list[Future[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=never)
    outlived(cache)
    assert cache.fetch("k", lambda: "new", wait_until=told.append).value == "old"
    told[0].result(10)
    assert cache.get_or_load("k", never) == "new"


def test_a_hook_is_not_told_of_what_is_waited_for(make: Make) -> None:
    cache = make(stale_while_revalidate=60, stale_if_error=60, wait_until=lambda _: pytest.fail("there is nothing to wait for"))
    assert cache.fetch("k", lambda: "v").how == "loaded"
    assert cache.fetch("k", never).how == "hit"
    outlived(cache, "rescued", stale_while_revalidate=0)
    assert cache.fetch("rescued", fail).how == "stale_on_error"


def test_a_hook_that_raises_spoils_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    cache = make(stale_while_revalidate=60, wait_until=lambda refresh: 1 / 0)
    outlived(cache)
    with caplog.at_level(logging.ERROR, "snowmelt"):
        assert cache.fetch("k", lambda: "new").value == "old"
    assert "wait_until raised" in caplog.text and "ZeroDivisionError" in caplog.text
    until(lambda: cache.get("k") == "new", what="the refresh")


def test_a_refresh_that_fails_in_the_background_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    refreshes: list[Future[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)
    with caplog.at_level(logging.WARNING, "snowmelt"):
        assert cache.fetch("k", fail).value == "old"
        assert refreshes[0].result(10) is None
    assert "'k'" in caplog.text and "the origin is away" in caplog.text
    # And the next reader refreshes again.
    cache.fetch("k", lambda: "new")
    refreshes[1].result(10)
    assert cache.fetch("k", never).value == "new"


def test_a_refresh_in_the_background_has_its_readers_context(make: Make) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    refreshes: list[Future[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)
    user.set("Ada")
    cache.fetch("k", user.get)
    refreshes[0].result(10)
    assert cache.fetch("k", never).value == "Ada"


def test_an_invalidation_during_a_refresh_in_the_background(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, gate = make(stale_while_revalidate=60, stale_if_error=60, wait_until=refreshes.append), Gate("overtaken")
    outlived(cache)
    cache.fetch("k", gate)
    assert gate.began.wait(10)
    cache.invalidate("k")
    assert cache.fetch("k", lambda: "new").how == "loaded"
    gate.open.set()
    refreshes[0].result(10)
    assert cache.fetch("k", never).value == "new"
    assert cache.stats().fenced == 1


def test_a_refresh_that_a_freeze_cut_is_lost_and_begun_again(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, gate = make(stale_while_revalidate=60, wait_until=refreshes.append), Gate("cut")
    outlived(cache)
    with cache.invocation():
        assert cache.fetch("k", gate).value == "old"
        assert gate.began.wait(10)
    with cache.invocation():
        assert cache.fetch("k", lambda: "new").value == "old"
        refreshes[1].result(10)
        assert cache.fetch("k", never).value == "new"
    gate.open.set()
    refreshes[0].result(10)
    assert cache.fetch("k", never).value == "new"


def test_a_cache_that_is_closed_during_a_refresh(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, gate = make(stale_while_revalidate=60, wait_until=refreshes.append), Gate()
    outlived(cache)
    cache.fetch("k", gate)
    assert gate.began.wait(10)
    cache.close()
    gate.open.set()
    assert refreshes[0].result(10) is None
    with pytest.raises(snowmelt.ClosedError):
        cache.fetch("k", never)
    assert cache._flights == {}


def test_a_load_that_takes_long_is_answered_with_the_old_value_and_goes_on(make: Make) -> None:
    refreshes: list[Future[None]] = []
    cache, gate = make(stale_if_error=60, soft_load_timeout=0.02), Gate()
    outlived(cache)
    with ThreadPoolExecutor(4) as pool:
        # Who leads it, and who joins it.
        reads = [pool.submit(cache.fetch, "k", gate, wait_until=refreshes.append) for _ in range(4)]
        fetched = [read.result(10) for read in reads]
    assert {(each.value, each.how, type(each.error)) for each in fetched} == {("old", "stale_on_error", TimeoutError)}
    (refresh,) = refreshes
    assert not refresh.done()
    gate.open.set()
    refresh.result(10)
    assert cache.fetch("k", never).value == "new" and cache.stats().rescued == 4


def test_without_an_old_value_it_is_waited_for(make: Make) -> None:
    cache = make(stale_if_error=60, soft_load_timeout=0.01)
    gate = Gate()
    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(cache.fetch, "k", gate) for _ in range(2)]
        assert gate.began.wait(10)
        until(lambda: cache.stats().coalesced == 1)
        gate.open.set()
        assert sorted(read.result(10).how for read in reads) == ["coalesced", "loaded"]
    with pytest.raises(ConnectionError):
        cache.fetch("failing", fail)
    with pytest.raises(SystemExit):
        cache.fetch("leaving", lambda: exit(1))
    assert cache.fetch("leaving", lambda: "v").how == "loaded"


def test_past_its_hard_timeout_a_load_is_joined_by_nobody(make: Make) -> None:
    cache, gate = make(stale_if_error=60, load_timeout=0.2), Gate()
    outlived(cache)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(cache.fetch, "k", gate)
        assert gate.began.wait(10)
        joined = pool.submit(cache.fetch, "k", never).result(10)
        assert (joined.value, joined.how, type(joined.error)) == ("old", "stale_on_error", TimeoutError)
        # The loader of who leads it runs on the very thread that would be given the old value.
        assert not leader.done()
        gate.open.set()
        assert leader.result(10).value == "new"


def test_a_refresh_may_ask_for_its_own_key(make: Make) -> None:
    """It is given the old value: it waits for nobody."""
    refreshes: list[Future[None]] = []
    cache = make(stale_while_revalidate=60)
    outlived(cache, value=1)
    assert cache.fetch("k", lambda: cache.get_or_load("k", never) + 1).value == 2
    outlived(cache, value=1)
    cache.fetch("k", lambda: cache.get_or_load("k", never) + 1, wait_until=refreshes.append)
    refreshes[0].result(10)
    assert cache.get("k") == 2


def test_circles_are_found_on_threads_of_their_own_too(make: Make) -> None:
    cache = make(soft_load_timeout=0.01)
    with pytest.raises(snowmelt.LoadCycleError):
        cache.fetch("k", lambda: cache.fetch("k", never))
    with pytest.raises(snowmelt.LoadCycleError):
        cache.fetch("a", lambda: cache.fetch("b", lambda: cache.fetch("a", never)))
    # Who began a refresh does not wait for it: its loader may ask for what its reader loads.
    refreshes: list[Future[None]] = []
    outlived(cache, "old", stale_while_revalidate=60)

    def outer() -> str:
        return cache.get_or_load("old", lambda: cache.get_or_load("outer", never), wait_until=refreshes.append)

    assert cache.get_or_load("outer", outer) == "old"
    refreshes[0].result(10)
    assert cache.get("old") == "old"


def test_where_there_can_be_no_more_threads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    refreshes: list[Future[None]] = []
    cache = make(stale_while_revalidate=60, wait_until=refreshes.append)
    outlived(cache)
    monkeypatch.setattr("threading.Thread.start", start)
    cache.fetch("k", lambda: "new")
    assert refreshes[0].done() and cache.get("k") == "new"


def test_what_a_refresh_raised_keeps_nothing_alive(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    refreshes: list[Future[None]] = []
    cache = make(stale_while_revalidate=60, stale_if_error=60, soft_load_timeout=5)
    raised: list[weakref.ref[Exception]] = []

    class Failed(Exception):
        def __init__(self) -> None:
            raised.append(weakref.ref(self))

    def failing() -> Any:
        raise Failed

    # (What is logged, pytest keeps.)
    monkeypatch.setattr(logging.getLogger("snowmelt"), "disabled", True)
    gc.disable()
    try:
        for options in ({}, {"wait_until": refreshes.append}):
            outlived(cache)
            cache.fetch("k", failing, **options)
        refreshes[0].result(10)
        until(lambda: all(error() is None for error in raised), what="the end of the exceptions")
    finally:
        gc.enable()


def test_a_process_ends_after_its_refreshes() -> None:
    out = run_python(
        """
        import time
        from snowmelt import Cache

        cache = Cache(stream="memory:", stale_while_revalidate=60, wait_until=lambda refresh: None)
        cache.set("k", "old", ttl=0.02)
        while "k" in cache:
            time.sleep(0.005)

        def load():
            time.sleep(0.3)
            print("loaded")
            return "new"

        print(cache.get_or_load("k", load))
        """
    )
    assert out.split() == ["old", "loaded"]


def test_a_process_that_is_forked_during_a_refresh() -> None:
    run_python(
        """
        import warnings; warnings.simplefilter("ignore", DeprecationWarning)
        import os, signal, threading, time
        import snowmelt
        from snowmelt import Cache

        began, goes_on, refreshes = threading.Event(), threading.Event(), []

        def use():
            cache = Cache(stream="memory:", stale_while_revalidate=60, soft_load_timeout=5, wait_until=refreshes.append)
            cache.set("k", "old", ttl=0.02)
            while "k" in cache:
                time.sleep(0.005)
            return cache

        def load():
            began.set()
            assert goes_on.wait(10)
            return "new"

        cache = use()
        assert cache.get_or_load("k", load) == "old"
        assert began.wait(10)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                cache.get_or_load("k", load)
            except snowmelt.ClosedError:
                own = use()
                assert own.get_or_load("k", lambda: "own") == "old"
                refreshes[1].result(5)
                assert own.get_or_load("k", load) == "own" and not refreshes[0].done()
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        goes_on.set()
        refreshes[0].result(10)
        assert cache.get_or_load("k", load) == "new"
        """
    )
