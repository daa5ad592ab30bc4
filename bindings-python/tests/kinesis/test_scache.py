"""A stream shared with Go services that run scache."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs

import pytest

from snowmelt import Cache, DataId, SnowmeltError

from .conftest import Open
from .servers import KinesisLocal

#: What Go's `json.Marshal` makes of scache's record, to the byte: `&` is escaped, and a `time.Time` is RFC 3339.
GO = r'{"keys":["id=12345\u0026s=db.table.id\u0026t=data.ID"],"ts":"2018-05-01T10:00:00Z"}'
#: The same where Go's HTML escaping is off, and with a time as it is on most days.
PLAIN = '{"keys":["id=12345&s=db.table.id&t=data.ID"],"ts":"2026-05-01T10:00:00.123456789+02:00"}'


def row(number: int) -> str:
    return str(DataId("db.table.id", str(number)))


def reader_of(kinesis: KinesisLocal, stream: str, open_on: Open) -> Cache[Any]:
    reader = open_on(kinesis, stream=kinesis.create_stream(stream, 2))
    reader.set(row(12345), "dropped")
    reader.set(row(12346), "kept")
    reader.set("id=12345", "kept")
    reader.catch_up()
    return reader


@pytest.mark.parametrize("record", [GO, PLAIN])
def test_what_scache_writes_drops_what_it_names(kinesis: KinesisLocal, stream: str, open_on: Open, record: str) -> None:
    reader = reader_of(kinesis, stream, open_on)
    # Which must not stop what is behind it.
    kinesis.put(stream, "not a record", "db.table.id")
    kinesis.put(stream, record, "db.table.id")
    reader.catch_up()
    assert sorted(reader.keys()) == ["id=12345", row(12346)]
    stats = reader.stats()
    assert (stats.records, stats.undecodable, stats.gaps, stats.invalidated_by_key) == (2, 1, 0, 1)


def read_by_scache(record: bytes) -> tuple[list[tuple[str, str]], datetime]:
    """As its Go code does: `json.Unmarshal` into keys and a `time.Time`, and each key a query with a type, a source and an id."""
    told = json.loads(record)
    keys = [parse_qs(key, strict_parsing=True) for key in told["keys"]]
    assert all(key["t"] == ["data.ID"] for key in keys)
    # Go takes RFC 3339 with up to nine digits of a second; this Python up to six.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", told["ts"])
    return [(key["s"][0], key["id"][0]) for key in keys], datetime.fromisoformat(told["ts"].replace("Z", "+00:00"))


def test_scache_reads_what_is_written_for_it(kinesis: KinesisLocal, stream: str, open_on: Open) -> None:
    reader = reader_of(kinesis, stream, open_on)
    writer = open_on(kinesis, stream=stream, record_format="scache")
    began = datetime.now(timezone.utc)
    token = writer.invalidate([DataId("db.table.id", "12345"), DataId("db.other", "a b&c=d/ü")])
    [record] = kinesis.records(stream)
    keys, written = read_by_scache(record)
    assert keys == [("db.table.id", "12345"), ("db.other", "a b&c=d/ü")]
    assert abs((written - began).total_seconds()) < 60
    reader.catch_up(at_least=token)
    assert sorted(reader.keys()) == ["id=12345", row(12346)]


def test_what_scache_has_no_words_for_is_refused(kinesis: KinesisLocal, stream: str, open_on: Open) -> None:
    """And not left out: a fleet that is told of half of it serves the other half."""
    writer = open_on(kinesis, stream=kinesis.create_stream(stream, 1), record_format="scache")
    for what in ({"tags": "t"}, {"prefixes": "p"}, {"all": True}, {"keys": "k", "tags": "t"}):
        with pytest.raises(SnowmeltError) as refused:
            writer.invalidate(**what)
        assert refused.value.code == "NOT_IN_FORMAT"
    assert kinesis.records(stream) == []
