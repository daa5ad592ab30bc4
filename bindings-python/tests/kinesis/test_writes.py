"""Invalidations that the stream refuses: they are tried again, and what cannot be written is told."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading

import pytest

from snowmelt import Cache, CacheEvent, WriteError

from ..support import ended, until
from .conftest import STREAM, Open
from .servers import Double


@pytest.mark.parametrize(("effect", "value"), [("throttle", None), ("status", 500), ("status", 503), ("reset", None)])
def test_a_write_outlives_what_passes(double: Double, open_on: Open, effect: str, value: object) -> None:
    reader, writer = open_on(double), open_on(double)
    reader.set("k", 1)
    reader.catch_up()
    double.fault(effect, "PutRecords", value=value, count=2)
    double.calls()
    token = writer.invalidate("k")
    assert len(double.calls("PutRecords")) == 3
    reader.catch_up(at_least=token)
    assert "k" not in reader


def test_only_the_records_that_were_refused_are_put_again(double: Double, open_on: Open) -> None:
    cache = open_on(double, lanes=4)
    double.fault("refuse_records", "PutRecords", value=2, count=1)
    token = cache.invalidate("k")
    assert len(double.calls("PutRecords")) == 2
    assert len(double.records(STREAM)) == 4, "one for each lane"
    cache.set("other", 1)
    cache.catch_up(at_least=token)


def test_an_error_says_how_many_records_are_not_written(double: Double, open_on: Open) -> None:
    """Half are refused, and then all."""
    cache = open_on(double, lanes=4)
    double.fault("refuse_records", "PutRecords", value=2, count=1)
    double.fault("access_denied", "PutRecords", skip=1)
    with pytest.raises(WriteError, match=r"2 invalidation record\(s\) could not be written") as failed:
        cache.invalidate("k")
    assert (failed.value.kind, failed.value.details["unwritten"]) == ("denied", 2)
    assert len(double.records(STREAM)) == 2


ARN = f"arn:aws:kinesis:us-east-1:ACCOUNT:stream/{STREAM}"

#: A fault that stays, how often it is met, and how the error tells of it: its kind, and words of its message.
LASTING: list[tuple[str, object, int, str, tuple[str, ...]]] = [
    ("access_denied", None, 1, "denied", ("allow kinesis:PutRecords", ARN)),
    ("error", "KMSAccessDeniedException", 1, "denied", ("kms:GenerateDataKey",)),
    ("error", "ResourceNotFoundException", 1, "not_found", ("us-east-1", "check the name and the region")),
    ("refuse_records", 1, 6, "throttled", ("ProvisionedThroughputExceededException",)),
    ("delay", 1000, 6, "timed_out", ("no answer", "http://127.0.0.1:")),
]


@pytest.mark.parametrize(("effect", "value", "tries", "kind", "words"), LASTING)
def test_a_write_that_cannot_be_made_names_the_remedy(
    double: Double, open_on: Open, effect: str, value: object, tries: int, kind: str, words: tuple[str, ...]
) -> None:
    events: list[CacheEvent] = []
    cache = open_on(double, call_timeout=0.1, on_event=events.append)
    cache.set("k", 1)
    double.fault(effect, "PutRecords", value=value)
    with pytest.raises(WriteError) as failed:
        cache.invalidate("k")
    message = str(failed.value)
    assert all(word in message for word in (*words, "1 invalidation record(s) could not be written")), message
    assert (failed.value.code, failed.value.kind, failed.value.details["unwritten"]) == ("WRITE_FAILED", kind, 1)
    assert len(double.calls("PutRecords")) == tries
    assert "k" not in cache, "the local removal stays"
    [event] = [event for event in events if event.type == "write_failed"]
    assert "other caches were not told: invalidate again" in str(event.message)


def test_a_write_on_a_loop_fails_the_same_way(double: Double, open_on: Open) -> None:
    cache = open_on(double)
    cache.set("k", 1)
    double.fault("access_denied", "PutRecords")

    async def write() -> None:
        with pytest.raises(WriteError, match="allow kinesis:PutRecords"):
            await cache.aio.invalidate("k")

    asyncio.run(write())
    assert "k" not in cache


# --- writes that are under way when a handler returns ---

#: Tries that the stream refuses before it takes a write.
REFUSED = 3


def test_a_handler_waits_for_writes_of_its_threads(double: Double, open_on: Open) -> None:
    cache = open_on(double)
    double.fault("throttle", "PutRecords", count=REFUSED)

    @cache.handler
    def handler(event: object, context: object) -> str:
        threading.Thread(target=cache.invalidate, args=("k",)).start()
        # The write has begun, and is not done.
        until(lambda: double.calls("PutRecords"), what="the first call")
        assert double.records(STREAM) == []
        return "answered"

    assert handler(None, None) == "answered"
    assert len(double.records(STREAM)) == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_handler_waits_for_writes_of_its_tasks(double: Double, open_on: Open, cancelled: bool) -> None:
    """Also where whoever began one does not wait for it any more."""
    cache = open_on(double)
    double.fault("throttle", "PutRecords", count=REFUSED)

    @cache.handler
    async def handler(event: object, context: object) -> str:
        task = asyncio.create_task(cache.aio.invalidate("k"))
        await asyncio.sleep(0)
        if cancelled:
            task.cancel()
        assert double.records(STREAM) == []
        tasks.append(task)
        return "answered"

    tasks: list[asyncio.Task[str]] = []

    async def invocation() -> None:
        assert await handler(None, None) == "answered"
        assert len(double.records(STREAM)) == 1
        await asyncio.wait(tasks)
        assert tasks[0].cancelled() == cancelled

    asyncio.run(invocation())


def test_closing_waits_for_writes_too(double: Double, open_on: Open) -> None:
    cache: Cache[int] = open_on(double)
    double.fault("throttle", "PutRecords", count=REFUSED)

    async def close() -> None:
        async with cache:
            asyncio.create_task(cache.aio.invalidate("k")).add_done_callback(lambda task: task.exception())
            await asyncio.sleep(0)
        assert len(double.records(STREAM)) == 1

    asyncio.run(close())


# --- writes that nobody waits for any more ---


def test_a_failure_is_told_also_if_its_caller_was_cancelled(double: Double, open_on: Open) -> None:
    events: list[CacheEvent] = []
    cache = open_on(double, on_event=events.append)
    double.fault("throttle", "PutRecords", count=1)
    double.fault("access_denied", "PutRecords")

    @cache.handler
    async def handler(event: object, context: object) -> None:
        task = asyncio.create_task(cache.aio.invalidate("k"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(handler(None, None))
    assert [event.type for event in events] == ["write_failed"]
    assert "allow kinesis:PutRecords" in str(events[0].message)


def test_a_failure_is_told_also_if_its_caller_was_interrupted(double: Double, open_on: Open) -> None:
    """By a signal's handler, as where a function runs out of its time."""
    events: list[CacheEvent] = []
    cache = open_on(double, on_event=events.append)
    double.fault("delay", "PutRecords", value=300)
    double.fault("access_denied", "PutRecords")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), cache.invocation():
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            cache.invalidate("k")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [event.type for event in events] == ["write_failed"]


def test_many_threads_write_at_once(stream: str) -> None:
    """None of them fails for want of another, and none is forgotten."""
    failures: list[BaseException] = []
    cache: Cache[int] = Cache(stream=f"memory:{stream}")
    each, threads = 1000, 16

    def write(number: int) -> None:
        try:
            for step in range(each):
                cache.invalidate(f"{number}/{step}")
        except BaseException as failure:
            failures.append(failure)

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        running = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        ended(running, 120)
    finally:
        sys.setswitchinterval(switching)
    assert failures == []
    assert cache.stats().put_records_calls == each * threads
    cache.close()
