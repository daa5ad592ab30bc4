"""Processes that are frozen between two invocations, as Lambda does it, while others write."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..support import until
from .conftest import STREAM, Open, Peers, Wires
from .peers import Peer
from .processes import PeerError
from .servers import Double
from .wires import Line

#: A sandbox that notices staleness of more than this by itself.
EVERY = 0.4

FACES = pytest.mark.parametrize("aio", [False, True], ids=["threads", "asyncio"])


def reports(peer: Peer) -> list[dict[str, Any]]:
    """What was logged, which is nothing but reports."""
    found = []
    for level, line in peer.ask("lines"):
        assert level == "INFO", line
        told = json.loads(line)
        assert list(told) == ["snowmelt"]
        found.append(told["snowmelt"])
    return found


@FACES
def test_a_function_is_invoked_and_frozen_in_turns(double: Double, open_on: Open, peers: Peers, aio: bool) -> None:
    """Never stale, never needlessly cold, and each invocation says what it saved and what it cost."""
    writer = open_on(double)
    function = peers.python(double.endpoint, aio=aio, stream=STREAM, catch_up_every=EVERY)
    keys = [f"row/{number}" for number in range(4)]
    values = ["v0"] * 4
    assert function.ask("invoke", keys=keys, value="v0") == values
    [cold] = reports(function)
    assert (cold["hits"], cold["loads"], cold["saved_ms"], cold["spent_ms"]) == (0, 4, 0, 0)
    assert double.calls() == [], "cold costs nothing"
    double.fault("delay", "GetRecords", value=20)
    for number in range(2):
        function.freeze()
        writer.invalidate(keys[number])
        # A process puts its first catch-up off by up to as much again, so that a fleet which starts together spreads.
        time.sleep(EVERY * 1.2 if number else EVERY * 2.2)
        function.thaw()
        values[number] = f"v{number + 1}"
        assert function.ask("invoke", keys=keys, value=values[number]) == values
        [warm] = reports(function)
        assert (warm["stream"], warm["hits"], warm["loads"], warm["gaps"]) == (STREAM, 3, 1, 0)
        # Three loads of 50 ms each; and a request, before the one load that was left.
        assert 120 <= warm["saved_ms"] <= 1500
        assert 15 <= warm["spent_ms"] <= warm["took_ms"] - 45


@FACES
def test_where_nothing_is_due_nothing_is_asked(double: Double, peers: Peers, aio: bool) -> None:
    function = peers.python(double.endpoint, aio=aio, stream=STREAM, catch_up_every=60, max_lag=120)
    assert function.ask("invoke", keys=["k"], value="v0") == ["v0"]
    function.freeze()
    function.thaw()
    assert function.ask("invoke", keys=["k"], value="v1") == ["v0"]
    assert double.calls() == []
    assert [report["spent_ms"] for report in reports(function)] == [0, 0]


@FACES
def test_no_read_after_a_thaw_is_stale(double: Double, open_on: Open, peers: Peers, tmp_path: Path, aio: bool) -> None:
    """Without invocations: a process that reads all the time, and is stopped somewhere in the middle of it."""
    row = tmp_path / "row"
    row.write_text("old")
    writer = open_on(double)
    reader = peers.python(double.endpoint, aio=aio, stream=STREAM, catch_up_every=EVERY)
    reader.ask("get_or_load", key="k", value="old")
    reader.ask("catch_up")
    reader.send("watch", key="k", row=str(row), seconds=2 * EVERY + 0.8)
    time.sleep(0.2)
    reader.freeze()
    row.write_text("new")
    writer.invalidate("k")
    time.sleep(EVERY * 1.2)
    thawed = time.monotonic()
    reader.thaw()
    (old, _, last_old, reads_old), (new, first_new, _, reads_new) = reader.answer()
    assert (old, new) == ("old", "new")
    assert reads_old > 10 and reads_new > 10, "it was not in the middle of it"
    assert last_old <= thawed, f"stale {last_old - thawed} s after the thaw"
    assert first_new <= thawed + 1


@FACES
def test_a_write_is_frozen_and_goes_on(double: Double, peers: Peers, open_on: Open, aio: bool) -> None:
    """Whoever is told that it is written can rely on it, whatever happened in between."""
    reader = open_on(double)
    reader.set("k", 1)
    reader.catch_up()
    writer = peers.python(double.endpoint, aio=aio, stream=STREAM, call_timeout=0.5)
    double.fault("throttle", "PutRecords", count=3)
    writer.send("invalidate", keys=["k"])
    until(lambda: double.calls("PutRecords"), what="the first call")
    writer.freeze()
    # Longer than the pauses between tries together.
    time.sleep(0.8)
    assert double.records(STREAM) == []
    writer.thaw()
    reader.catch_up(at_least=writer.answer())
    assert "k" not in reader


@FACES
def test_thawed_without_its_stream_it_loads_anew_and_says_so(double: Double, peers: Peers, wires: Wires, aio: bool) -> None:
    line = wires(double)
    options: dict[str, Any] = {"catch_up_every": 0.1, "max_lag": 0.5, "call_timeout": 1, "catch_up_budget": 0.2}
    sandbox = peers.python(line.endpoint, aio=aio, stream=STREAM, **options)
    sandbox.ask("get_or_load", key="k", value="old")
    sandbox.ask("catch_up_to", token=sandbox.ask("invalidate", keys=["other"]))
    sandbox.freeze()
    time.sleep(0.7)
    line.close()
    sandbox.thaw()
    began = time.monotonic()
    assert sandbox.ask("invoke", keys=["k"], value="new") == ["new"]
    assert time.monotonic() - began < 2, "the invocation waited for longer than its budget"
    with pytest.raises(PeerError) as failed:
        sandbox.ask("catch_up")
    assert failed.value.code == "CATCH_UP_FAILED"
    warnings = [line for level, line in sandbox.ask("lines") if level == "WARNING"]
    assert len(warnings) == 1 and "catching up failed" in warnings[0], "told once, not in each invocation"


# --- a long freeze; it goes on while the tests above run ---

#: Longer than connections are used again.
LONG = 10.5

KEYS = ["changed", "tagged", "untouched"]


@dataclass
class Frozen:
    """Sandboxes that are frozen, each at the end of a line of its own."""

    double: Double
    writer: Peer
    lines: list[Line]
    sandboxes: list[Peer]
    since: float


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[Frozen]:
    with ExitStack() as left:
        double = Double("--stream", f"{STREAM}=2")
        left.callback(double.stop)
        peers = Peers()
        left.callback(peers.stop)
        lines = [Line(double.endpoint), Line(double.endpoint)]
        for line in lines:
            left.callback(line.close)
        writer = peers.python(double.endpoint, stream=STREAM)
        options: dict[str, Any] = {"max_lag": 5, "call_timeout": 3, "catch_up_budget": 5}
        sandboxes = [peers.python(line.endpoint, aio=aio, stream=STREAM, **options) for line, aio in zip(lines, (False, True))]
        for sandbox in sandboxes:
            for key in KEYS:
                sandbox.ask("get_or_load", key=key, value="old", tags=["t"] if key == "tagged" else [])
            sandbox.ask("catch_up")
            assert sandbox.ask("handle", keys=KEYS) == ["old", "old", "old"]
            sandbox.freeze()
        writer.ask("invalidate", keys=["changed"])
        yield Frozen(double, writer, lines, sandboxes, time.monotonic())


def test_a_long_freeze_costs_new_connections_and_no_error(frozen: Frozen) -> None:
    """The connections that there were lie dead, the iterators are gone, and nothing is lost."""
    time.sleep(max(0.0, frozen.since + LONG - time.monotonic()))
    frozen.writer.ask("invalidate", tags=["t"])
    frozen.double.expire_iterators()
    for line in frozen.lines:
        line.kill()
    for line, sandbox in zip(frozen.lines, frozen.sandboxes):
        opened, began = line.opened, time.monotonic()
        sandbox.thaw()
        assert sandbox.ask("handle", keys=KEYS) == [None, None, "old"]
        assert time.monotonic() - began < 2, "it tried the old connections first"
        stats = sandbox.ask("stats")
        assert (stats["gaps"], stats["catch_ups_failed"]) == (0, 0)
        assert line.opened > opened
        assert [level for level, _ in sandbox.ask("lines") if level != "INFO"] == []
