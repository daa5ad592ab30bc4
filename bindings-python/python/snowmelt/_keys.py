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

import sys

from . import _functions, _snowmelt
from ._errors import SnowmeltError, describe, error, shown
from ._functions import NO_DEFAULT, Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature
    from typing import Any

    #: A call's arguments without and with a name.
    Args = tuple[Any, ...]
    Kwargs = dict[str, Any]

_ANY_NUMBER = (_functions.VAR_POSITIONAL, _functions.VAR_KEYWORD)
#: What percent-encoding leaves as it is.
_UNRESERVED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~"


def part(value: object, name: str = "a value") -> str:
    """A value as a part of a key."""
    if isinstance(value, str):
        text = value if type(value) is str else str.__str__(value)
        # (Nothing remains where all is unreserved.)
        return _quoted(text, name) if text.strip(_UNRESERVED) else text
    if value is None or value is True or value is False:
        return f"={value}"
    if isinstance(value, int):
        return f"={_digits(value, name)}"
    if isinstance(value, float):
        return f"={float(value)!r}"
    if isinstance(value, bytes):
        return f"=b:{_quoted(value, name)}"
    # (Nothing is a UUID where nobody has imported that.)
    if isinstance(value, getattr(sys.modules.get("uuid"), "UUID", ())):
        return f"=uuid:{value}"
    message = f"{name} is {describe(value)}, which has no place in a key: make a str of it, or leave it out of the template"
    raise error("INVALID_NAME", message, wrong_type=True)


def _digits(value: int, name: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError:
        # Python's limit, since it takes so long.
        raise error("INVALID_NAME", f"{name} is an int of thousands of digits: leave it out of the template, or use its hash") from None


def _quoted(value: str | bytes, name: str) -> str:
    from urllib.parse import quote

    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise error("INVALID_NAME", f"{name} has a lone surrogate, so that it is no Unicode text: encode it, or leave that character out") from None


class Made:
    """How a text is made of a call."""

    __slots__ = ("quick", "text")

    def __init__(self, text: Callable[[Args, Kwargs], str], quick: _snowmelt.CallKeys | None) -> None:
        #: Of any call. Raises what the call itself would raise if its arguments do not fit.
        self.text = text
        #: Of usual calls, on the Rust side; it makes the same text or none.
        self.quick = quick

    def of(self, args: Args, kwargs: Kwargs) -> str:
        """The text of a call."""
        made = None if self.quick is None else self.quick.of(args, kwargs)
        return self.text(args, kwargs) if made is None else made


class CallKeys:
    """Makes texts of a function's calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._parameters = _functions.parameters(function)
        self._signature: Signature | None = None
        self._name = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
        self._kinds = {parameter.name: parameter.kind for parameter in self._parameters}

    def template(self, template: str) -> Made:
        """Texts such as ``users/{user_id}``."""
        if not template:
            raise _refused(template, "it is empty, which no key or tag can be: give a text such as \"users\"")
        pieces = self._pieces(template)

        def text(args: Args, kwargs: Kwargs) -> str:
            bound = self._bound(args, kwargs)
            return "".join([text if name is None else text + part(bound[name], name) for text, name in pieces])

        return Made(text, self._quick(pieces))

    def of_call(self) -> Made:
        """``module.function(…)``, with all arguments."""

        def text(args: Args, kwargs: Kwargs) -> str:
            parts: list[str] = []
            for name, value in self._bound(args, kwargs).items():
                kind = self._kinds[name]
                if kind == _functions.VAR_POSITIONAL:
                    parts.extend(f"*{part(item, name)}" for item in value)
                elif kind == _functions.VAR_KEYWORD:
                    parts.extend(f"{part(key)}:{part(item, key)}" for key, item in sorted(value.items()))
                else:
                    parts.append(part(value, name))
            return f"{self._name}({','.join(parts)})"

        before = [self._name + "(", *[","] * (len(self._kinds) - 1)]
        return Made(text, self._quick([*zip(before, self._kinds), (")" if self._kinds else before[0] + ")", None)]))

    def _quick(self, pieces: list[tuple[str, str | None]]) -> _snowmelt.CallKeys | None:
        """The same for usual calls, without Python code; None where any number of arguments may be given."""
        if any(parameter.kind in _ANY_NUMBER for parameter in self._parameters):
            return None
        numbers = {name: number for number, name in enumerate(self._kinds)}
        used = {name for _, name in pieces}
        return _snowmelt.CallKeys(
            part,
            [(text, None if name is None else numbers[name]) for text, name in pieces],
            [
                (
                    parameter.name,
                    parameter.kind != _functions.KEYWORD_ONLY,
                    parameter.kind != _functions.POSITIONAL_ONLY,
                    parameter.default is NO_DEFAULT,
                    _default_part(parameter) if parameter.name in used else None,
                )
                for parameter in self._parameters
            ],
        )

    def _bound(self, args: Args, kwargs: Kwargs) -> dict[str, Any]:
        # Made for calls that are not usual only: it takes `inspect`.
        if self._signature is None:
            self._signature = _functions.signature(self._parameters)
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _pieces(self, template: str) -> list[tuple[str, str | None]]:
        pieces: list[tuple[str, str | None]] = []
        for text, name, spec, conversion in _parsed(template):
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
            if self._kinds[name] in _ANY_NUMBER:
                raise _refused(template, f"`{name}` stands for any number of arguments, which no key can name")
            pieces.append((text, name))
        return pieces


def _parsed(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    """As ``string.Formatter().parse``, which is asked about what is not plain text and names in braces."""
    text, *fields = template.split("{")
    parsed: list[tuple[str, str | None, str | None, str | None]] = []
    plain = "}" not in text
    for field in fields:
        name, _, after = field.partition("}")
        plain = plain and name.isidentifier() and field.count("}") == 1
        parsed.append((text, name, "", None))
        text = after
    if plain:
        return [*parsed, (text, None, None, None)] if text else parsed
    import string

    try:
        return list(string.Formatter().parse(template))
    except ValueError as wrong:
        raise _refused(template, str(wrong)) from None


def _default_part(parameter: Parameter) -> str | None:
    try:
        return None if parameter.default is NO_DEFAULT else part(parameter.default)
    except SnowmeltError:
        return None  # It is refused when a call uses it.


def _refused(template: str, why: str) -> SnowmeltError:
    return error("INVALID_ARGUMENT", f"the template {shown(template)} cannot be used: {why}")


def _short(name: str) -> str:
    return name if len(name) <= 64 else name[:61] + "..."
