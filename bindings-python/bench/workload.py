"""Keys, values and sequences: the same for all peers, and in every run."""

from __future__ import annotations

import random

ENTRIES = 10_000
#: Room for twice as many, where nothing shall have to leave: some caches are split, and none evenly.
ROOM = 2 * ENTRIES
#: Operations in one turn of one peer: enough for its entries to be in the processor's caches for most of it.
OPERATIONS = 100_000
#: Seconds; nothing expires meanwhile.
TTL = 3600


def key(number: int) -> str:
    return f"users/{number}"


class Value:
    """What is cached: an object of a usual kind."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def uniform(below: int, count: int, seed: int) -> list[int]:
    """Numbers, all equally likely."""
    draw = random.Random(seed)
    return [draw.randrange(below) for _ in range(count)]


def shuffled(first: int, last: int, seed: int) -> list[int]:
    numbers = list(range(first, last))
    random.Random(seed).shuffle(numbers)
    return numbers
