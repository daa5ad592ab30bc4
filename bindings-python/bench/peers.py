"""The caches that are compared: how each is made, and the text of its quickest read and write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cachebox
import cachetools
import theine
from snowmelt import Cache
from workload import TTL


class Peer(NamedTuple):
    #: Of a capacity.
    make: Callable[[int], Any]
    get: str
    set: str


PEERS = {
    "snowmelt": Peer(
        lambda most: Cache(stream="none", ttl=TTL, max_entries=most, report="off"),
        "cache.get(key)",
        "cache.set(key, value)",
    ),
    "dict": Peer(lambda most: {}, "cache.get(key)", "cache[key] = value"),
    "cachebox TTLCache": Peer(lambda most: cachebox.TTLCache(most, TTL), "cache.get(key)", "cache[key] = value"),
    "cachetools TTLCache": Peer(lambda most: cachetools.TTLCache(most, TTL), "cache.get(key)", "cache[key] = value"),
    "theine": Peer(lambda most: theine.Cache(most), "cache.get(key)", "cache.set(key, value)"),
}
