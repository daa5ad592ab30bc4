"""What cannot be used is refused, in words that name the thing, the value and the remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

Use = Callable[[Cache, Any], Any]


def run(awaitable: Any) -> Any:
    async def main() -> Any:
        return await awaitable

    return asyncio.run(main())


class Text(str):
    """A ``str`` that does what it can to be in the way."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __format__ = __repr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


TAKES_A_KEY: dict[str, Use] = {
    "get": lambda cache, key: cache.get(key),
    "[]": lambda cache, key: cache[key],
    "in": lambda cache, key: key in cache,
    "set": lambda cache, key: cache.set(key, 1),
    "delete": lambda cache, key: cache.delete(key),
    "get_or_load": lambda cache, key: cache.get_or_load(key, lambda: 1),
    "begin": lambda cache, key: cache.begin(key),
    "invalidate": lambda cache, key: cache.invalidate([key]),
    "aio.get": lambda cache, key: run(cache.aio.get(key)),
    "aio.get_or_load": lambda cache, key: run(cache.aio.get_or_load(key, lambda: 1)),
    "aio.invalidate": lambda cache, key: run(cache.aio.invalidate([key])),
}
TAKES_A_TAG: dict[str, Use] = {
    "set": lambda cache, tag: cache.set("k", 1, tags=[tag]),
    "get_or_load": lambda cache, tag: cache.get_or_load("k", lambda: 1, tags=[tag]),
    "aio.get_or_load": lambda cache, tag: run(cache.aio.get_or_load("k", lambda: 1, tags=lambda value: [tag])),
    "invalidate": lambda cache, tag: cache.invalidate(tags=[tag]),
}
TAKES_A_PREFIX: dict[str, Use] = {"invalidate": lambda cache, prefix: cache.invalidate(prefixes=[prefix])}

TAKES_A_NAME = [
    (what, name, use) for what, uses in (("key", TAKES_A_KEY), ("tag", TAKES_A_TAG), ("prefix", TAKES_A_PREFIX)) for name, use in uses.items()
]
WRONG_NAMES = [
    (5, TypeError, "the int 5"),
    (10**5000, TypeError, "int"),
    (1.5, TypeError, "the float 1.5"),
    (None, TypeError, "None"),
    (b"bytes", TypeError, "a bytes"),
    (Odd(), TypeError, "a Odd"),
    ("\ud800", ValueError, "lone surrogate"),
    ("", ValueError, "empty"),
    ("x" * 1_000_000, ValueError, "1000000"),
]


@pytest.mark.parametrize(("wrong", "kind", "says"), WRONG_NAMES, ids=lambda value: str(type(value)))
@pytest.mark.parametrize(("what", "name", "use"), TAKES_A_NAME, ids=lambda value: value if isinstance(value, str) else "")
def test_names(cache: Cache, what: str, name: str, use: Use, wrong: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(snowmelt.InvalidNameError) as refused:
        use(cache, wrong)
    message = str(refused.value)
    assert isinstance(refused.value, kind) and refused.value.code == "INVALID_NAME"
    assert what in message and says in message and len(message) < 300
    cache._validate()
    assert cache.stats().leases == 0 and len(cache) == 0


@pytest.mark.parametrize(("name", "use"), TAKES_A_KEY.items())
@pytest.mark.parametrize("key", ["\0", "a\0b", "ключ", "🗝", "x" * 65536, Text("sub")], ids=["nul", "nuls", "cyrillic", "emoji", "longest", "str subclass"])
def test_names_that_can_be_used(cache: Cache, name: str, use: Use, key: str) -> None:
    try:
        use(cache, key)
    except KeyError as missing:
        assert name == "[]" and missing.args[0] is key
    plain = str.__str__(key)
    cache.set(key, "v")
    assert cache.get(plain) == "v" and cache.get(key) == "v" and plain in cache
    assert cache.get_or_load(key, lambda: "never") == "v" and run(cache.aio.get(key)) == "v"
    assert cache.keys() == [plain] and type(cache.keys()[0]) is str
    assert cache.delete(plain) and key not in cache


WRONG_ARGUMENTS: list[tuple[str, Use, list[Any]]] = [
    ("tags", lambda cache, wrong: cache.set("k", 1, tags=wrong), [5, Odd(), 1.5]),
    ("tags", lambda cache, wrong: cache.invalidate(tags=wrong), [5, Odd()]),
    ("keys", lambda cache, wrong: cache.invalidate(wrong), [5, Odd()]),
    ("prefixes", lambda cache, wrong: cache.invalidate(prefixes=wrong), [5, Odd()]),
    ("a tag is a bytes", lambda cache, wrong: cache.invalidate(tags=wrong), [b"xy", b""]),
    ("a key is a bytearray", lambda cache, wrong: cache.invalidate(wrong), [bytearray(b"xy")]),
    ("a prefix is a memoryview", lambda cache, wrong: run(cache.aio.invalidate(prefixes=wrong)), [memoryview(b"xy")]),
    ("`tags`", lambda cache, wrong: cache.cached("k", tags=wrong)(lambda: 1), [5, Odd(), b"xy"]),
    ("a tag's template", lambda cache, wrong: cache.cached("k", tags=wrong)(lambda: 1), [[5], [b"x"]]),
    ("the template ''", lambda cache, wrong: cache.cached("k", tags=wrong)(lambda: 1), ["", [""]]),
    ("all", lambda cache, wrong: cache.invalidate(all=wrong), [1, None, "yes"]),
    ("ttl", lambda cache, wrong: cache.set("k", 1, ttl=wrong), [True, Odd(), [], float("nan"), float("inf"), -1, "x", "", "\ud800", 10**5000]),
    ("ttl", lambda cache, wrong: cache.get_or_load("k", int, ttl=wrong), [True, Odd(), "x", 10**5000]),
    ("weight", lambda cache, wrong: cache.set("k", 1, weight=wrong), [True, Odd(), "x", -1, float("nan"), float("inf"), 2**32, 10**5000]),
    ("as_of", lambda cache, wrong: cache.set("k", 1, as_of=wrong), [True, Odd(), "now", float("nan"), float("inf"), 10**5000]),
    ("token", lambda cache, wrong: cache.catch_up(at_least=wrong), [5, Odd(), "", "x", "sm1.", "\ud800", "sm1." + "x" * 1_000_000, b"sm1."]),
    ("within", lambda cache, wrong: cache.catch_up(at_least=cache.invalidate("k"), within=wrong), [True, Odd(), None, float("nan"), -1, "x", 10**5000]),
    ("loader", lambda cache, wrong: cache.get_or_load("k", wrong), [5, None, Odd(), "x", 10**5000, Text("x")]),
    ("loader", lambda cache, wrong: run(cache.aio.get_or_load("k", wrong)), [5, None, Odd(), Text("x")]),
    ("template", lambda cache, wrong: cache.cached(wrong)(lambda x: x), [5, b"x", Odd()]),
    ("template", lambda cache, wrong: cache.cached(wrong)(lambda x: x), ["", "{", "{}", "{0}", "{x.y}", "{x[0]}", "{y}", "{x!r}", "{x:>5}", "{" + "z" * 1_000_000 + "}"]),
]


@pytest.mark.parametrize(
    ("what", "use", "wrong"), [(what, use, wrong) for what, use, every in WRONG_ARGUMENTS for wrong in every], ids=lambda value: ""
)
def test_arguments(cache: Cache, what: str, use: Use, wrong: Any) -> None:
    with pytest.raises(snowmelt.SnowmeltError) as refused:
        use(cache, wrong)
    assert isinstance(refused.value, (ValueError, TypeError))
    message = str(refused.value)
    assert what in message and len(message) < 500, message
    cache._validate()
    assert cache.stats().leases == 0 and "k" not in cache


class Unusual(BaseException):
    pass


@pytest.mark.parametrize(
    "raised", [ValueError("no"), Unusual(), SystemExit(3), GeneratorExit(), StopIteration(4), KeyboardInterrupt()], ids=lambda value: type(value).__name__
)
def test_what_a_loader_raises_is_its_callers(cache: Cache, raised: BaseException) -> None:
    def fail() -> Any:
        raise raised

    for _ in range(2):
        with pytest.raises(type(raised)) as caught:
            cache.get_or_load("k", fail)
        assert caught.value is raised
    assert cache.stats().leases == 0 and cache.get_or_load("k", lambda: 1) == 1


def test_odd_results_are_values(cache: Cache) -> None:
    failure = ValueError("a value")
    assert cache.get_or_load("e", lambda: failure) is failure and cache["e"] is failure
    assert cache.get_or_load("n", lambda: NotImplemented) is NotImplemented
    assert cache.get_or_load("c", lambda: ValueError) is ValueError

    async def coroutine() -> int:
        return 1

    with pytest.raises(TypeError, match=r"asynchronous: use `await cache\.aio"):
        cache.get_or_load("k", coroutine)
    assert "k" not in cache and cache.stats().leases == 0


def test_numbers_that_are_too_long(cache: Cache) -> None:
    with pytest.raises(snowmelt.OptionError, match="max_entries"):
        Cache(stream="none", max_entries=10**5000)
    with pytest.raises(snowmelt.OptionError, match="seed"):
        Cache(stream="none", seed=10**5000)
    with pytest.raises(snowmelt.InvalidNameError, match="thousands of digits"):
        cache.cached("k/{x}")(lambda x: x)(10**5000)


def test_user_functions_that_fail(make: Callable[..., Cache]) -> None:
    def fail(*_: Any) -> Any:
        raise LookupError("mine")

    for option in ("copy", "size_of"):
        cache = make(**{option: fail})
        with pytest.raises(LookupError, match="mine"):
            cache.set("k", 1)
        with pytest.raises(LookupError, match="mine"):
            cache.get_or_load("k", lambda: 1)
        with pytest.raises(LookupError, match="mine"):
            run(cache.aio.get_or_load("k", lambda: 1))
        assert cache.stats().leases == 0
    with pytest.raises(LookupError, match="mine"):
        make().get_or_load("k", lambda: 1, tags=fail)
    with pytest.raises(snowmelt.ArgumentTypeError, match="weight"):
        make(size_of=lambda value, key: "heavy").set("k", 1)


def test_after_close(cache: Cache) -> None:
    lease, cached = cache.begin("l"), cache.cached("k/{x}")(lambda x: x)
    assert isinstance(lease, snowmelt.Lease)

    @cache.cached("a/{x}")
    async def acached(x: str) -> str:
        return x

    cache.close()
    uses: list[Callable[[], Any]] = [
        lambda: run(cache.aio.get("k")),
        lambda: run(cache.aio.get_or_load("k", int)),
        lambda: run(cache.aio.invalidate("k")),
        lambda: run(cache.aio.catch_up()),
        lambda: run(cache.aio.catch_up(at_least="x")),
        lambda: run(cache.aio.warm()),
        lambda: cached("x"),
        lambda: run(acached("x")),
        lambda: cached.invalidate("x"),
        lambda: cache.invalidate(all=True),
    ]
    for use in uses:
        with pytest.raises(snowmelt.ClosedError) as refused:
            use()
        assert "make a new one" in str(refused.value)
    assert cached.key("x") == "k/x" and repr(cache) == "<snowmelt.Cache, closed>"
    lease.abandon()
    cache.close()
    run(cache.aio.aclose())
    with cache.invocation() as invocation:
        pass
    assert invocation.report is None
