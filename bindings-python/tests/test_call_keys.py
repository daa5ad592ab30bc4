"""Keys of calls are the same in Rust and in Python, and a decorated function is still that function."""

from __future__ import annotations

import asyncio
import copy
import enum
import gc
import inspect
import itertools
import pickle
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, _snowmelt
from snowmelt._keys import CallKeys


class Text(str):
    def __str__(self) -> str:
        return "another"


class Number(int):
    def __str__(self) -> str:
        return "another"

    __repr__ = __str__


class Colour(enum.IntEnum):
    RED = 1


class Real(float):
    def __repr__(self) -> str:
        return "another"


class Bytes(bytes):
    pass


VALUES: list[Any] = [
    *("", "a", "A-z.0_9~", "a/b", "a%2Fb", "é", "日本", "🦀", "\0", " ", "+", "=1", "=None", "{x}", "x" * 255, "x" * 256, "é" * 43, "x" * 70_000),
    *("٣", "ª", "Ⅷ"),  # alphanumeric, and not ASCII
    *(True, False, None, 0, -0, 1, -1, 10, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400),
    *(0.0, -0.0, 1.0, 1.5, 1e300, 5e-324, float("nan"), float("inf"), float("-inf")),
    *(b"", b"a", b"a/b", b"\xff\x00", Bytes(b"x")),
    *(Text("a"), Text("a/b"), Text("é"), Number(7), Number(2**80), Colour.RED, Real(2.5)),
    *(uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)),
]
REFUSED: list[Any] = ["\ud800", "a\udfff", Text("\ud800"), [], {}, (), object(), ..., 1j, bytearray(b"x"), int, Text]


def both(keys: CallKeys, template: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """What Rust makes of a call, and what Python makes: a key, None, or the exception's type and text."""
    made = keys.of_call() if template is None else keys.template(template)
    assert made.quick is not None
    results = []
    for make in (made.quick.of, made.text):
        try:
            results.append(make(args, kwargs))
        except Exception as raised:
            results.append((type(raised), str(raised)))
    return results[0], results[1]


def functions() -> list[Callable[..., Any]]:
    def one(a: Any) -> None: ...
    def two(a: Any, b: Any = "d/é") -> None: ...
    def three(a: Any, /, b: Any = 5, *, c: Any = None) -> None: ...
    def named(*, a: Any, b: Any = True) -> None: ...
    def odd(a: Any = object(), b: Any = 2.5) -> None: ...
    def none() -> None: ...

    return [one, two, three, named, odd, none]


def calls() -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """All ways to give up to three of four arguments, by place and by name."""
    values = ["x", 1, None, "é/"]
    ways = []
    for count in range(4):
        for names in itertools.chain.from_iterable(itertools.combinations("abcz", size) for size in range(4)):
            ways.append((tuple(values[:count]), dict(zip(names, values[1:]))))
    return ways


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.__name__)
def test_calls_bind_alike(function: Any) -> None:
    keys = CallKeys(function)
    parameters = list(inspect.signature(function).parameters)
    templates = [None, "k", *(f"k/{{{name}}}" for name in parameters), "k/" + "/".join(f"{{{name}}}" for name in reversed(parameters))]
    served = 0
    for template, (args, kwargs) in itertools.product(templates, calls()):
        quick, slow = both(keys, template, args, kwargs)
        assert quick in (None, slow), (template, args, kwargs)
        served += quick is not None
    # (What is quick for nothing would be the same too.)
    assert served >= len(templates)


@pytest.mark.parametrize("value", VALUES + REFUSED, ids=lambda value: f"{type(value).__name__} {ascii(value)[:40]}")
def test_values_become_the_same_part(value: Any) -> None:
    def function(a: Any, b: Any = "b") -> None: ...

    keys = CallKeys(function)
    for template in ("{a}", "u/{a}", "u/{a}/{b}", "{b}{a}{a}", None):
        for args, kwargs in (((value,), {}), ((), {"a": value}), (("x", value), {}), (("x",), {"b": value})):
            quick, slow = both(keys, template, args, kwargs)
            assert type(slow) in (str, tuple)
            if quick is None:
                assert not isinstance(slow, str) or len(slow.encode()) > 256
            else:
                assert quick == slow and type(quick) is type(slow)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {ascii(value)[:40]}")
def test_a_hit_is_of_the_key_that_is_told(cache: Cache, value: Any) -> None:
    @cache.cached("u/{a}")
    def load(a: Any) -> Any:
        return [a]

    if len(load.key(value)) > 65536:
        with pytest.raises(snowmelt.InvalidNameError):
            load(value)
        return
    first = load(value)
    assert cache.get(load.key(value)) is first and load(a=value) is first
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.loads) == (2, 1, 1)
    load.invalidate(value)
    assert load(value) is not first


def test_more_parameters_than_any_call_has(cache: Cache) -> None:
    names = [f"p{number}" for number in range(60)]
    namespace: dict[str, Any] = {}
    exec(f"def load({', '.join(names)}): return []", namespace)
    load = cache.cached("/".join(f"{{{name}}}" for name in names))(namespace["load"])
    arguments = [str(number) for number in range(60)]
    first = load(*arguments)
    assert load(**dict(zip(names, arguments))) is first
    assert cache.keys() == ["/".join(arguments)]


def decorated(user_id: str, *, tenant: str = "t") -> str:
    """Loads a user."""
    return user_id


_holder = Cache(stream="none", report="off")
decorated = _holder.cached("users/{user_id}")(decorated)


def test_it_is_still_that_function() -> None:
    function: Any = decorated
    assert (function.__name__, function.__module__, function.__doc__) == ("decorated", __name__, "Loads a user.")
    assert str(inspect.signature(function)) == "(user_id: 'str', *, tenant: 'str' = 't') -> 'str'"
    assert inspect.unwrap(function) is function.__wrapped__ and inspect.isfunction(function.__wrapped__)
    assert function.__annotations__ == function.__wrapped__.__annotations__
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.copy(function) is function and copy.deepcopy([function])[0] is function
    assert weakref.ref(function)() is function
    assert function.cache is _holder and "decorated" in repr(function)
    assert function.key("7") == "users/7" and not inspect.iscoroutinefunction(function)
    function.extra = 1
    assert function.extra == 1


def test_methods_of_all_kinds(cache: Cache) -> None:
    class Users:
        @cache.cached("plain/{user}")
        def plain(self, user: str) -> Any:
            return (self, user)

        @classmethod
        @cache.cached("class/{user}")
        def of_class(cls, user: str) -> Any:
            return (cls, user)

        @staticmethod
        @cache.cached("static/{user}")
        def static(user: str) -> Any:
            return (None, user)

        @cache.cached("async/{user}")
        async def asynchronous(self, user: str) -> Any:
            return (self, user)

    users = Users()
    for _ in range(2):
        assert users.plain("1") == users.plain(user="1") == Users.plain(users, "1") == (users, "1")
        assert users.of_class("1") == Users.of_class("1") == (Users, "1")
        assert users.static("1") == Users.static("1") == (None, "1")
        assert asyncio.run(users.asynchronous("1")) == (users, "1")
    assert sorted(cache.keys()) == ["async/1", "class/1", "plain/1", "static/1"]
    assert inspect.iscoroutinefunction(users.asynchronous) and users.plain.__self__ is users  # type: ignore[attr-defined]
    assert cache.stats().loads == 4


def test_a_coroutine_function_is_invalidated_without_blocking_its_loop(cache: Cache) -> None:
    @cache.cached("{a}")
    async def load(a: str) -> str:
        return a

    async def main() -> None:
        await load("x")
        assert "x" in cache
        cache.catch_up(at_least=await load.invalidate(a="x"))
        assert "x" not in cache

    assert inspect.iscoroutinefunction(load.invalidate) and not inspect.iscoroutinefunction(load.key)
    asyncio.run(main())


def test_hits_of_a_coroutine_function(cache: Cache) -> None:
    calls: list[str] = []

    @cache.cached("{a}")
    async def load(a: str) -> list[str]:
        calls.append(a)
        return [a]

    async def main() -> None:
        first = await load("x")
        assert await load("x") is first and await load(a="x") is first
        with pytest.raises(TypeError):
            await load()  # type: ignore[call-arg]

    asyncio.run(main())
    assert calls == ["x"] and (cache.stats().hits, cache.stats().misses) == (2, 1)


def test_copies_are_made_on_every_hit(make: Callable[..., Cache]) -> None:
    load = make(copy=copy.deepcopy).cached("{a}")(lambda a: [a])
    first = load("x")
    first.append("changed")
    assert load("x") == ["x"] and load("x") is not load("x")


def test_a_closed_cache_says_so(cache: Cache) -> None:
    load = cache.cached("{a}")(lambda a: [a])
    load("x")
    cache.close()
    with pytest.raises(snowmelt.ClosedError):
        load("x")


def test_a_wrong_call_raises_what_the_function_would(cache: Cache) -> None:
    @cache.cached("{a}")
    def load(a: str, b: str = "") -> str:
        return a

    for args, kwargs in (((), {}), (("x", "y", "z"), {}), (("x",), {"a": "y"}), (("x",), {"c": "y"}), ((), {"b": "y"})):
        with pytest.raises(TypeError):
            load(*args, **kwargs)
    assert len(cache) == 0


def test_a_cycle_through_a_cached_function_is_collected() -> None:
    class Value:
        pass

    def make() -> tuple[Any, Any]:
        cache = Cache(stream="none", report="off")
        value: Any = Value()
        load = cache.cached("{a}")(lambda a: value)
        load("x")
        value.load, value.cache = load, cache
        return weakref.ref(value), weakref.ref(load)

    refs = make()
    gc.collect()
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_the_quick_methods_say_what_the_others_say(cache: Cache) -> None:
    """Those of ``Core`` are the plain ones; ``Cache`` has quick ones in their place."""
    quick: Any = Cache
    for name in ("get", "set", "_look"):
        assert name in quick.__dict__
    wrong: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        *(("get", args, {}) for args in ((), (1,), ("",), ("\ud800",), ("k", 1, 2), (b"k", 1))),
        *(("_look", args, {}) for args in ((1,), ("\ud800",))),
        *(("set", args, {}) for args in ((), ("k",), (1, 2), ("", 2), ("x" * 65537, 2), ("k", 1, 2))),
        *(("set", ("k", 1), kwargs) for kwargs in ({"nothing": 1}, {"ttl": "x"}, {"tags": 5}, {"weight": "x"}, {"as_of": "x"})),
        ("set", ("k",), {"ttl": 5}),
    ]
    for name, args, kwargs in wrong:
        said = []
        for owner in (quick, _snowmelt.Core):
            with pytest.raises((TypeError, ValueError)) as raised:
                getattr(owner, name)(cache, *args, **kwargs)
            said.append((type(raised.value), str(raised.value)))
        assert said[0] == said[1]
    with pytest.raises(TypeError):
        quick.get(object(), "k")
    with pytest.raises(TypeError):
        _snowmelt.hasten(_snowmelt.Core)
    with pytest.raises(TypeError):
        _snowmelt.hasten(int)  # type: ignore[arg-type]


def test_sets_with_what_goes_with_them(cache: Cache) -> None:
    assert cache.set("k", 1, ttl=60, tags=["t"], weight=2) == cache.set("k", 2) == "stored"
    assert cache.get("k") == 2 and cache.set("k", 3, tags=["t"]) == "stored"
    cache.invalidate(tags="t")
    assert cache.get("k") is None and cache.get("k", 5) == 5


def test_what_a_set_pushes_out_may_use_the_cache(make: Callable[..., Cache]) -> None:
    cache = make(max_entries=4)
    seen: list[Any] = []

    class Value:
        def __del__(self) -> None:
            seen.append(cache.get("other"))
            cache.set("other", 1)

    for number in range(20):
        cache.set("k", Value())
        cache.set(f"k{number}", Value())
    assert len(seen) >= 30
    cache.clear()
