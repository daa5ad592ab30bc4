"""Shards come and go while everyone reads and writes."""

from __future__ import annotations

import random
from collections.abc import Callable

from snowmelt import Cache

from .conftest import Open, Peers
from .servers import KinesisLocal
from .world import ROWS, World

WHILE = 0.5


def changes(kinesis: KinesisLocal, stream: str) -> list[Callable[[], object]]:
    def twice() -> None:
        kinesis.update_shard_count(stream, 2)
        kinesis.update_shard_count(stream, 1)

    return [
        lambda: None,
        lambda: kinesis.update_shard_count(stream, 2),
        lambda: kinesis.update_shard_count(stream, 4),
        lambda: kinesis.merge_first_two(stream),
        lambda: kinesis.split_first(stream),
        # Both between two looks of the sleeper.
        twice,
    ]


def test_nothing_is_lost_while_shards_come_and_go(kinesis: KinesisLocal, stream: str, open_on: Open, peers: Peers) -> None:
    kinesis.create_stream(stream, 1)
    world = World()
    patient = {"catch_up_budget": 10, "call_timeout": 10, "max_lag": 60}
    readers: list[Cache[int]] = [open_on(kinesis, stream=stream, **patient) for _ in range(3)]
    for cache in readers:
        for row in range(ROWS):
            world.load(cache, row)
        cache.catch_up()
    threaded, looping, sleeper = readers
    writer, other = open_on(kinesis, stream=stream, **patient), peers.rust(kinesis.endpoint, stream)
    world.repeat(lambda dice: world.write(writer.invalidate, dice), 0.02, 1)
    world.repeat(lambda dice: world.write(lambda **what: str(other.ask("invalidate", **what)), dice), 0.02, 2)
    world.repeat(lambda dice: world.check(threaded, dice), 0.05, 3)
    world.repeat_async(looping, 0.05, 4)
    try:
        for number, change in enumerate(changes(kinesis, stream)):
            change()
            world.go_on(WHILE)
            # It sleeps from change to change.
            for _ in range(4):
                world.check(sleeper, random.Random(number))
    finally:
        world.end()
    assert world.checked > 100 and world.hits > 20, f"{world.checked} checks, {world.hits} of them found something"
    for cache in readers:
        all_is_known(world, cache)


def all_is_known(world: World, cache: Cache[int]) -> None:
    cache.catch_up()
    for number, row in enumerate(world.rows):
        assert cache.get(world.key(number)) in (None, row.version)
    stats = cache.stats()
    # Each began on an empty stream and never let go of it.
    assert (stats.gaps, stats.undecodable, stats.records) == (0, 0, world.written)
