"""Finalizers of values run on Python's own threads, and may do there what they like."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from snowmelt import Cache, _errors

Make = Callable[..., Cache]


def test_values_that_the_stream_removes_end_on_pythons_threads(make: Make) -> None:
    ended: list[str] = []

    class Value:
        def __del__(self) -> None:
            with open("/proc/thread-self/comm", encoding="ascii") as name:
                ended.append(name.read().strip())
            # It would wait for itself on the thread that does the writing.
            other.invalidate("x")

    cache, other = make(catch_up_every=0.01), make()
    for _ in range(20):
        for number in range(10):
            cache.set(f"k{number}", Value())
        cache.catch_up(at_least=other.invalidate(all=True))
        time.sleep(0.005)
    cache.stats()
    gc.collect()
    assert len(ended) == 200 and not any(name.startswith("snowmelt") for name in ended)


def test_what_the_stream_removed_is_given_back_by_quick_reads(make: Make) -> None:
    alive = 0

    class Value:
        def __init__(self) -> None:
            nonlocal alive
            alive += 1

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    cache, other = make(catch_up_every=0.01), make()
    for number in range(100):
        cache.set(f"k{number}", Value())
    other.invalidate(all=True)
    deadline = time.monotonic() + 10
    while alive and time.monotonic() < deadline:
        cache.get("k1")
    assert alive == 0


def test_a_write_whose_failure_is_asked_for_while_it_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a finalizer, on the same thread."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    told: list[Any] = []
    cache = make(stream="s", region="us-east-1", endpoint="http://127.0.0.1:9", call_timeout=0.5, on_event=told.append)
    plain = _errors.from_core

    def from_core(text: str) -> Any:
        monkeypatch.setattr(_errors, "from_core", plain)
        # What `invalidate` and `close` begin with: they look at all writes that ended.
        for write in cache._writes.copy():
            if write.pending.done():
                cache._settle(write)
        return plain(text)

    monkeypatch.setattr(_errors, "from_core", from_core)
    raised: list[BaseException] = []

    def write() -> None:
        try:
            cache.invalidate("k")
        except BaseException as failed:
            raised.append(failed)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive() and len(raised) == 1
    assert [event.type for event in told].count("write_failed") == 1
