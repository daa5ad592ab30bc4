"""What was observed, in the words of the transcripts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from snowmelt import SnowmeltError


def same(expected: Any, observed: Any) -> bool:
    """Whether what was observed is what was expected. An expectation `{at_least, at_most}` takes a range of numbers."""
    if _is_range(expected) and _is_number(observed):
        return expected.get("at_least", -math.inf) <= observed <= expected.get("at_most", math.inf)
    if isinstance(expected, list) or isinstance(observed, list):
        both = isinstance(expected, list) and isinstance(observed, list) and len(expected) == len(observed)
        return both and all(same(*pair) for pair in zip(expected, observed))
    if isinstance(expected, dict) and isinstance(observed, dict):
        return expected.keys() == observed.keys() and all(same(expected[name], observed[name]) for name in expected)
    # In Python True is 1.
    return type(expected) is type(observed) and expected == observed


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_range(value: Any) -> bool:
    return isinstance(value, dict) and len(value) > 0 and value.keys() <= {"at_least", "at_most"}


def expect(expected: Any, observed: Any) -> None:
    """Compares, and says what differs."""
    if not same(expected, observed):
        raise AssertionError(f"expected {told(expected)}, observed {told(observed)}")


def told(value: Any) -> str:
    """A value in a message."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= 2000 else f"{text[:2000]}… ({len(text)} characters)"


def attempt(act: Callable[[], Any], failed: Callable[[SnowmeltError], Any]) -> Any:
    """What `act` gives; or its failure, told by `failed`. An exception of another type is a bug, and passes."""
    try:
        return act()
    except SnowmeltError as error:
        if not error.code or not str(error):
            raise AssertionError(f"a failure that says nothing: {error!r}") from error
        return failed(error)


def input_error(error: SnowmeltError) -> dict[str, Any]:
    fields = {"kind": error.kind, **{name: error.details.get(name) for name in ("what", "bytes", "most")}}
    return {"error": {name: value for name, value in fields.items() if value is not None}}


def config_error(error: SnowmeltError) -> dict[str, Any]:
    option, value, message = error.option, error.details["value"], str(error)
    if value not in message or not re.search(r"\w", message[message.index(value) + len(value) :]):
        raise AssertionError(f"no remedy: {message}")
    return {"error": {"option": option, "value": value}}


def write_error(error: SnowmeltError) -> dict[str, Any]:
    return {"error": {"kind": error.kind, "unwritten": error.details["unwritten"]}}


def invalidation(what: dict[str, Any]) -> dict[str, Any]:
    """Only what it names."""
    named = {kind: what[kind] for kind in ("keys", "tags", "prefixes") if what.get(kind)}
    return {**named, "all": True} if what.get("all") else named


def event(event: dict[str, Any], catch_up_number: Callable[[float], int]) -> dict[str, Any]:
    kind = event["type"]
    if kind == "gap":
        return {"gap": event["reason"]}
    if kind in ("undecodable", "flushed"):
        return {kind: event["sequence_number"]}
    if kind == "catch_up_ended":
        return {"catch_up_ended": {"catch_up": catch_up_number(event["id"]), "outcome": event["outcome"]}}
    return event


CALLS = ("list_shards_calls", "shard_iterator_calls", "get_records_calls", "put_records_calls")
DURATIONS = ("lag", "time_saved", "time_spent")
COUNTERS = (
    *("hits", "misses", "stale", "rescued", "refreshes", "loads", "load_failures", "coalesced", "fills", "fenced", "too_heavy"),
    *("evictions", "expirations"),
    *("invalidated_by_key", "invalidated_by_tag", "invalidated_by_prefix", "invalidated_by_all"),
    *("records", "undecodable", "catch_ups_succeeded", "catch_ups_failed", "catch_ups_throttled", "gaps"),
    *DURATIONS,
    *CALLS,
    "calls",
    *("entries", "weight", "leases"),
)


def stats(counted: dict[str, Any]) -> dict[str, Any]:
    """Every counter; durations in whole milliseconds."""
    if set(counted) != set(COUNTERS):
        raise AssertionError(f"other counters than expected: {set(counted) ^ set(COUNTERS)}")
    observed = {name: _counter(name, counted[name]) for name in COUNTERS}
    if observed["calls"] != sum(observed[name] for name in CALLS):
        raise AssertionError(f"`calls` is {observed['calls']}, and not the calls' sum")
    return observed


def _counter(name: str, value: Any) -> int | None:
    if name == "lag" and value is None:
        return None
    if not _is_number(value):
        raise AssertionError(f"the counter `{name}` is {told(value)}")
    if name not in DURATIONS and value != int(value):
        raise AssertionError(f"the counter `{name}` is no whole number: {value}")
    return math.floor(value)
