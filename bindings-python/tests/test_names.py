"""Keys, templates and bad input."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

WRONG_KEYS: list[Any] = ["", "\ud800", "x" * 1_000_000, 5, None, b"k", ["k"], object()]


@pytest.mark.parametrize("key", WRONG_KEYS, ids=["empty", "surrogate", "1 MB", "int", "None", "bytes", "list", "object"])
def test_wrong_keys(cache: Cache, key: Any) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: cache.get(key),
        lambda: cache[key],
        lambda: key in cache,
        lambda: cache.set(key, 1),
        lambda: cache.delete(key),
        lambda: cache.get_or_load(key, lambda: 1),
        lambda: cache.begin(key),
        lambda: cache.invalidate([key]),
        lambda: cache.invalidate(tags=[key]),
        lambda: cache.invalidate(prefixes=[key]),
        lambda: cache.set("k", 1, tags=[key]),
    ]
    for use in uses:
        with pytest.raises(snowmelt.InvalidNameError) as refused:
            use()
        assert refused.value.code == "INVALID_NAME"
        assert isinstance(refused.value, ValueError)
        assert isinstance(refused.value, TypeError) == (not isinstance(key, str))
    assert len(cache) == 0


def test_a_cache_is_not_gone_through(cache: Cache) -> None:
    """Python would ask for the keys 0, 1, 2… of what can be subscribed."""
    with pytest.raises(TypeError, match="'Cache' object is not iterable"):
        list(cache)  # type: ignore[call-overload]
    assert "k" not in cache


def test_nothing_to_invalidate(cache: Cache) -> None:
    for use in (lambda: cache.invalidate(), lambda: cache.invalidate([]), lambda: cache.invalidate(tags=())):
        with pytest.raises(snowmelt.InvalidNameError) as refused:
            use()
        assert refused.value.code == "NOTHING_TO_INVALIDATE"
    with pytest.raises(TypeError):
        cache.invalidate(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        cache.invalidate("k", all=1)  # type: ignore[arg-type]


def test_wrong_tokens(cache: Cache) -> None:
    for token, code in (("", "INVALID_TOKEN"), ("sm1.x", "INVALID_TOKEN"), (5, "INVALID_NAME")):
        with pytest.raises(snowmelt.SnowmeltError) as refused:
            cache.catch_up(at_least=token)  # type: ignore[arg-type]
        assert refused.value.code == code
    with pytest.raises(snowmelt.TokenError) as other:
        cache.catch_up(Cache(stream="memory:another").invalidate("k"))
    assert other.value.code == "OTHER_STREAM"


def test_a_template_tells_types_apart(cache: Cache) -> None:
    @cache.cached("u/{user}/{tenant}", tags=["t:{tenant}"])
    def load(user: Any, tenant: Any = "x") -> Any:
        return (user, tenant)

    identity = uuid.uuid4()
    users = ["1", 1, True, None, 1.0, "True", "=1", b"1", "None", identity, str(identity), "a/b", "a%2Fb", "", "é"]
    keys = [load.key(user) for user in users]
    assert len(set(keys)) == len(users)
    assert keys[:5] == ["u/1/x", "u/=1/x", "u/=True/x", "u/=None/x", "u/=1.0/x"]
    assert load.key("a/b") == "u/a%2Fb/x" and load.key("é") == "u/%C3%A9/x"
    assert load.key("1", tenant="y") == load.key(user="1", tenant="y") == load.key("1", "y")
    assert [load(user) for user in users] == [(user, "x") for user in users]
    assert len(cache) == len(users)
    assert load("1") is load("1")
    load.invalidate("1")
    assert len(cache) == len(users) - 1
    cache.invalidate(tags="t:x")
    assert len(cache) == 0


def test_a_call_binds_as_it_would(cache: Cache) -> None:
    @cache.cached("k/{a}")
    def load(a: str, b: int) -> str:
        return a

    for wrong in (lambda: load("x"), lambda: load("x", 1, 2), lambda: load("x", c=3), lambda: load(b=1)):
        with pytest.raises(TypeError):
            wrong()
    assert load("x", b=1) == load(b=1, a="x") == "x"


@pytest.mark.parametrize("template", ["{user.name}", "{user[0]}", "{user!r}", "{user:>3}", "{0}", "{}", "{nobody}", "{user", "{args}"])
def test_templates_name_parameters_only(cache: Cache, template: str) -> None:
    def load(user: Any, *args: Any) -> Any:
        return user

    for use in (lambda: cache.cached(template)(load), lambda: cache.cached("{user}", tags=[template])(load)):
        with pytest.raises(snowmelt.ArgumentError, match="cannot be used"):
            use()


def test_values_without_a_place_in_a_key(cache: Cache) -> None:
    @cache.cached("{user}")
    def load(user: Any) -> Any:
        return user

    for wrong in ([], {}, object(), (1,)):
        with pytest.raises(snowmelt.InvalidNameTypeError, match="user is a"):
            load(wrong)


def test_without_a_template(cache: Cache) -> None:
    @cache.cached
    def one(a: Any, *rest: Any, flag: bool = False, **more: Any) -> Any:
        return (a, rest, flag, more)

    @cache.cached()
    def two(a: Any) -> Any:
        return a

    assert one("x") == ("x", (), False, {}) and two("x") == "x"
    calls = [one.key("x"), one.key("x", "y"), one.key("x,y"), one.key("x", y="y"), one.key("x", flag=True), two.key("x")]
    assert len(set(calls)) == len(calls)
    assert two.key("x").startswith(f"{__name__}.test_without_a_template.") and two.key("x").endswith("two(x)")


def test_methods(cache: Cache) -> None:
    class Users:
        @cache.cached("users/{user}")
        def user(self, user: str) -> Any:
            return (self, user)

    users = Users()
    assert users.user("1") == (users, "1") and cache.keys() == ["users/1"]


def test_what_cannot_be_cached(cache: Cache) -> None:
    def generator() -> Any:
        yield 1

    for wrong in (5, int, generator):
        with pytest.raises(snowmelt.ArgumentError):
            cache.cached("k")(wrong)
    with pytest.raises(snowmelt.ArgumentError, match="aio.get_or_load"):

        async def load() -> int:
            return 1

        cache.get_or_load("k", load)
    with pytest.raises(snowmelt.ArgumentTypeError, match="the loader of 'k' is the int 5"):
        cache.get_or_load("k", 5)  # type: ignore[arg-type]
