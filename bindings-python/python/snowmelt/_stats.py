"""What a cache counts."""

from __future__ import annotations

from ._records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _Of = TypeVar("_Of", "Stats", "InvocationReport")

_DURATIONS = ("lag", "time_saved", "time_spent", "took")


class Stats(Record):
    """Every counter since the cache was made, and the state of now. Times in seconds."""

    #: Reads that were served from memory.
    hits: int
    #: Reads that were not served from memory at once: the value was not there, or past its lifetime.
    misses: int
    #: Reads that were served past the lifetime, within ``stale_while_revalidate``.
    stale: int
    #: Reads that were served within ``stale_if_error``, because the load failed or took long.
    rescued: int
    #: Loads that began while the old value could still be served.
    refreshes: int
    #: Loads that began.
    loads: int
    #: Loads that ended without a value.
    load_failures: int
    #: Reads that waited for a load another read had begun.
    coalesced: int
    #: Values that were stored.
    fills: int
    #: Values that were not stored because they may have been stale.
    fenced: int
    #: Values that were not stored because they alone are over the bound.
    too_heavy: int
    #: Entries that left to make room.
    evictions: int
    #: Entries that were found past their lifetime.
    expirations: int
    #: Entries dropped because their key was invalidated.
    invalidated_by_key: int
    #: Entries dropped because a tag of theirs was invalidated.
    invalidated_by_tag: int
    #: Entries dropped because a prefix of their key was invalidated.
    invalidated_by_prefix: int
    #: Entries dropped because everything was invalidated, or by a gap.
    invalidated_by_all: int
    #: Records read from the stream.
    records: int
    #: Records among them that could not be decoded.
    undecodable: int
    #: Catch-ups that reached the tip.
    catch_ups_succeeded: int
    #: Catch-ups that failed or ran out of their budget.
    catch_ups_failed: int
    #: Catch-ups that the stream throttled.
    catch_ups_throttled: int
    #: Times that continuity could not be proven and everything was dropped.
    gaps: int
    #: How far behind the stream the cache is; None while it follows nothing.
    lag: float | None
    #: The load times that hits avoided.
    time_saved: float
    #: The time spent catching up.
    time_spent: float
    #: ``ListShards`` calls.
    list_shards_calls: int
    #: ``GetShardIterator`` calls.
    shard_iterator_calls: int
    #: ``GetRecords`` calls.
    get_records_calls: int
    #: ``PutRecords`` calls.
    put_records_calls: int
    #: Calls to the stream, of every kind.
    calls: int
    #: Entries now, expired ones included.
    entries: int
    #: Their weight.
    weight: int
    #: Loads under way.
    leases: int


class InvocationReport(Record):
    """What a cache did during an invocation; times in seconds. Where invocations overlap, each has what all did in its time."""

    #: How long it took.
    took: float
    #: The load times that hits avoided.
    time_saved: float
    #: The time spent catching up.
    time_spent: float
    #: Reads that were served from memory.
    hits: int
    #: Reads that were not served from memory at once.
    misses: int
    #: Reads that were served past the lifetime, within ``stale_while_revalidate``.
    stale: int
    #: Reads that were served within ``stale_if_error``, because the load failed or took long.
    rescued: int
    #: Loads that began.
    loads: int
    #: Loads among them that began while the old value could still be served.
    refreshes: int
    #: Catch-ups that did not reach the tip.
    catch_ups_missed: int
    #: Times that everything was dropped because continuity was in doubt.
    gaps: int
    #: How far behind the stream the cache is at the end; None while it follows nothing.
    lag: float | None


def read(of: type[_Of], told: dict[str, Any]) -> _Of:
    """What the Rust side tells, durations in milliseconds."""
    return of(**{name: _in_python(name, told[name]) for name in of.__annotations__})


def _in_python(name: str, value: Any) -> Any:
    if value is None:
        return None
    return value / 1000 if name in _DURATIONS else int(value)
