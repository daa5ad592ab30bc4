"""Reads of 10,000 entries that are all there, uniformly at random."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from peers import PEERS
from report import Report
from rounds import compiled, in_turn
from workload import ENTRIES, OPERATIONS, ROOM, Value, key, uniform

#: Where the key comes from: the very object that was stored (which suits those best that keep it: they compare no text), an
#: equal one, or one that is made for each read, as in a handler.
KEYS = {
    "the stored key": ("for key in stored:", ""),
    "an equal key": ("for key in equal:", ""),
    "a key built for it": ("for number in numbers:", 'key = f"users/{number}"'),
}
#: Which more there are of ours, and beside what: the text of the read.
MORE = {"cache[key]": ("cache[key]", "dict"), "get_or_load(key, …)": ("cache.get_or_load(key, None)", "cachebox TTLCache")}
TARGETS = {"dict": 1.3, "cachebox TTLCache": 0.55}


def measure() -> Any:
    numbers = uniform(ENTRIES, OPERATIONS, 1)
    keys = [key(number) for number in range(ENTRIES)]
    equals = [key(number) for number in range(ENTRIES)]
    caches = {name: _filled(name, keys) for name in PEERS}
    lru = _lru(keys)
    stored, equal = ([each[number] for number in numbers] for each in (keys, equals))
    results = {}
    for what, (loop, before) in KEYS.items():
        runs: dict[str, Callable[[], float]] = {}
        reads = {name: (caches[name], peer.get) for name, peer in PEERS.items()}
        if what == "the stored key":
            reads |= {name: (caches["snowmelt"], text) for name, (text, _) in MORE.items()}
        for name, (cache, text) in reads.items():
            runs[name] = compiled("cache, stored, equal, numbers", f"{loop}\n    {before}\n    {text}")(cache, stored, equal, numbers)
        read = compiled("read, stored, equal, numbers", f"{loop}\n    {before}\n    read(key)")
        runs["functools.lru_cache"] = read(lru, stored, equal, numbers)
        results[what] = in_turn(runs, OPERATIONS)
    return results


def _filled(name: str, keys: list[str]) -> Any:
    cache = PEERS[name].make(ROOM)
    fill = compiled("cache, pairs", f"for key, value in pairs:\n    {PEERS[name].set}")
    fill(cache, [(key, Value(number)) for number, key in enumerate(keys)])()
    return cache


def _lru(keys: list[str]) -> Callable[[str], Any]:
    @functools.lru_cache(maxsize=ROOM)
    def read(key: str) -> Value:
        return Value(0)

    for each in keys:
        read(each)
    return read


def tell(report: Report, results: Any) -> None:
    for what, times in results.items():
        for peer in times:
            if peer != "snowmelt" and peer not in MORE:
                report.row(f"hit, {what}", times["snowmelt"], peer, times[peer], target=TARGETS.get(peer))
        for name, (_, peer) in MORE.items():
            if name in times:
                report.row(f"hit, {name}", times[name], peer, times[peer])
