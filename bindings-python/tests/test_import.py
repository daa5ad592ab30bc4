"""What a cold start pays for: modules, threads, and names that are imported when they are asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import snowmelt

PACKAGE = Path(snowmelt.__file__).parent.parent

#: What a cache is made with, beside what Python itself loads. Whoever adds to it adds to each cold start: `typing` alone takes
#: longer than all of this.
NEEDED = {
    *("__future__", "_contextvars", "atexit", "contextvars"),
    *("snowmelt", "snowmelt._cache", "snowmelt._errors", "snowmelt._fetched", "snowmelt._generic", "snowmelt._loads", "snowmelt._reads", "snowmelt._snapshots", "snowmelt._snowmelt"),
    "snowmelt._waiting", "snowmelt._writes",
}
#: What a handler takes beside that: `functools.wraps`, which Lambda's runtime has loaded already.
OF_HANDLERS = {
    *("_collections", "_functools", "_operator", "collections", "copyreg", "functools", "itertools", "keyword", "operator", "reprlib"),
    *("types", "snowmelt._functions", "snowmelt._invocation"),
}
#: What `@cached` takes beside that; `asyncio` itself only when a loop runs.
OF_CACHED = {"snowmelt._aio", "snowmelt._cached", "snowmelt._keys", "snowmelt._landing", "snowmelt._types"}
SLOW = {
    *("asyncio", "boto3", "botocore", "dataclasses", "enum", "importlib.metadata", "inspect", "json", "logging", "re", "string"),
    *("threading", "typing", "typing_extensions", "urllib", "uuid", "warnings"),
}

MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
import os  # As `site` does.
before = set(sys.modules)
import snowmelt
cache = snowmelt.Cache(stream="orders", region="eu-west-1", ttl=(30, 60), max_weight="64mb", report="json")
"""
TELL = """
threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps({"loaded": loaded, "threads": threads}))
"""


def start(program: str) -> dict[str, Any]:
    """Runs a program in an interpreter that has loaded nothing of its own."""
    arguments = [sys.executable, "-I", "-S", "-c", program, str(PACKAGE)]
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_a_cache_is_made_of_little() -> None:
    told = start(MAKE + TELL)
    assert set(told["loaded"]) <= NEEDED
    assert not set(told["loaded"]) & SLOW
    assert told["threads"] == 1


def test_a_handler_takes_little_more() -> None:
    told = start(MAKE + "cache.handler(lambda event, context: None)" + TELL)
    assert set(told["loaded"]) <= NEEDED | OF_HANDLERS


DECORATE = """
@cache.cached("users/{user_id}", tags=["tenant:{tenant}"], ttl=60)
def get_user(user_id: Text, tenant: Text = "t-1", *, region: Text = ""): return [user_id]

@cache.cached("orders/{order_id}/{region}", tags="orders")
async def get_order(order_id: Text, region: Text = "eu-west-1"): return [order_id]

@cache.cached
def get_all(kind: Text, /, *, old: Truth = False): return [kind]

@cache.handler
def handler(event, context): return None
"""


def test_cached_functions_take_little_more() -> None:
    told = start("from __future__ import annotations\n" + MAKE + DECORATE + TELL)
    assert set(told["loaded"]) <= NEEDED | OF_HANDLERS | OF_CACHED
    assert not set(told["loaded"]) & SLOW
    assert "snowmelt._cached" in told["loaded"]


@pytest.mark.parametrize("options", ["", ", copy=lambda value: value"])
def test_calls_of_cached_functions_take_nothing_more(options: str) -> None:
    use = """
assert get_user("7/é", tenant=5) is get_user("7/é", 5) and get_user.key("7/é") == "users/7%2F%C3%A9"
assert get_all("x") is get_all("x", old=False) and get_order.key("1.5") == "orders/1.5/eu-west-1"
assert len(cache) == 2
"""
    made = MAKE + f'cache = snowmelt.Cache(stream="memory:"{options})\n' + DECORATE
    told = start("from __future__ import annotations\n" + made + use + TELL)
    assert set(told["loaded"]) <= NEEDED | OF_HANDLERS | OF_CACHED


def test_reads_and_writes_take_nothing_more() -> None:
    use = """
cache = snowmelt.Cache(stream="memory:")
assert cache.get_or_load("k", lambda: 5) == 5 == cache["k"] and cache.set("l", 1) == "stored"
"""
    assert set(start(MAKE + use + TELL)["loaded"]) <= NEEDED


def test_the_check_sees_what_is_loaded() -> None:
    told = start(MAKE + "import typing\ncache.warm()" + TELL)
    assert "typing" in told["loaded"] and told["threads"] > 1


@pytest.mark.parametrize("name", snowmelt.__all__)
def test_every_name_is_there(name: str) -> None:
    program = "import sys\nsys.path.insert(0, sys.argv[1])\n" + (
        f"import snowmelt\nassert '{name}' in dir(snowmelt)\nfound = snowmelt.{name}\n"
        f"from snowmelt import {name}\nassert {name} is found\nprint('{{}}')"
    )
    assert start(program) == {}


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="module 'snowmelt' has no attribute 'Cash'"):
        snowmelt.Cash  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from snowmelt import Cash  # type: ignore[attr-defined]  # noqa: F401
    exported: dict[str, Any] = {}
    exec("from snowmelt import *", exported)
    assert set(snowmelt.__all__) <= set(exported)
