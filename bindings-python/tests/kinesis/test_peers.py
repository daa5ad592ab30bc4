"""Processes in three languages on one stream hear of each other's invalidations, in each direction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import Peers
from .peers import Peer
from .processes import PeerError
from .servers import KinesisLocal

NAMES = ("key", "tagged", "under/1", "under/2", "stays")


@dataclass(frozen=True)
class Kind:
    """A way to invalidate, and what it takes away."""

    name: str
    what: dict[str, Any]
    gone: tuple[str, ...]

    def of(self, round: str) -> dict[str, Any]:
        text: str = json.dumps(self.what).replace("ROUND", round)
        named: dict[str, Any] = json.loads(text)
        return named


# Everything last: such a record, read again, may drop what is younger.
KINDS = (
    Kind("key", {"keys": ["ROUND/key"]}, ("key",)),
    Kind("tag", {"tags": ["ROUND:tag"]}, ("tagged",)),
    Kind("prefix", {"prefixes": ["ROUND/under/"]}, ("under/1", "under/2")),
    Kind("several", {"keys": ["ROUND/key"], "tags": ["ROUND:tag"], "prefixes": ["ROUND/under/1"]}, ("key", "tagged", "under/1")),
    Kind("all", {"all": True}, NAMES),
)


def everyone(peers: Peers, kinesis: KinesisLocal, stream: str) -> list[Peer]:
    """Two of Python, one of them on an event loop, and one of each other language."""
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    return [
        peers.python(kinesis.endpoint, stream=stream),
        peers.python(kinesis.endpoint, name="asyncio", aio=True, stream=arn),
        peers.node(kinesis.endpoint, stream=stream),
        peers.rust(kinesis.endpoint, stream),
    ]


def all_do(everyone: list[Peer], what: str, **members: Any) -> list[Any]:
    """At the same time."""
    for peer in everyone:
        peer.send(what, **members)
    return [peer.answer() for peer in everyone]


def check(everyone: list[Peer], writer: Peer, kind: Kind, number: int) -> None:
    """One invalidates; the others catch up, by its token or just so."""
    for name in NAMES:
        value = f"{name} of {number}"
        load = {"key": f"{number}/{name}", "value": value, "tags": [f"{number}:tag"] if name == "tagged" else []}
        assert all_do(everyone, "get_or_load", **load) == [value] * len(everyone)
    token = writer.ask("invalidate", **kind.of(str(number)))
    # Its writer has read its own write at once.
    others = [peer for peer in everyone if peer is not writer]
    if number % 2 == 0:
        all_do(others, "catch_up")
    else:
        all_do(others, "catch_up_to", token=token, within_ms=20_000)
    for name in NAMES:
        expected = None if name in kind.gone else f"{name} of {number}"
        found = {peer.name: peer_found for peer, peer_found in zip(everyone, all_do(everyone, "peek", key=f"{number}/{name}"))}
        assert found == {peer.name: expected for peer in everyone}, f"after {writer.name} invalidated by {kind.name}: {name}"


def test_all_hear_of_each_others_invalidations(kinesis: KinesisLocal, stream: str, peers: Peers) -> None:
    kinesis.create_stream(stream, 2)
    all_of_them = everyone(peers, kinesis, stream)
    rounds = [(kind, writer) for kind in KINDS for writer in all_of_them]
    for number, (kind, writer) in enumerate(rounds):
        check(all_of_them, writer, kind, number)
    for peer in all_of_them:
        stats = peer.ask("stats")
        assert (stats["gaps"], stats["undecodable"]) == (0, 0), peer.name
        # Its own come back too; but the last one emptied its writer, and who holds nothing does not ask.
        assert stats["records"] >= len(rounds) - 1, peer.name
    assert len(kinesis.records(stream)) == len(rounds), "each invalidation is one record"


def test_a_token_is_understood_by_every_other_language(kinesis: KinesisLocal, stream: str, peers: Peers) -> None:
    """Read your writes: whoever is handed the token reads what was written before it, from the first read on."""
    kinesis.create_stream(stream, 2)
    all_of_them = everyone(peers, kinesis, stream)
    for writer in all_of_them:
        for reader in all_of_them:
            reader.ask("get_or_load", key="row", value="old")
            reader.ask("catch_up")
            token = writer.ask("invalidate", keys=["row"])
            reader.ask("catch_up_to", token=token, within_ms=20_000)
            assert reader.ask("get_or_load", key="row", value="new") == "new", f"{writer.name} wrote, {reader.name} read"
            writer.ask("invalidate", keys=["row"])
            reader.ask("catch_up")


def test_a_token_of_another_stream_is_refused_by_name(kinesis: KinesisLocal, stream: str, peers: Peers) -> None:
    kinesis.create_stream(stream, 1)
    elsewhere = kinesis.create_stream(f"{stream}-elsewhere", 1)
    token = peers.node(kinesis.endpoint, stream=elsewhere).ask("invalidate", keys=["k"])
    for aio in (False, True):
        reader = peers.python(kinesis.endpoint, aio=aio, stream=stream)
        for wrong, code, says in ((token, "OTHER_STREAM", "another stream"), ("sm2.?", "INVALID_TOKEN", "token")):
            with pytest.raises(PeerError, match=says) as refused:
                reader.ask("catch_up_to", token=wrong)
            assert refused.value.code == code


def test_nothing_of_boto3_is_imported(kinesis: KinesisLocal, stream: str, peers: Peers, tmp_path: Any) -> None:
    """Neither where it is installed, as in every Lambda function."""
    for name in ("boto3", "botocore"):
        (tmp_path / f"{name}.py").write_text("")
    kinesis.create_stream(stream, 1)
    peer = peers.python(kinesis.endpoint, path=tmp_path, stream=stream)
    peer.ask("get_or_load", key="k", value="v")
    peer.ask("catch_up_to", token=peer.ask("invalidate", keys=["other"]))
    assert peer.ask("invoke", keys=["k"], value="w") == ["v"]
    assert [peer.ask("module", name=name) for name in ("snowmelt", "boto3", "botocore")] == [True, False, False]
