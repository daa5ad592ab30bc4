"""Writes in three patterns: over what is there, into a new cache, and into a full one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from statistics import fmean
from typing import Any

from peers import PEERS
from report import Report
from rounds import compiled, in_turn
from workload import ENTRIES, ROOM, Value, key, shuffled

COMPARED = ("snowmelt", "dict", "cachebox TTLCache", "theine", "cachetools TTLCache")
TARGET = 0.5


def measure() -> Any:
    pairs = {number: (key(number), Value(number)) for number in range(ENTRIES)}
    there = [pairs[number] for number in range(ENTRIES)]
    again = [pairs[number] for number in shuffled(0, ENTRIES, 2)]
    return {
        "replacing": in_turn({name: _replacing(name, there, again) for name in COMPARED}, ENTRIES),
        "filling": in_turn({name: _filling(name, again) for name in COMPARED}, ENTRIES),
        "evicting": in_turn({name: _evicting(name, there) for name in COMPARED if name != "dict"}, ENTRIES),
    }


def _writing(name: str) -> Callable[..., Callable[[], float]]:
    return compiled("cache, pairs", f"for key, value in pairs:\n    {PEERS[name].set}")


def _replacing(name: str, there: Any, again: Any) -> Callable[[], float]:
    cache = PEERS[name].make(ROOM)
    _writing(name)(cache, there)()
    return _writing(name)(cache, again)


def _filling(name: str, pairs: Any) -> Callable[[], float]:
    # The code is made once, and the cache for each turn.
    write = compiled("holder, pairs", f"cache = holder[0]\nfor key, value in pairs:\n    {PEERS[name].set}")
    holder = [PEERS[name].make(ROOM)]
    run = write(holder, pairs)

    def fill() -> float:
        holder[0] = PEERS[name].make(ROOM)
        return run()

    return fill


def _evicting(name: str, there: Any) -> Callable[[], float]:
    """Each write is of a key that never was there."""
    cache = PEERS[name].make(ENTRIES)
    _writing(name)(cache, there)()
    turns = itertools.count()
    holder: list[Any] = [None]
    run = compiled("cache, holder", f"for key, value in holder[0]:\n    {PEERS[name].set}")(cache, holder)

    def evict() -> float:
        turn = next(turns)
        holder[0] = [(f"new/{turn}/{key}", value) for key, value in there]
        return run()

    return evict


def tell(report: Report, results: Any) -> None:
    for peer in COMPARED[1:]:
        for pattern, times in results.items():
            if peer in times:
                report.row(f"set, {pattern}", times["snowmelt"], peer, times[peer])
        known = [times for times in results.values() if peer in times]
        ours, theirs = ([fmean(values) for values in zip(*(times[name] for times in known))] for name in ("snowmelt", peer))
        report.row("set, mean of these", ours, peer, theirs, target=TARGET if peer.startswith("cachebox") else None)
