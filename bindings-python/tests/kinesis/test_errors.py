"""What a catch-up says is missing: the action, the key, the stream, the region; and where nobody answers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from snowmelt import Cache, CatchUpError, OptionError, WriteError

from .conftest import STREAM, Open, Wires
from .servers import Double
from .wires import nobody

ARN = f"arn:aws:kinesis:us-east-1:ACCOUNT:stream/{STREAM}"

CALL_TIMEOUT = 0.5
MAX_LAG = 0.3

READS = ("kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords")

#: A fault, and how the error tells of it: its kind, and words of its message.
SAID: list[tuple[str, object, str | None, tuple[str, ...]]] = [
    ("throttle", None, None, ("throttled",)),
    ("access_denied", None, "denied", (*READS, ARN, "allow")),
    ("error", "KMSAccessDeniedException", "denied", ("encrypted", "kms:Decrypt")),
    ("error", "UnrecognizedClientException", "denied", ("not valid in region us-east-1", "AWS_ACCESS_KEY_ID")),
    ("error", "ResourceNotFoundException", "not_found", (STREAM, "us-east-1", "check the name and the region")),
    ("status", 500, "failed", (STREAM, "InternalFailure")),
    ("reset", None, "failed", ("ListShards",)),
    ("delay", 3000, "timed_out", (STREAM, "http://127.0.0.1:", "no answer", "within")),
]


@pytest.mark.parametrize(("effect", "value", "kind", "words"), SAID)
def test_a_catch_up_says_what_is_missing(
    double: Double, open_on: Open, effect: str, value: object, kind: str | None, words: tuple[str, ...]
) -> None:
    cache = open_on(double, call_timeout=CALL_TIMEOUT if effect == "delay" else 3)
    cache.set("k", 1)
    double.fault(effect, value=value)
    with pytest.raises(CatchUpError) as failed:
        cache.catch_up()
    message = str(failed.value)
    assert failed.value.code == ("CATCH_UP_THROTTLED" if effect == "throttle" else "CATCH_UP_FAILED"), message
    assert failed.value.kind == kind, message
    assert all(word in message for word in words), message
    assert cache.get("k") == 1, "nothing that was true is lost"


@pytest.mark.parametrize("operation", ["ListShards", "GetShardIterator", "GetRecords"])
def test_each_action_that_is_missing_is_named(double: Double, open_on: Open, operation: str) -> None:
    cache = open_on(double)
    cache.set("k", 1)
    double.fault("access_denied", operation)
    with pytest.raises(CatchUpError, match=f"{operation}.*kinesis:{operation}"):
        cache.catch_up()


def test_a_token_waits_for_what_cannot_be_read_yet(double: Double, open_on: Open) -> None:
    double.settings(put_to_get_ms=[2000, 2000])
    reader, writer = open_on(double), open_on(double)
    reader.set("k", 1)
    reader.catch_up()
    token = writer.invalidate("k")
    reader.catch_up()
    assert reader.get("k") == 1, "it can be read too soon for this test"
    reader.catch_up(at_least=token)
    assert "k" not in reader


def test_a_token_that_is_not_reached_in_time_is_an_error_of_its_own(double: Double, open_on: Open) -> None:
    reader, writer = open_on(double), open_on(double)
    reader.set("k", 1)
    reader.catch_up()
    token = writer.invalidate("k")
    double.fault("throttle", "GetRecords")
    began = time.monotonic()
    with pytest.raises(CatchUpError, match="not reached within 500ms") as failed:
        reader.catch_up(at_least=token, within="500ms")
    assert failed.value.code == "CATCH_UP_DEADLINE"
    assert 0.45 < time.monotonic() - began < 5
    double.healthy()
    reader.catch_up(at_least=token)
    assert "k" not in reader


# --- a stream that is out of reach ---


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "nobody answers"])
def test_without_its_stream_a_cache_is_one_with_a_bound(open_on: Open, wires: Wires, silent: bool) -> None:
    where = wires().endpoint if silent else nobody()
    cache: Cache[int] = open_on(where, max_lag=MAX_LAG, catch_up_every=0.05, catch_up_budget=0.05, call_timeout=CALL_TIMEOUT)
    loads = 0

    def load() -> int:
        nonlocal loads
        loads += 1
        return loads

    cache.warm()
    began = time.monotonic()
    first: dict[int, float] = {}
    while (now := time.monotonic()) < began + 3 * MAX_LAG:
        found = cache.get_or_load("k", load)
        assert now - first.setdefault(found, time.monotonic()) <= MAX_LAG, "served past `max_lag`"
        assert cache.get("k") in (found, None)
    # One, and one each time the bound was reached, which is up to a fifth earlier.
    assert 2 <= loads <= 5
    stats = cache.stats()
    assert stats.catch_ups_failed > 0 and stats.gaps == 0


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "nobody answers"])
def test_where_nobody_is_the_error_says_where(open_on: Open, wires: Wires, silent: bool) -> None:
    where = wires().endpoint if silent else nobody()
    words = (where, "no answer", "within 500ms") if silent else (where, "refused", "check that something listens")
    cache = open_on(where, call_timeout=CALL_TIMEOUT)
    cache.set("k", 1)
    with pytest.raises(CatchUpError) as failed:
        cache.catch_up()
    assert all(word in str(failed.value) for word in words), failed.value
    assert (failed.value.code, failed.value.kind) == ("CATCH_UP_FAILED", "timed_out" if silent else "failed")
    assert cache.get("k") == 1
    if not silent:
        with pytest.raises(WriteError, match="refused.*check that something listens"):
            cache.invalidate("other")


def test_a_region_that_contradicts_the_streams_is_named() -> None:
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
    with pytest.raises(OptionError, match="eu-west-1.*us-east-1.*correct one of the two") as refused:
        Cache(stream=arn, region="us-east-1")
    assert refused.value.option == "region"
