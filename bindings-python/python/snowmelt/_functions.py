"""What kind of function something is and what it takes, without importing ``inspect`` (10 ms) where it is plain."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from inspect import Signature
    from typing import Any

_Function = type(lambda: None)

# The flags of code objects, as `inspect` has them.
_VAR_POSITIONAL_FLAG, _VAR_KEYWORD_FLAG, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200

#: The kinds of parameters: the numbers that `inspect` has for them.
POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, VAR_POSITIONAL, KEYWORD_ONLY, VAR_KEYWORD = range(5)

#: In place of a default: there is none.
NO_DEFAULT: Any = object()


class Parameter:
    """A parameter of a function."""

    __slots__ = ("default", "kind", "name")

    def __init__(self, name: str, kind: int, default: Any = NO_DEFAULT) -> None:
        self.name = name
        self.kind = kind
        self.default = default


def is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine."""
    if _has_own_kind(function):
        return bool(function.__code__.co_flags & _COROUTINE)
    import inspect

    return inspect.iscoroutinefunction(function)


def is_generator(function: Any) -> bool:
    """Whether calling it gives a generator, asynchronous or not."""
    if _has_own_kind(function):
        return bool(function.__code__.co_flags & (_GENERATOR | _ASYNC_GENERATOR))
    import inspect

    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _has_own_kind(function: object) -> bool:
    # (`inspect.markcoroutinefunction` leaves a mark, whatever the code is.)
    return type(function) is _Function and not hasattr(function, "_is_coroutine_marker")


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """What it takes, as ``inspect.signature`` has it; annotations are not looked at, and may name what is not there."""
    # (What a function wraps and which signature it claims to have, it bears as attributes.)
    if type(function) is _Function and not function.__dict__:
        return _of_code(function)
    import inspect

    found = inspect.signature(function).parameters.values()
    return [Parameter(each.name, each.kind, NO_DEFAULT if each.default is each.empty else each.default) for each in found]


def _of_code(function: Any) -> list[Parameter]:
    code = function.__code__
    positional, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames
    by_name = function.__kwdefaults__ or {}
    # Defaults are of the last ones.
    defaults = dict(zip(reversed(names[:positional]), reversed(function.__defaults__ or ())))

    found = []
    for number, name in enumerate(names[:positional]):
        kind = POSITIONAL_ONLY if number < code.co_posonlyargcount else POSITIONAL_OR_KEYWORD
        found.append(Parameter(name, kind, defaults.get(name, NO_DEFAULT)))
    if code.co_flags & _VAR_POSITIONAL_FLAG:
        found.append(Parameter(names[named], VAR_POSITIONAL))
    found.extend(Parameter(name, KEYWORD_ONLY, by_name.get(name, NO_DEFAULT)) for name in names[positional:named])
    if code.co_flags & _VAR_KEYWORD_FLAG:
        found.append(Parameter(names[named + bool(code.co_flags & _VAR_POSITIONAL_FLAG)], VAR_KEYWORD))
    return found


def signature(parameters: Iterable[Parameter]) -> Signature:
    """What binds arguments to parameters as a call does."""
    import inspect

    of = inspect.Parameter
    kinds = (of.POSITIONAL_ONLY, of.POSITIONAL_OR_KEYWORD, of.VAR_POSITIONAL, of.KEYWORD_ONLY, of.VAR_KEYWORD)
    return inspect.Signature(
        [of(each.name, kinds[each.kind], default=of.empty if each.default is NO_DEFAULT else each.default) for each in parameters]
    )
