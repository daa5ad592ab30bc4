"""Kinesis APIs on the loopback: kinesis-local, and the double, which fails on request. Each takes a free port."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .processes import ROOT, Child, node, programs

#: Signatures are not checked; their shape is.
_HEADERS = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-date": "20260101T000000Z",
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
}

_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")


class Server(Child):
    """A Kinesis API as a process."""

    def __init__(self, *command: str | Path) -> None:
        super().__init__(command)
        self.endpoint: str = self.begin(self._listening)

    def _listening(self) -> str:
        while True:
            found = _LISTENING.fullmatch(self.line())
            if found is not None:
                return found[1]

    def _post(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, str]:
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def call(self, operation: str, **members: Any) -> Any:
        """Any operation of the API."""
        status, text = self._post("/", {**_HEADERS, "x-amz-target": f"Kinesis_20131202.{operation}"}, members)
        assert status == 200, f"{operation} {members}: {status} {text}"
        return json.loads(text) if text else {}

    def create_stream(self, stream: str, shards: int) -> str:
        self.call("CreateStream", StreamName=stream, ShardCount=shards)
        self._active(stream)
        return stream

    def _active(self, stream: str) -> None:
        end = time.monotonic() + 20
        while self.call("DescribeStreamSummary", StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
            assert time.monotonic() < end, f"{stream} does not become active"
            time.sleep(0.02)

    def open_shards(self, stream: str) -> list[Any]:
        """In the order of their hash keys."""
        shards = self.call("ListShards", StreamName=stream)["Shards"]
        still_open = (shard for shard in shards if shard["SequenceNumberRange"].get("EndingSequenceNumber") is None)
        return sorted(still_open, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def update_shard_count(self, stream: str, shards: int) -> None:
        self.call("UpdateShardCount", StreamName=stream, TargetShardCount=shards, ScalingType="UNIFORM_SCALING")
        self._active(stream)

    def split_first(self, stream: str) -> None:
        shard = self.open_shards(stream)[0]
        low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
        middle = str((low + high) // 2 + 1)
        self.call("SplitShard", StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
        self._active(stream)

    def merge_first_two(self, stream: str) -> None:
        one, other = (shard["ShardId"] for shard in self.open_shards(stream)[:2])
        self.call("MergeShards", StreamName=stream, ShardToMerge=one, AdjacentShardToMerge=other)
        self._active(stream)

    def put(self, stream: str, data: str, partition_key: str = "any") -> None:
        """A record as somebody else writes it."""
        record = {"Data": base64.b64encode(data.encode()).decode(), "PartitionKey": partition_key}
        assert self.call("PutRecords", StreamName=stream, Records=[record])["FailedRecordCount"] == 0

    def records(self, stream: str) -> list[bytes]:
        """All that the stream holds."""
        shards = self.call("ListShards", StreamName=stream)["Shards"]
        return [record for shard in shards for record in self._of_shard(stream, shard["ShardId"])]

    def _of_shard(self, stream: str, shard: str) -> list[bytes]:
        start = self.call("GetShardIterator", StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        iterator, behind, found = start["ShardIterator"], 1, []
        end = time.monotonic() + 20
        while iterator is not None and behind > 0:
            assert time.monotonic() < end, f"the tip of {shard} is never reached"
            page = self.call("GetRecords", ShardIterator=iterator)
            found += [base64.b64decode(record["Data"]) for record in page["Records"]]
            iterator, behind = page.get("NextShardIterator"), page["MillisBehindLatest"]
        return found


class KinesisLocal(Server):
    """As the tests of the Rust crate start it."""

    def __init__(self) -> None:
        servers = ROOT / "native" / "tests" / "servers"
        installed = (servers / "node_modules" / "kinesis-local").exists()
        assert installed, "kinesis-local is missing: run `.ci/install.sh`, as `make test` does"
        super().__init__(node(), servers / "kinesis-local.cjs")


class Double(Server):
    """``core/kinesis-double``: its README lists what it can be told."""

    def __init__(self, *options: str) -> None:
        super().__init__(programs()["kinesis-double"], "--exit-with-stdin", *options)

    def _act(self, action: str, **members: Any) -> Any:
        status, text = self._post("/_double", {}, {"action": action, **members})
        assert status == 200, f"{action} {members}: {text}"
        return json.loads(text)

    def fault(self, effect: str, operation: str | None = None, **rest: Any) -> None:
        """Operations from now on meet a fault; ``rest`` may hold ``value``, ``count`` and ``skip``."""
        if operation is not None:
            rest["operation"] = operation
        self._act("fault", effect=effect, **rest)

    def healthy(self) -> None:
        """No faults, and no calls on record."""
        self._act("clear_faults")
        self.calls()

    def calls(self, operation: str | None = None) -> list[Any]:
        """The calls since the last time: operation, stream, shard and error."""
        calls = self._act("calls", clear=True)["calls"]
        return [call for call in calls if operation in (None, call["operation"])]

    def expire_iterators(self) -> None:
        self._act("expire_iterators")

    def settings(self, **settings: Any) -> None:
        self._act("settings", **settings)
