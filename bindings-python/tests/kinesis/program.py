"""A cache of this package as a process::

    python program.py [--aio] OPTIONS

with the cache's options as JSON; durations are seconds, or texts with a unit. With ``--aio`` it is used through
``cache.aio``, on one event loop.

It speaks the lines of ``native/tests/peer/src/main.rs``, and these beside them:

==========  =====================  ====================================================================================
``do``      other members          ``ok``
==========  =====================  ====================================================================================
``handle``  ``keys``               what a ``handler`` finds for them, without loading
``invoke``  ``keys``, ``value``    what a ``handler`` gets for them; a load brings ``value`` and takes 50 ms
``watch``   ``key``, ``seconds``,  reads over and over; a load reads the file ``row``. For each value
            ``row``                ``[value, begin of its first read, begin of its last, reads]``, by the monotonic clock
``lines``                          what was logged since the last time: ``[level, message]`` each
``module``  ``name``               whether it was imported
==========  =====================  ====================================================================================
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from snowmelt import Cache, SnowmeltError

#: How long a load of ``invoke`` takes.
LOAD = 0.05

#: The test machine may be slow.
PATIENT = {"catch_up_budget": 10, "call_timeout": 10, "max_lag": 60}


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append((record.levelname, record.getMessage()))

    def taken(self) -> list[tuple[str, str]]:
        taken, self._kept = self._kept, []
        return taken


class Watch:
    """When each value was read."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, float, int]] = {}

    def saw(self, value: str, began: float) -> None:
        first, _, reads = self.seen.get(value, (began, began, 0))
        self.seen[value] = (first, began, reads + 1)

    def told(self) -> list[tuple[str, float, float, int]]:
        return [(value, *times) for value, times in self.seen.items()]


class Commands:
    """What does not wait."""

    def __init__(self, cache: Cache[Any]) -> None:
        self.cache = cache
        self.logged = Lines()
        log = logging.getLogger("snowmelt")
        log.setLevel(logging.INFO)
        log.addHandler(self.logged)

    def peek(self, key: str) -> Any:
        return self.cache.get(key) if key in self.cache else None

    def stats(self) -> dict[str, Any]:
        stats = self.cache.stats()
        return {name: getattr(stats, name) for name in ("gaps", "records", "undecodable", "entries", "loads", "catch_ups_failed")}

    def lines(self) -> list[tuple[str, str]]:
        return self.logged.taken()

    def module(self, name: str) -> bool:
        return name in sys.modules

    def quit(self) -> None:
        pass


class Threaded(Commands):
    """The cache as threads use it."""

    def get_or_load(self, key: str, value: str, tags: list[str] | None = None) -> Any:
        return self.cache.get_or_load(key, lambda: value, tags=tags)

    def get(self, key: str) -> Any:
        return self.cache.get(key)

    def invalidate(self, **what: Any) -> str:
        return self.cache.invalidate(**what)

    def catch_up(self) -> None:
        self.cache.catch_up()

    def catch_up_to(self, token: str, within_ms: float = 5000) -> None:
        self.cache.catch_up(at_least=token, within=within_ms / 1000)

    def handle(self, keys: list[str]) -> Any:
        return self.cache.handler(lambda event, context: [self.cache.get(key) for key in event])(keys, None)

    def invoke(self, keys: list[str], value: str) -> Any:
        def load() -> str:
            time.sleep(LOAD)
            return value

        @self.cache.handler
        def handler(event: list[str], context: Any) -> list[Any]:
            return [self.cache.get_or_load(key, load) for key in event]

        return handler(keys, None)

    def watch(self, key: str, row: str, seconds: float) -> Any:
        watch, end = Watch(), time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            watch.saw(self.cache.get_or_load(key, Path(row).read_text), began)
        return watch.told()


class Awaiting(Commands):
    """The cache as an event loop uses it."""

    async def get_or_load(self, key: str, value: str, tags: list[str] | None = None) -> Any:
        async def load() -> str:
            return value

        return await self.cache.aio.get_or_load(key, load, tags=tags)

    async def get(self, key: str) -> Any:
        return await self.cache.aio.get(key)

    async def invalidate(self, **what: Any) -> str:
        return await self.cache.aio.invalidate(**what)

    async def catch_up(self) -> None:
        await self.cache.aio.catch_up()

    async def catch_up_to(self, token: str, within_ms: float = 5000) -> None:
        await self.cache.aio.catch_up(at_least=token, within=within_ms / 1000)

    async def handle(self, keys: list[str]) -> Any:
        @self.cache.handler
        async def handler(event: list[str], context: Any) -> list[Any]:
            return [self.cache.get(key) for key in event]

        return await handler(keys, None)

    async def invoke(self, keys: list[str], value: str) -> Any:
        async def load() -> str:
            await asyncio.sleep(LOAD)
            return value

        @self.cache.handler
        async def handler(event: list[str], context: Any) -> list[Any]:
            return [await self.cache.aio.get_or_load(key, load) for key in event]

        return await handler(keys, None)

    async def watch(self, key: str, row: str, seconds: float) -> Any:
        watch, end = Watch(), time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            watch.saw(await self.cache.aio.get_or_load(key, Path(row).read_text), began)
            await asyncio.sleep(0)
        return watch.told()


async def carry_out(commands: Commands, line: str) -> dict[str, Any]:
    members = json.loads(line)
    try:
        done = getattr(commands, members.pop("do"))(**members)
        return {"ok": await done if isinstance(commands, Awaiting) and asyncio.iscoroutine(done) else done}
    except Exception as error:
        return {"error": str(error), "code": error.code if isinstance(error, SnowmeltError) else None}


def threaded(commands: Commands, line: str) -> dict[str, Any]:
    """Where no loop runs, as in most programs."""
    try:
        carry_out(commands, line).send(None)
    except StopIteration as ended:
        told: dict[str, Any] = ended.value
        return told
    raise AssertionError("nothing waits on a loop here")


def main(face: list[str], options: str) -> None:
    cache: Cache[Any] = Cache(**{**PATIENT, **json.loads(options)})
    loop = asyncio.new_event_loop() if face == ["--aio"] else None
    commands = Awaiting(cache) if loop else Threaded(cache)
    print(json.dumps({"ok": "ready"}), flush=True)
    # Nothing happens between two commands, as in a frozen sandbox.
    for line in sys.stdin:
        told = loop.run_until_complete(carry_out(commands, line)) if loop else threaded(commands, line)
        print(json.dumps(told), flush=True)
        if json.loads(line)["do"] == "quit":
            break
    if loop:
        loop.close()


if __name__ == "__main__":
    main(sys.argv[1:-1], sys.argv[-1])
