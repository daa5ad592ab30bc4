"""Keys of calls.

A template such as ``"users/{user_id}"`` names parameters, nothing more: no attributes, no indexes, no formats. What is put in
its place tells types apart, and cannot run into the text around it:

====================  ====================================================================
a ``str``             as it is, percent-encoded but for letters, digits and ``-._~``
an ``int``            ``=12345``
a ``float``           ``=1.5``
True, False, None     ``=True``, ``=False``, ``=None``
``bytes``             ``=b:`` and the bytes, percent-encoded
a ``UUID``            ``=uuid:`` and its text
====================  ====================================================================

So a plain ``str`` stays readable, and a writer in another language can name the key: ``users/12345``. If that is what it
writes, call the function with ``"12345"``, or say ``user_id: str`` and mean it. Everything else is refused: a key made of
whatever ``repr`` says today would be another one tomorrow.
"""

from __future__ import annotations

import inspect
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ._errors import SnowmeltError, describe, error, shown

_Call = Callable[[tuple[Any, ...], Mapping[str, Any]], str]


def part(value: object, name: str = "a value") -> str:
    """A value as a part of a key."""
    if isinstance(value, str):
        text = value if type(value) is str else str.__str__(value)
        return text if text.isalnum() and text.isascii() else _quoted(text, name)
    if value is None or value is True or value is False:
        return f"={value}"
    if isinstance(value, int):
        return f"={_digits(value, name)}"
    if isinstance(value, float):
        return f"={float(value)!r}"
    if isinstance(value, bytes):
        return f"=b:{quote(value, safe='')}"
    if isinstance(value, uuid.UUID):
        return f"=uuid:{value}"
    message = f"{name} is {describe(value)}, which has no place in a key: make a str of it, or leave it out of the template"
    raise error("INVALID_NAME", message, wrong_type=True)


def _digits(value: int, name: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError:
        # Python's limit, since it takes so long.
        raise error("INVALID_NAME", f"{name} is an int of thousands of digits: leave it out of the template, or use its hash") from None


def _quoted(text: str, name: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise error("INVALID_NAME", f"{name} has a lone surrogate, so that it is no Unicode text: encode it, or leave that character out") from None


class CallKeys:
    """Makes texts of a function's calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._signature = inspect.signature(function)
        self._name = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
        parameters = list(self._signature.parameters.values())
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        #: Where each parameter is in a call without keywords.
        self._places = {parameter.name: place for place, parameter in enumerate(parameters) if parameter.kind in positional}
        self._most = len(parameters) if len(self._places) == len(parameters) else None
        self._least = sum(parameter.default is inspect.Parameter.empty for parameter in parameters)
        self._kinds = {parameter.name: parameter.kind for parameter in parameters}

    def template(self, template: str) -> _Call:
        """Texts such as ``users/{user_id}``."""
        pieces = self._parsed(template)
        places = [(text, self._places.get(name) if name is not None else None, name) for text, name in pieces]
        direct = self._most is not None and all(name is None or place is not None for _, place, name in places)
        reach = max((place for _, place, _ in places if place is not None), default=-1)

        least, most = self._least, self._most or 0
        if direct and len(places) <= 2 and reach >= 0 and all(name is None for _, _, name in places[1:]):
            return self._of_one(places[0][0], reach, places[0][2] or "", places[1][0] if len(places) == 2 else "", least, most)

        def text(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
            if direct and not kwargs and reach < len(args) and self._least <= len(args) <= (self._most or 0):
                return "".join([text if name is None else text + part(args[place or 0], name) for text, place, name in places])
            bound = self._bound(args, kwargs)
            return "".join([text if name is None else text + part(bound[name], name) for text, _, name in places])

        return text

    def _of_one(self, before: str, place: int, name: str, after: str, least: int, most: int) -> _Call:
        """The most common form: one parameter, and text around it."""

        def text(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
            if kwargs or not (place < len(args) and least <= len(args) <= most):
                return before + part(self._bound(args, kwargs)[name], name) + after
            value = args[place]
            if type(value) is str and value.isalnum() and value.isascii():
                return before + value + after
            return before + part(value, name) + after

        return text

    def of_call(self) -> _Call:
        """``module.function(…)``, with all arguments."""

        def text(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
            parts: list[str] = []
            for name, value in self._bound(args, kwargs).items():
                kind = self._kinds[name]
                if kind is inspect.Parameter.VAR_POSITIONAL:
                    parts.extend(f"*{part(item, name)}" for item in value)
                elif kind is inspect.Parameter.VAR_KEYWORD:
                    parts.extend(f"{part(key)}:{part(item, key)}" for key, item in sorted(value.items()))
                else:
                    parts.append(part(value, name))
            return f"{self._name}({','.join(parts)})"

        return text

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _parsed(self, template: str) -> list[tuple[str, str | None]]:
        try:
            parsed = list(string.Formatter().parse(template))
        except ValueError as wrong:
            raise _refused(template, str(wrong)) from None
        pieces: list[tuple[str, str | None]] = []
        for text, name, spec, conversion in parsed:
            if name is None:
                pieces.append((text, None))
                continue
            if spec or conversion:
                raise _refused(template, f"{{{_short(name)}}} has a format, and a key has none: give the function what the key shall have")
            if not name.isidentifier():
                raise _refused(template, f"{{{_short(name)}}} is no parameter's name: attributes, indexes and numbers are not looked up")
            if name not in self._kinds:
                known = ", ".join(self._kinds) or "none"
                raise _refused(template, f"the function has no parameter `{_short(name)}`; there are: {known}")
            if self._kinds[name] in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                raise _refused(template, f"`{name}` stands for any number of arguments, which no key can name")
            pieces.append((text, name))
        return pieces


def _refused(template: str, why: str) -> SnowmeltError:
    return error("INVALID_ARGUMENT", f"the template {shown(template)} cannot be used: {why}")


def _short(name: str) -> str:
    return name if len(name) <= 64 else name[:61] + "..."
