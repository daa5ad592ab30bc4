"""Bytes of memory for an entry: what a process grows by, its keys included, while its values are one object."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from typing import Any

from report import Report

COUNT = 200_000
COMPARED = ("snowmelt", "dict", "cachebox TTLCache", "theine")
TIMES = 3


def measure() -> Any:
    """Each cache in processes of its own: freed memory would be taken again."""
    alone = "import json, memory, sys; print(json.dumps(memory.of(sys.argv[1])))"
    here = os.path.dirname(os.path.abspath(__file__))
    results: dict[str, list[float]] = {name: [] for name in COMPARED}
    for _ in range(TIMES):
        for name in COMPARED:
            told = subprocess.run([sys.executable, "-c", alone, name], check=True, stdout=subprocess.PIPE, text=True, cwd=here).stdout
            results[name].append(json.loads(told))
    return results


def of(name: str) -> float:
    """Of one cache, in this process."""
    from peers import PEERS
    from rounds import compiled

    cache = PEERS[name].make(2 * COUNT)
    fill = compiled("cache, numbers, value", f'for number in numbers:\n    key = f"users/{{number}}"\n    {PEERS[name].set}')
    run = fill(cache, range(COUNT), object())
    gc.collect()
    before = _resident()
    run()
    gc.collect()
    return (_resident() - before) / COUNT


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def tell(report: Report, results: Any) -> None:
    for peer in COMPARED[1:]:
        report.row("memory for an entry and its key", results["snowmelt"], peer, results[peer], unit="bytes")
