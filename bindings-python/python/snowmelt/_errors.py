"""Exceptions, each with a stable code and its remedy."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any



class SnowmeltError(Exception):
    """Everything that Snowmelt itself refuses or fails at.

    What a loader raises is passed on as it is.
    """

    #: What it is about; does not change between versions.
    code: str
    #: The option's name, for ``INVALID_OPTION``.
    option: str | None
    #: Why the stream failed: ``throttled``, ``timed_out``, ``failed`` (trying again helps with these), ``denied``,
    #: ``not_found``, ``refused``, ``expired``; or what is wrong with a name: ``empty``, ``too_long``.
    kind: str | None
    #: What the core told beside the message.
    details: dict[str, Any]

    def __init__(
        self,
        message: str,
        code: str = "INVALID_ARGUMENT",
        *,
        option: str | None = None,
        kind: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.option = option
        self.kind = kind
        self.details = details or {}

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (type(self), str(self), self.code, self.option, self.kind, self.details))


def _unpickled(
    kind_of: type[SnowmeltError], message: str, code: str, option: str | None, kind: str | None, details: dict[str, Any]
) -> SnowmeltError:
    return kind_of(message, code, option=option, kind=kind, details=details)


class OptionError(SnowmeltError, ValueError):
    """An option cannot be used as it is, or there is none of that name."""


class OptionTypeError(OptionError, TypeError):
    """An option has a value of the wrong type."""


class InvalidNameError(SnowmeltError, ValueError):
    """A key, tag or prefix cannot be used, or an invalidation as a whole."""


class InvalidNameTypeError(InvalidNameError, TypeError):
    """A key, tag or prefix is no ``str``."""


class ArgumentError(SnowmeltError, ValueError):
    """An argument has the wrong shape."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument has the wrong type."""


class TokenError(SnowmeltError, ValueError):
    """A position token cannot be read, or is of another stream."""


class WriteError(SnowmeltError):
    """The stream did not take an invalidation, or not wholly. It was applied in this cache all the same."""


class CatchUpError(SnowmeltError):
    """The cache could not be caught up. What was read was applied."""


class LoadError(SnowmeltError):
    """A load could not be waited for."""


class LoadCycleError(LoadError):
    """A load waits for one that waits for it."""


class ClosedError(SnowmeltError):
    """The cache was closed, or belongs to the process that this one was forked from."""


_CLASSES: dict[str, tuple[type[SnowmeltError], type[SnowmeltError]]] = {
    "INVALID_OPTION": (OptionError, OptionTypeError),
    "INVALID_NAME": (InvalidNameError, InvalidNameTypeError),
    "NOTHING_TO_INVALIDATE": (InvalidNameError, InvalidNameTypeError),
    "NOT_IN_FORMAT": (InvalidNameError, InvalidNameTypeError),
    "INVALID_TOKEN": (TokenError, TokenError),
    "OTHER_STREAM": (TokenError, TokenError),
    "WRITE_FAILED": (WriteError, WriteError),
    "CATCH_UP_THROTTLED": (CatchUpError, CatchUpError),
    "CATCH_UP_FAILED": (CatchUpError, CatchUpError),
    "CATCH_UP_OUT_OF_BUDGET": (CatchUpError, CatchUpError),
    "CATCH_UP_DEADLINE": (CatchUpError, CatchUpError),
    "LOAD_CYCLE": (LoadCycleError, LoadCycleError),
    "LOAD_INTERRUPTED": (LoadError, LoadError),
    "CLOSED": (ClosedError, ClosedError),
}


def error(code: str, message: str, *, wrong_type: bool = False, **details: Any) -> SnowmeltError:
    """The exception of a code."""
    plain, of_type = _CLASSES.get(code, (ArgumentError, ArgumentTypeError))
    kind_of = of_type if wrong_type else plain
    option, kind = details.pop("option", None), details.pop("kind", None)
    return kind_of(message, code, option=option, kind=kind, details=details)


def from_core(text: str) -> SnowmeltError:
    """The exception of a failure that the Rust side tells as JSON."""
    import json

    failure = json.loads(text)
    return error(failure.pop("code"), failure.pop("message"), wrong_type=failure.pop("type", False), **failure)


def describe(value: object) -> str:
    """What a value is, for messages."""
    if value is None:
        return "None"
    if isinstance(value, (str, int, float)):
        return f"the {type(value).__name__} {shown(value)}"
    return f"a {type(value).__name__}"


def shown(value: object) -> str:
    """A value's ``repr``, as much of it as a message can bear. What it raises is not what the message is about."""
    if isinstance(value, str) and len(value) > 64:
        value = value[:64]
    try:
        text = repr(value)
    except Exception:
        return "?"
    return text if len(text) <= 64 else text[:61] + "..."
