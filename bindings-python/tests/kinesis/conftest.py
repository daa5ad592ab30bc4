"""Servers and processes for the tests of this folder; each is ended by its id, whatever becomes of a test."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from snowmelt import Cache

from .peers import Peer, node_peer, python_peer, rust_peer
from .processes import node_program, programs, variables
from .servers import Double, KinesisLocal, Server
from .wires import Line, Listener, nobody

#: On each double.
STREAM = "orders"

_numbers = itertools.count()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Has everything built before the first test: it may take longer than a test is given."""
    if config.option.collectonly or not any(Path(__file__).parent in item.path.parents for item in items):
        return
    for build in (programs, node_program):
        # (What cannot be built says so in the tests that need it.)
        with contextlib.suppress(subprocess.SubprocessError, OSError, pytest.fail.Exception):
            build()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cache in this process finds: dummies, and no API that exists."""
    for name, value in variables(nobody()).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def kinesis() -> Iterator[KinesisLocal]:
    """kinesis-local: one for all tests, each with streams of its own."""
    server = KinesisLocal()
    yield server
    server.stop()


@pytest.fixture
def stream() -> str:
    """A name that no other test uses."""
    return f"stream-{next(_numbers)}"


@pytest.fixture
def double() -> Iterator[Double]:
    """A double with a stream of one shard, for one test: faults and calls are its own."""
    server = Double("--stream", f"{STREAM}=1")
    yield server
    server.stop()


Open = Callable[..., "Cache[Any]"]
Wires = Callable[..., Any]


@pytest.fixture
def open_on() -> Iterator[Open]:
    """Makes caches in this process that are patient with a slow machine; options as for ``Cache``."""
    made: list[Cache[Any]] = []

    def open_on(server: Server | Listener | str, **options: Any) -> Cache[Any]:
        endpoint = server if isinstance(server, str) else server.endpoint
        usual = {"stream": STREAM, "endpoint": endpoint, "catch_up_budget": 5, "report": "off", "on_event": lambda event: None}
        made.append(Cache(**{**usual, **options}))
        return made[-1]

    yield open_on
    for cache in made:
        if not cache.closed:
            cache._validate()  # type: ignore[attr-defined]
        cache.close()


class Peers:
    """Makes processes."""

    def __init__(self) -> None:
        self.made: list[Peer] = []

    def python(self, endpoint: str, *, name: str = "python", aio: bool = False, path: Path | None = None, **options: Any) -> Peer:
        return self._kept(python_peer(name, endpoint, options, aio=aio, path=path))

    def node(self, endpoint: str, **options: Any) -> Peer:
        return self._kept(node_peer("node", endpoint, options))

    def rust(self, endpoint: str, stream: str) -> Peer:
        return self._kept(rust_peer("rust", endpoint, stream))

    def _kept(self, peer: Peer) -> Peer:
        self.made.append(peer)
        return peer

    def stop(self) -> None:
        for peer in self.made:
            peer.stop()


@pytest.fixture
def peers() -> Iterator[Peers]:
    made = Peers()
    yield made
    made.stop()


@pytest.fixture
def wires() -> Iterator[Wires]:
    """``wires()`` listens and says nothing; ``wires(server)`` is a line to it."""
    made: list[Listener] = []

    def wires(to: Server | None = None) -> Listener:
        made.append(Listener() if to is None else Line(to.endpoint))
        return made[-1]

    yield wires
    for wire in made:
        wire.close()
