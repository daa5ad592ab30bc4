"""What the tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from snowmelt import Cache

from .limits import pytest_configure, pytest_enter_pdb, pytest_runtest_logstart, pytest_sessionfinish
from .loops import RUNS, Run

__all__ = ["pytest_configure", "pytest_enter_pdb", "pytest_runtest_logstart", "pytest_sessionfinish"]

_streams = itertools.count()


@pytest.fixture
def stream() -> str:
    """A stream of its own."""
    return f"memory:test-{next(_streams)}"


@pytest.fixture
def make(stream: str) -> Iterator[Callable[..., Cache]]:
    """Makes caches on one stream, and closes them."""
    made: list[Cache] = []

    def make(**options: Any) -> Cache:
        made.append(Cache(**{"stream": stream, "catch_up_every": 0, "report": "off", **options}))
        return made[-1]

    yield make
    for cache in made:
        if not cache.closed:
            cache._validate()
        cache.close()


@pytest.fixture
def cache(make: Callable[..., Cache]) -> Cache:
    return make()


@pytest.fixture(params=RUNS.values(), ids=RUNS.keys())
def run(request: pytest.FixtureRequest) -> Run:
    runs: Run = request.param
    return runs
