"""A database whose writers invalidate after each commit; it is what caches are compared with."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snowmelt import Cache

ROWS = 16


@dataclass
class Row:
    version: int = 1
    #: The last version whose invalidation was acknowledged, and its token.
    told: tuple[int, str | None] = (1, None)


class World:
    """Writers and readers, each on a thread of its own."""

    def __init__(self) -> None:
        self.rows = [Row() for _ in range(ROWS)]
        self.recent = 0
        self.written = 0
        self.checked = 0
        self.hits = 0
        self._commit = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    @staticmethod
    def key(row: int) -> str:
        return f"rows/{row}"

    def load(self, cache: Cache[int], row: int) -> int:
        def loader() -> int:
            version = self.rows[row].version
            time.sleep(0.001)
            return version

        return cache.get_or_load(self.key(row), loader, tags=[f"group{row % 4}"])

    async def load_async(self, cache: Cache[int], row: int) -> int:
        async def loader() -> int:
            version = self.rows[row].version
            await asyncio.sleep(0.001)
            return version

        loaded: int = await cache.aio.get_or_load(self.key(row), loader, tags=[f"group{row % 4}"])
        return loaded

    def write(self, invalidate: Callable[..., str], dice: random.Random) -> None:
        number = dice.randrange(ROWS)
        row, key = self.rows[number], self.key(number)
        with self._commit:
            row.version += 1
            version = row.version
        ways: list[dict[str, Any]] = [{"keys": [key]}, {"keys": [key]}, {"tags": [f"group{number % 4}"]}, {"prefixes": [key]}]
        token = invalidate(**dice.choice(ways))
        with self._commit:
            self.written += 1
            row.told = max(row.told, (version, token), key=lambda told: told[0])
            self.recent = number

    def _chosen(self, dice: random.Random) -> tuple[int, int, dict[str, Any]]:
        """Mostly what changed last: a catch-up that ended too early would not know of it."""
        number = dice.randrange(ROWS) if dice.random() < 0.25 else self.recent
        told, token = self.rows[number].told
        return number, told, {"at_least": token, "within": 20} if token is not None and dice.random() < 0.5 else {}

    def check(self, cache: Cache[int], dice: random.Random) -> None:
        """One read after a catch-up."""
        number, told, position = self._chosen(dice)
        cache.catch_up(**position)
        self._right(number, told, cache.get(self.key(number)))
        self._right(number, told, self.load(cache, number))

    async def check_async(self, cache: Cache[int], dice: random.Random) -> None:
        number, told, position = self._chosen(dice)
        await cache.aio.catch_up(**position)
        self._right(number, told, await cache.aio.get(self.key(number)))
        self._right(number, told, await self.load_async(cache, number))

    def _right(self, number: int, told: int, found: int | None) -> None:
        assert found is None or found >= told, f"row {number}: version {found} is served, {told} was told before"
        with self._commit:
            self.checked += 1
            self.hits += found is not None

    # --- threads ---

    def repeat(self, step: Callable[[random.Random], object], pause: float, seed: int) -> None:
        """Does something over and over, on a thread of its own."""

        def run() -> None:
            dice = random.Random(seed)
            while not self._stop.is_set():
                step(dice)
                self._stop.wait(dice.uniform(0, 2 * pause))

        self._begin(run)

    def repeat_async(self, cache: Cache[int], pause: float, seed: int) -> None:
        """Checks over and over, by two tasks on a loop of its own."""

        async def checks(dice: random.Random) -> None:
            while not self._stop.is_set():
                await self.check_async(cache, dice)
                await asyncio.sleep(dice.uniform(0, 2 * pause))

        async def both() -> None:
            await asyncio.gather(checks(random.Random(seed)), checks(random.Random(seed + 1)))

        self._begin(lambda: asyncio.run(both()))

    def _begin(self, run: Callable[[], object]) -> None:
        def guarded() -> None:
            try:
                run()
            except BaseException as failure:
                self._failures.append(failure)
                self._stop.set()

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def go_on(self, seconds: float) -> None:
        """Lets all go on for a while; what failed is raised here."""
        before = self.written
        self._stop.wait(seconds)
        if self._failures:
            raise self._failures[0]
        assert self.written > before, "the writers stand still"

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a thread hangs"
        if self._failures:
            raise self._failures[0]
