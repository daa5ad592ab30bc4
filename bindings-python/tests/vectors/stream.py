"""Calls to the stream and their answers: between the API's JSON and the words of the transcripts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from .data import only, record_bytes, since_start, wall
from .observed import same, told


def request(operation: str, given: dict[str, Any], stream: str | None, iterators: dict[str, str]) -> tuple[Any, str | None]:
    """A call in the words of the transcripts, and the shard it is about."""
    if operation == "ListShards":
        return _list_shards(given, stream), None
    if operation == "GetShardIterator":
        at_timestamp = given["ShardIteratorType"] == "AT_TIMESTAMP"
        fields(given, ["StreamName", "ShardId", "ShardIteratorType", *(["Timestamp"] if at_timestamp else [])])
        expect_text(given["StreamName"], stream)
        if not at_timestamp:
            expect_text(given["ShardIteratorType"], "TRIM_HORIZON")
        start = {"at_timestamp": _time(given["Timestamp"])} if at_timestamp else "trim_horizon"
        return {"shard_iterator": {"shard": given["ShardId"], "from": start}}, given["ShardId"]
    if operation == "GetRecords":
        fields(given, ["ShardIterator", "Limit"])
        iterator = given["ShardIterator"]
        if iterator not in iterators:
            raise AssertionError(f"no answer gave the iterator {told(iterator)}")
        shard = iterators[iterator]
        return {"get_records": {"shard": shard, "iterator": iterator, "limit": given["Limit"]}}, shard
    raise AssertionError(f"no call is a {operation}")


def _list_shards(given: dict[str, Any], stream: str | None) -> Any:
    if "NextToken" in given:
        # The API refuses a stream or a filter beside it.
        fields(given, ["NextToken"])
        return {"list_shards": {"next": given["NextToken"]}}
    fields(given, ["StreamName", "ShardFilter"])
    fields(given["ShardFilter"], ["Type", "Timestamp"])
    expect_text(given["StreamName"], stream)
    expect_text(given["ShardFilter"]["Type"], "FROM_TIMESTAMP")
    return {"list_shards": {"from": _time(given["ShardFilter"]["Timestamp"])}}


def fields(given: dict[str, Any], names: Iterable[str]) -> None:
    """An input has these fields and no other: a wrong one would be refused, or silently ignored."""
    if sorted(given) != sorted(names):
        raise AssertionError(f"expected the fields {', '.join(names)}, observed {told(given)}")


def expect_text(observed: Any, expected: Any) -> None:
    if observed != expected:
        raise AssertionError(f"expected {told(expected)}, observed {told(observed)}")


def _time(seconds: Any) -> int:
    """A time of the API, in seconds, as a transcript writes it."""
    millis = round(seconds * 1000)
    if not isinstance(seconds, (int, float)) or abs(seconds * 1000 - millis) > 0.01:
        raise AssertionError(f"{told(seconds)} is no time in whole milliseconds")
    return since_start(millis)


def is_call(expected: dict[str, Any], observed: dict[str, Any]) -> bool:
    """Whether this is the call that was expected; `limit` may be left unsaid."""
    if "limit" in expected.get("get_records", {"limit": None}) or "get_records" not in observed:
        return same(expected, observed)
    call = {name: value for name, value in observed["get_records"].items() if name != "limit"}
    return same(expected, {"get_records": call})


def note_iterator(iterators: dict[str, str], output: dict[str, Any], shard: str | None) -> None:
    """Notes which shard the iterator of an answer reads."""
    iterator = output.get("ShardIterator", output.get("NextShardIterator"))
    if iterator is None:
        return
    if iterators.setdefault(iterator, shard or "") != (shard or ""):
        raise AssertionError(f"the transcript gives two shards the iterator {told(iterator)}")


def answered(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An answer as the API gives it: its operation, which may be another than was called, and its output."""
    kind, content = only(body)
    if kind == "shards":
        listed = [_described(shard) for shard in content["list"]]
        return "ListShards", {"Shards": listed, **_given("NextToken", content.get("next_token"))}
    if kind == "iterator":
        return "GetShardIterator", {"ShardIterator": content}
    if kind == "records":
        return "GetRecords", _records(content)
    raise AssertionError(f"no answer is called `{kind}`")


def _described(shard: dict[str, Any]) -> dict[str, Any]:
    parents = [*shard.get("parents", []), None, None]
    if len(parents) > 4:
        raise AssertionError("a shard has two parents at the most")
    return {
        "ShardId": shard["id"],
        **_given("ParentShardId", parents[0]),
        **_given("AdjacentParentShardId", parents[1]),
        "HashKeyRange": _hash_keys(shard),
        "SequenceNumberRange": {"StartingSequenceNumber": shard["starting_sequence_number"]},
    }


def _records(content: dict[str, Any]) -> dict[str, Any]:
    children = content.get("child_shards")
    return {
        "Records": [_record(record) for record in content.get("list", [])],
        **_given("NextShardIterator", content.get("next_iterator")),
        "MillisBehindLatest": content.get("millis_behind_latest", 0),
        **_given("ChildShards", None if children is None else [_child(shard) for shard in children]),
    }


def _record(record: dict[str, Any]) -> dict[str, Any]:
    arrival = record.get("arrival")
    return {
        "SequenceNumber": record["sequence_number"],
        "Data": base64.b64encode(record_bytes(record["data"])).decode(),
        "PartitionKey": "p",
        **_given("ApproximateArrivalTimestamp", None if arrival is None else wall(arrival) / 1000),
    }


def _child(shard: dict[str, Any]) -> dict[str, Any]:
    return {"ShardId": shard["id"], "ParentShards": shard.get("parents", []), "HashKeyRange": _hash_keys(shard)}


def _hash_keys(shard: dict[str, Any]) -> dict[str, str]:
    start, end = shard["hash_keys"]
    return {"StartingHashKey": start, "EndingHashKey": end}


def _given(name: str, value: Any) -> dict[str, Any]:
    """A field that the API leaves out where there is nothing."""
    return {} if value is None else {name: value}


#: What the service, or the lack of one, says for each kind of error.
REFUSALS = {
    "throttled": {"code": "ProvisionedThroughputExceededException", "status": 400},
    "expired": {"code": "ExpiredIteratorException", "status": 400},
    "refused": {"code": "InvalidArgumentException", "status": 400},
    "not_found": {"code": "ResourceNotFoundException", "status": 400},
    "denied": {"code": "AccessDeniedException", "status": 400},
    "timed_out": {"code": "", "status": 0, "timed_out": True},
    "failed": {"code": "InternalFailure", "status": 500},
}


def refusal(error: dict[str, Any]) -> str:
    return json.dumps({**REFUSALS[error["kind"]], "message": error.get("message", "")})
