"""Small values: frozen, compared and shown by their fields; and what kind of function something is."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, CacheEvent, DataId, Stats
from snowmelt._functions import is_async, is_generator
from snowmelt._loads import is_awaitable
from snowmelt._snowmelt import Core


def test_fields() -> None:
    event = CacheEvent("gap", reason="retention")
    assert (event.type, event.reason, event.message) == ("gap", "retention", None)
    assert event == CacheEvent(type="gap", reason="retention") != CacheEvent("gap")
    assert event != ("gap", "retention") and DataId("a", "b") != DataId("b", "a")
    assert hash(event) == hash(CacheEvent("gap", reason="retention"))
    assert repr(DataId("db.users.id", "5")) == "DataId(source='db.users.id', id='5')"
    match event:
        case CacheEvent("gap", "retention"):
            pass
        case _:
            raise AssertionError("matched by its fields")


@pytest.mark.parametrize("record", [CacheEvent("flushed", sequence_number="7"), DataId("a", "b"), Cache(stream="none").stats()])
def test_records_do_not_change(record: Any) -> None:
    changes: list[Callable[[], None]] = [
        lambda: setattr(record, next(iter(vars(record))), 1),
        lambda: setattr(record, "x", 1),
        lambda: delattr(record, "x"),
    ]
    for change in changes:
        with pytest.raises(AttributeError, match=f"a {type(record).__name__} does not change"):
            change()
    assert pickle.loads(pickle.dumps(record)) == record == copy.deepcopy(record) == copy.copy(record)
    assert type(record)(**vars(record)) == record == type(record)(*vars(record).values())
    assert record.__match_args__ == tuple(vars(record))


@pytest.mark.parametrize("record", [CacheEvent("flushed", sequence_number="7"), DataId("a", "b"), Cache(stream="none").stats()])
def test_dataclasses_takes_records(record: Any) -> None:
    assert dataclasses.is_dataclass(record) and dataclasses.asdict(record) == vars(record)
    assert tuple(field.name for field in dataclasses.fields(record)) == record.__match_args__
    assert dataclasses.replace(record) == record and type(dataclasses.replace(record)) is type(record)
    first = record.__match_args__[0]
    assert getattr(dataclasses.replace(record, **{first: "x"}), first) == "x"
    defaults = {field.name: field.default for field in dataclasses.fields(record) if field.default is not dataclasses.MISSING}
    assert all(getattr(type(record), name) == value for name, value in defaults.items())


def test_fields_have_to_fit() -> None:
    make: Any = DataId
    wrongs: list[tuple[Callable[[], Any], str]] = [
        (lambda: make("a"), "DataId needs `id`; its fields are source, id"),
        (lambda: make("a", "b", "c"), "DataId has 2 fields, and got 3 values"),
        (lambda: make("a", source="b", id="c"), "DataId got `source` twice"),
        (lambda: make("a", "b", kind="c"), "DataId has no field `kind`; its fields are source, id"),
    ]
    for wrong, why in wrongs:
        with pytest.raises(TypeError, match=why):
            wrong()


def test_statistics_are_whole() -> None:
    """Each that the core counts is a field, and the other way round."""
    with Cache(stream="memory:", report="off") as cache:
        assert set(vars(cache.stats())) == set(Core._stats(cache)) == set(Stats.__match_args__)
        with cache.invocation() as invocation:
            cache.get_or_load("k", lambda: 1)
    assert invocation.report is not None
    assert isinstance(invocation.report.loads, int) and isinstance(invocation.report.took, float)
    assert 0 < invocation.report.took < 60


class _Calls:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


async def _coroutine() -> None: ...


def _generator() -> Any:
    yield


async def _async_generator() -> Any:
    yield


def _functions() -> list[Any]:
    wrapped = functools.wraps(_coroutine)(lambda: _coroutine())
    functions: list[Any] = [
        *(_coroutine, _generator, _async_generator, lambda: 1, wrapped, print, len, _Calls, _Calls(), _Calls().method, 5),
        *(functools.partial(_coroutine), functools.partial(_generator), functools.partial(_async_generator), functools.partial(print)),
    ]
    if hasattr(inspect, "markcoroutinefunction"):
        functions.append(inspect.markcoroutinefunction(lambda: _coroutine()))
    return functions


@pytest.mark.parametrize("function", _functions(), ids=repr)
def test_functions_are_of_the_kind_that_inspect_says(function: Callable[..., Any]) -> None:
    assert is_async(function) == inspect.iscoroutinefunction(function)
    assert is_generator(function) == (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function))


def test_what_can_be_awaited() -> None:
    class Later:
        def __await__(self) -> Any:
            yield

    coroutine = _coroutine()
    values: list[Any] = [coroutine, Later(), 5, None, _generator(), [], Later]
    for value in values:
        assert is_awaitable(value) == inspect.isawaitable(value)
    coroutine.close()


def test_the_generic_classes_can_be_subscribed() -> None:
    for generic in (Cache, snowmelt.AsyncFace, snowmelt.Joined):
        subscribed: Any = generic[int]
        assert subscribed.__origin__ is generic and subscribed.__args__ == (int,)
    with Cache[int](stream="none") as cache:
        assert isinstance(cache, Cache)
