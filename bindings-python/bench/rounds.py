"""How the times of peers are compared: in one process, in turn, many times.

Turns are short (some milliseconds), so that what disturbs one disturbs the others of its round. What is counted is the thread's time on a
processor: a machine with other work to do makes it longer only by what it takes away from the processor's caches.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Rounds that count.
ROUNDS = int(os.environ.get("SNOWMELT_BENCH_ROUNDS", "31"))
#: Rounds before them: the interpreter adapts its code to what it sees.
WARM_UP = 5

Run = Callable[[], float]
_texts = itertools.count()


def compiled(parameters: str, source: str) -> Callable[..., Run]:
    """Makes ``make(*parameters) -> run``, where ``run`` times ``source``, which must loop.

    Of source text, so that each peer has code of its own: the interpreter adapts code to the types that it meets in it.
    """
    lines = "\n".join(f"        {line}" for line in source.strip("\n").splitlines())
    text = f"def make({parameters}):\n    def run():\n        start = clock()\n{lines}\n        return clock() - start\n    return run\n"
    names: dict[str, Any] = {"clock": time.thread_time_ns}
    exec(compile(text, f"<turn {next(_texts)}>", "exec"), names)
    make: Callable[..., Run] = names["make"]
    return make


def in_turn(runs: Mapping[str, Run], operations: int, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Runs all in turn, several times, each time in another order; nanoseconds of an operation, by name."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    order, draw = list(runs), random.Random(5)
    # A collection looks at every object: it would empty the processor's caches, for whoever comes next.
    gc.collect()
    gc.disable()
    for round_number in range(-WARM_UP, rounds):
        draw.shuffle(order)
        for name in order:
            took = runs[name]()
            if round_number >= 0:
                times[name].append(took / operations)
    return times
