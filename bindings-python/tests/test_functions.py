"""What functions take and how templates are read: as ``inspect`` and ``string`` say, which are asked where need be only."""

from __future__ import annotations

import functools
import inspect
import itertools
import string
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

import snowmelt
from snowmelt import Cache, _functions
from snowmelt._keys import CallKeys, _parsed, part


def _signatures() -> Iterator[str]:
    """Parameters of all kinds, with and without defaults and annotations."""
    for only, usual, defaults in itertools.product(range(3), range(3), range(5)):
        if defaults > only + usual:
            continue
        names = [f"p{number}: Nothing" for number in range(only + usual)]
        first = only + usual - defaults
        given = [name if number < first else f"{name} = [{number}]" for number, name in enumerate(names)]
        before = [*given[:only], *(["/"] if only else []), *given[only:]]
        after = itertools.product(("*", "*args"), ([], ["a"], ["a=1", "b", "c=None"]), ([], ["**kwargs"]))
        for star, named, rest in after:
            yield ", ".join([*before, *([star] if named or star != "*" else []), *named, *rest])


class _Users:
    def method(self, user: Any, __mangled: int = 1, *, tenant: Any = None) -> Any:
        inside = user
        return lambda more, rest=inside: (self, more, rest, __mangled)

    @staticmethod
    def static(user: str, *more: str) -> None: ...

    async def asynchronous(self, user: str) -> None:
        seen, more = user, self
        print(seen, more)


def _plain() -> list[Any]:
    def closing(a: Any, b: Any = 1) -> Any:
        local = a
        return lambda c, a=b: (local, c, a)

    async def gathers(a: Any) -> Any:
        return [b async for b in a]

    def generates(a: Any, *b: Any) -> Any:
        yield a

    no_defaults: Any = lambda a, b=1, *, c=2: a  # noqa: E731
    no_defaults.__defaults__ = no_defaults.__kwdefaults__ = None
    functions = [closing, closing(1), gathers, generates, no_defaults, lambda: 1, lambda a, *b, c, **d: (a, b, c, d)]
    return [*functions, _Users.method, _Users().method(1), _Users.static, _Users.asynchronous, _unknown]


class _Callable:
    def __call__(self, a: int, *, b: str = "") -> None: ...


def _not_plain() -> list[Any]:
    def wrapped(a: Any, b: Any = 1) -> None: ...

    @functools.wraps(wrapped)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    def claims() -> None: ...

    claims.__signature__ = inspect.signature(wrapped)  # type: ignore[attr-defined]
    functions = [wrapper, claims, functools.partial(wrapped, b=2), functools.partial(wrapped, 1), functools.lru_cache(wrapped)]
    return [*functions, _Users().method, _Callable(), len, sorted, "x".split]


def _unknown(a: Nobody, *, b: Nobody = 1) -> Nobody: ...  # type: ignore[name-defined]  # noqa: F821


def _both(function: Callable[..., Any]) -> tuple[list[Any], list[Any]]:
    """What is found, and what ``inspect`` says."""
    found = [(each.name, each.kind, each.default) for each in _functions.parameters(function)]
    said = inspect.signature(function).parameters.values()
    none = _functions.NO_DEFAULT
    return found, [(each.name, int(each.kind), none if each.default is each.empty else each.default) for each in said]


def test_all_kinds_of_parameters() -> None:
    functions: list[Any] = []
    for text in _signatures():
        for begin in ("def", "async def"):
            namespace: dict[str, Any] = {}
            body = "local = other = 1\n    return lambda: (local, other)"
            exec(f"from __future__ import annotations\n{begin} function({text}):\n    {body}", namespace)
            functions.append(namespace["function"])
    assert len(functions) > 500
    for function in functions:
        found, said = _both(function)
        assert found == said, inspect.signature(function)


@pytest.mark.parametrize("function", _plain() + _not_plain(), ids=repr)
def test_parameters_are_those_that_inspect_says(function: Callable[..., Any]) -> None:
    found, said = _both(function)
    assert found == said
    # And they bind alike.
    made = _functions.signature(_functions.parameters(function)).parameters.values()
    assert [(each.name, each.kind, each.default) for each in made] == [
        (each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("function", _plain(), ids=repr)
def test_a_plain_function_is_not_inspected(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "signature", None)
    _functions.parameters(function)
    with pytest.raises(TypeError):
        _functions.parameters(functools.partial(function))


def test_templates_are_read_as_python_reads_them() -> None:
    refused = 0
    for length in range(7):
        for letters in itertools.product("{}a:!", repeat=length):
            template = "".join(letters)
            try:
                expected: Any = list(string.Formatter().parse(template))
            except ValueError as wrong:
                with pytest.raises(snowmelt.ArgumentError) as told:
                    _parsed(template)
                assert str(told.value) == f"the template {template!r} cannot be used: {wrong}"
                refused += 1
            else:
                assert _parsed(template) == expected
    assert refused > 1000


def test_a_usual_template_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(string, "Formatter", None)
    for template in ("", "all", "{a}", "users/{a}", "{a}{b}", "{a}/é/{b}."):
        _parsed(template)
    with pytest.raises(TypeError):
        _parsed("{{a}}")


@pytest.mark.parametrize("letter", [*map(chr, range(256)), "日", "٣", "🦀"], ids=ascii)
def test_letters_are_quoted(letter: str) -> None:
    quoted = quote(letter, safe="")
    assert part(letter) == quoted
    assert part(f"a{letter}b") == f"a{quoted}b" and part(letter * 3) == quoted * 3
    assert part(letter.encode()) == f"=b:{quoted}"


def test_a_text_is_of_the_quick_one_or_of_the_other() -> None:
    def load(a: Any, b: Any = "b") -> None: ...

    made = CallKeys(load).template("{a}/{b}")
    assert made.quick is not None
    usual, long = ("x", 1), ("x" * 300, 1)
    assert made.of(usual, {}) == made.quick.of(usual, {}) == "x/=1"
    assert made.quick.of(long, {}) is None and made.of(long, {}) == "x" * 300 + "/=1"
    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        made.of((), {})


def test_tags_that_need_no_quick_way(cache: Cache) -> None:
    """Any number of arguments, and long ones."""

    @cache.cached("{a}", tags=["t:{a}"])
    def load(a: Any, *more: Any) -> Any:
        return [a, more]

    assert load("x" * 300, 1) is load("x" * 300, 1)
    cache.invalidate(tags="t:" + "x" * 300)
    assert len(cache) == 0


def test_a_partial_generator_is_refused_too(cache: Cache) -> None:
    def generator(a: Any) -> Any:
        yield a

    with pytest.raises(snowmelt.ArgumentError, match="the function is a generator"):
        cache.cached("{a}")(functools.partial(generator))
