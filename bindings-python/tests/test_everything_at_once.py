"""32 threads and 3 loops on 100 keys, with invalidations from here and from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import faulthandler
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from snowmelt import Cache

from .support import LONGER, SEED

Make = Callable[..., Cache]

KEYS = 100
SECONDS = 4 * LONGER


class Origin:
    """Where values come from: a version for each key. Knows what a read may see at least, and who loads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.versions = [0] * KEYS
        #: What an invalidation that returned, and was caught up with, has made the oldest version a read may see.
        self.least = [0] * KEYS
        #: The loads under way, by key: how many revocations there had been when each one's reader came, which is before it had
        #: its lease; None if one was on its way.
        self.loading: defaultdict[int, list[int | None]] = defaultdict(list)
        self.revocations = [0] * KEYS
        #: How many invalidations of a key are on their way: each revokes its loads at any moment, and perhaps twice.
        self.on_their_way = [0] * KEYS
        self.loads = 0
        self.wrong: list[str] = []

    def epoch(self, number: int) -> int | None:
        """To be asked before a read, for the load that it may come to."""
        with self.lock:
            return self._epoch(number)

    def _epoch(self, number: int) -> int | None:
        return None if self.on_their_way[number] else self.revocations[number]

    @contextlib.contextmanager
    def load(self, number: int, came: int | None) -> Iterator[int]:
        """A load; a second one of a key is right only if an invalidation may have revoked the first."""
        with self.lock:
            self.loads += 1
            # Either lease may be from any moment between its reader's coming and now.
            if came is not None and came == self._epoch(number) and came in self.loading[number]:
                self.wrong.append(f"two loads of k{number} at a time, and nothing had revoked the first")
            self.loading[number].append(came)
            version = self.versions[number]
        try:
            yield version
        finally:
            with self.lock:
                self.loading[number].remove(came)

    def write(self, numbers: list[int], invalidate: Callable[[], Any]) -> None:
        """Writes, then invalidates; what `invalidate` returned from is the least that a later read may see."""
        with self.lock:
            for number in numbers:
                self.versions[number] += 1
            mine = {number: self.versions[number] for number in numbers}
            for number in numbers:
                self.revocations[number] += 1
                self.on_their_way[number] += 1
        invalidate()
        with self.lock:
            for number in numbers:
                self.on_their_way[number] -= 1
                self.least[number] = max(self.least[number], mine[number])

    def read(self, number: int, read: Callable[[], Any]) -> None:
        least = self.least[number]
        self.seen(number, least, read())

    def seen(self, number: int, least: int, version: Any) -> None:
        version = version[0] if isinstance(version, list) else version
        if version is not None and version < least:
            self.wrong.append(f"k{number}: read version {version}, and {least} had been invalidated before")


def tags_of(number: int) -> list[str]:
    return [f"t{number % 10}"]


def key_of(number: int) -> str:
    return f"p{number // 10}/{number}"


def invalidation(random: random.Random) -> tuple[list[int], dict[str, Any]]:
    """Some keys, and what invalidates them."""
    kind, some = random.choice(["keys", "keys", "tags", "prefixes"]), random.randrange(10)
    if kind == "tags":
        return [number for number in range(KEYS) if number % 10 == some], {"tags": [f"t{some}"]}
    if kind == "prefixes":
        return [number for number in range(KEYS) if number // 10 == some], {"prefixes": [f"p{some}/"]}
    numbers = random.sample(range(KEYS), 3)
    return numbers, {"keys": [key_of(number) for number in numbers]}


class Load:
    """What threads and loops do until the time is up."""

    def __init__(self, cache: Cache, other: Cache, make_value: Callable[[int], Any], work: Callable[[random.Random], Any]) -> None:
        self.cache, self.other = cache, other
        self.origin = Origin()
        self.make_value = make_value
        self.work = work
        self.ends = time.monotonic() + SECONDS

    def thread(self, number: int) -> None:
        dice = random.Random(SEED + number)
        while time.monotonic() < self.ends:
            key = dice.randrange(KEYS)
            came = self.origin.epoch(key)

            def load() -> Any:
                with self.origin.load(key, came) as version:
                    self.work(dice)
                    time.sleep(0.001)
                    return self.make_value(version)

            self.origin.read(key, lambda: self.cache.get_or_load(key_of(key), load, tags=tags_of(key)))
            self.origin.read(key, lambda: self.cache.get(key_of(key)))

    async def loop(self, number: int) -> None:
        async def task(at: int) -> None:
            dice = random.Random(SEED + 100 * number + at)
            while time.monotonic() < self.ends:
                key = dice.randrange(KEYS)
                came = self.origin.epoch(key)

                # (It may still run when this task, no longer waiting for it, is at another key.)
                async def load(key: int = key, came: int | None = came) -> Any:
                    with self.origin.load(key, came) as version:
                        self.work(dice)
                        await asyncio.sleep(0.001)
                        return self.make_value(version)

                least = self.origin.least[key]
                read = self.cache.aio.get_or_load(key_of(key), load, tags=lambda value, key=key: tags_of(key))
                if at == 0 and dice.random() < 0.2:
                    with contextlib.suppress(asyncio.TimeoutError):
                        self.origin.seen(key, least, await asyncio.wait_for(read, 0.0005))
                else:
                    self.origin.seen(key, least, await read)
                await asyncio.sleep(0)

        await asyncio.gather(*(task(at) for at in range(10)))

    def writer(self, writes: Cache, number: int) -> None:
        dice = random.Random(SEED - number)
        while time.monotonic() < self.ends:
            numbers, what = invalidation(dice)
            self.origin.write(numbers, lambda: self.cache.catch_up(at_least=writes.invalidate(**what), within=20))
            time.sleep(0.002)

    def run(self) -> None:
        print(f"SNOWMELT_TEST_SEED={SEED}")
        faulthandler.dump_traceback_later(SECONDS + 60, exit=True)
        try:
            with ThreadPoolExecutor(40) as pool:
                futures = [pool.submit(self.thread, number) for number in range(32)]
                futures += [pool.submit(asyncio.run, self.loop(number)) for number in range(3)]
                futures += [pool.submit(self.writer, writes, at) for at, writes in enumerate((self.cache, self.other))]
                for future in futures:
                    future.result(SECONDS + 50)
        finally:
            faulthandler.cancel_dump_traceback_later()
        assert self.origin.wrong == []
        assert not any(self.origin.loading.values())
        assert self.origin.loads > 100
        self.cache._validate()
        stats = self.cache.stats()
        assert stats.leases == 0 and stats.coalesced > 0
        assert stats.invalidated_by_key > 0 and stats.invalidated_by_tag > 0 and stats.invalidated_by_prefix > 0


def test_plain_values(make: Make) -> None:
    Load(make(catch_up_every="10ms"), make(), lambda version: version, lambda dice: None).run()


def test_everything_re_enters(make: Make) -> None:
    """Values that go away, `copy`, `size_of` and loaders all use the cache themselves.

    (Keys' and values' `__eq__` and `__hash__` are never called: `Text` in test_bad_input.py proves it of keys.)
    """
    within = threading.local()

    def re_enter(dice: Any = random) -> None:
        if getattr(within, "there", False):
            return
        within.there = True
        try:
            use = dice.randrange(6)
            own = f"own/{dice.randrange(20)}"
            if use == 0:
                cache.set(own, [0], tags=["own"])
            elif use == 1:
                cache.get(own)
            elif use == 2:
                cache.delete(own)
            elif use == 3:
                cache.get_or_load(own, lambda: [0])
            elif use == 4 and dice.random() < 0.1:
                cache._start_write(own, ["own"], None, False)
            elif use == 5 and dice.random() < 0.1:
                brief = Cache(stream="none", report="off")
                brief.set("k", [0])
                brief.clear()
                brief.close()
        finally:
            within.there = False

    class Version(list[int]):
        def __del__(self) -> None:
            if not cache.closed:
                re_enter()

    def copied(value: Any) -> Any:
        re_enter()
        return copy.copy(value)

    def size_of(value: Any, key: str) -> int:
        re_enter()
        return 1

    cache = make(catch_up_every="10ms", copy=copied, size_of=size_of, max_weight=90)
    Load(cache, make(), lambda version: Version([version]), re_enter).run()


@pytest.mark.parametrize("which", ["overlap", "stale"])
def test_the_oracle_sees_what_is_wrong(which: str) -> None:
    origin = Origin()
    if which == "overlap":
        with origin.load(1, origin.epoch(1)), origin.load(1, origin.epoch(1)):
            pass
    else:
        origin.write([1], lambda: None)
        origin.read(1, lambda: 0)
    assert len(origin.wrong) == 1
