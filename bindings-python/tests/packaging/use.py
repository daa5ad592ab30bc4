"""Uses the package that is installed, and says "melted 1". The argument is the folder that it is in, if not this Python's."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
from typing import Any

import snowmelt
from snowmelt import Cache, SnowmeltError

folder = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else sys.prefix)
assert os.path.abspath(snowmelt.__file__).startswith(folder), f"{snowmelt.__file__} is not in {folder}"
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    assert not getattr(sys, "_is_gil_enabled")(), "importing it took the lock back"

try:
    Cache(stream=os.environ.get("NO_SUCH_VARIABLE"))
    sys.exit("a stream must be given")
except SnowmeltError:
    pass

cache = Cache[Any](stream="memory:", ttl=(30, 60), max_entries=100, report="off")
other = Cache[Any](stream="memory:", report="off")
loads: list[str] = []


@cache.cached("users/{user_id}")
def get_user(user_id: str) -> int:
    loads.append(user_id)
    return len(loads)


@cache.handler
def handler(event: str, context: object) -> int:
    return get_user(event)


async def load() -> str:
    return "two"


async def main() -> str:
    found: str = await cache.aio.get_or_load("users/2", load)
    return found


assert handler("1", None) == handler("1", None) == 1
assert asyncio.run(main()) == "two"
cache.catch_up(at_least=other.invalidate("users/2"))
assert "users/2" not in cache
print("melted", handler("1", None))
cache.close()
other.close()
