"""The ways to run a coroutine that asyncio's users have."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def uvloop_run(main: Coroutine[Any, Any, Any]) -> Any:
    return pytest.importorskip("uvloop").run(main)


def eager_run(main: Coroutine[Any, Any, Any]) -> Any:
    if sys.version_info < (3, 12):
        main.close()
        pytest.skip("tasks are eager from Python 3.12 on")

    async def start() -> Any:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        return await main

    return asyncio.run(start())


RUNS: dict[str, Run] = {"asyncio": asyncio.run, "uvloop": uvloop_run, "eager": eager_run}
