"""Hits of a decorated function, beside ``functools.lru_cache`` on the same function."""

from __future__ import annotations

import functools
from typing import Any

from peers import PEERS
from report import Report
from rounds import compiled, in_turn
from workload import ENTRIES, OPERATIONS, ROOM, Value, uniform

TARGET = 2
#: By what is told: the call, and what it is called with.
CALLS = {
    "f(str)": ("function(argument)", str),
    "f(name=str)": ("function(user_id=argument)", str),
    "f(int)": ("function(argument)", int),
    "instance.f(str)": ("users.of(argument)", str),
}


def measure() -> Any:
    numbers = uniform(ENTRIES, OPERATIONS, 4)
    results = {}
    for what, (call, kind) in CALLS.items():
        runs = {}
        for name, decorator in _decorators().items():
            function, users = _decorated(decorator)
            arguments = [kind(number) for number in range(ENTRIES)]
            chosen = [arguments[number] for number in numbers]
            run = compiled("function, users, arguments", f"for argument in arguments:\n    {call}")
            run(function, users, arguments)()
            runs[name] = run(function, users, chosen)
        results[what] = in_turn(runs, OPERATIONS)
    return results


def _decorators() -> dict[str, Any]:
    return {"snowmelt": PEERS["snowmelt"].make(ROOM).cached("users/{user_id}"), "functools.lru_cache": functools.lru_cache(maxsize=ROOM)}


def _decorated(decorator: Any) -> tuple[Any, Any]:
    @decorator
    def function(user_id: Any) -> Value:
        return Value(0)

    class Users:
        of = decorator(lambda self, user_id: Value(0))

    return function, Users()


def tell(report: Report, results: Any) -> None:
    for what, times in results.items():
        peer = "functools.lru_cache"
        report.row(f"cached, {what}", times["snowmelt"], peer, times[peer], target=TARGET if what == "f(str)" else None)
