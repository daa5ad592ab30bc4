"""What users may say of a cache, and how it is told to the core."""

from __future__ import annotations

import datetime
import json
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, Union

from . import _snowmelt
from ._errors import OptionError, OptionTypeError, SnowmeltError, describe, error

#: Seconds, a ``timedelta``, or a text with a unit, such as "250ms", "30s" or "1h30m".
Duration = Union[int, float, datetime.timedelta, str]

#: Bytes, or a text with a unit, such as "64mb" (1 kb is 1024 bytes).
Size = Union[int, str]

#: What is reported after each invocation: "off", "json", or {"emf": namespace}.
Report = Union[str, Mapping[str, str]]

CORE_OPTIONS = (
    "catch_up_every",
    "max_lag",
    "margin",
    "settle",
    "retention",
    "catch_up_budget",
    "call_timeout",
    "load_timeout",
    "max_entries",
    "max_weight",
    "max_leases",
    "max_fences",
    "lanes",
    "namespace",
    "on_undecodable",
    "record_format",
    "give_up_records",
    "give_up_bytes",
    "page_records",
)

OWN_OPTIONS = ("stream", "region", "endpoint", "ttl", "size_of", "copy", "on_event", "report", "report_to", "seed")


def plain(value: object) -> Any:
    """A value as the core takes it."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, numbers.Real):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else {"other": str(number)}
    return {"other": type(value).__name__}


def settings(options: Mapping[str, Any]) -> str:
    """The core's options, as it takes them."""
    pairs: list[tuple[str, Any]] = []
    for name, value in options.items():
        if name in CORE_OPTIONS:
            if value is not None:
                pairs.append((name, plain(value)))
        elif name not in OWN_OPTIONS:
            raise unknown(name)
    return json.dumps(pairs + lifetimes(options.get("ttl")))


def lifetimes(ttl: object) -> list[tuple[str, Any]]:
    if ttl is None:
        return []
    if not isinstance(ttl, (tuple, list)):
        return [("ttl", plain(ttl))]
    if len(ttl) != 2:
        raise error("INVALID_OPTION", f"option `ttl` has {len(ttl)} parts: give one duration, or (shortest, longest)", option="ttl")
    return [("ttl_min", plain(ttl[0])), ("ttl_max", plain(ttl[1]))]


def unknown(name: str) -> SnowmeltError:
    every = (*OWN_OPTIONS, *CORE_OPTIONS)
    meant = next((known for known in every if known.replace("_", "") == name.replace("_", "").lower()), None)
    remedy = f"did you mean `{meant}`?" if meant else "there are " + ", ".join(f"`{known}`" for known in every)
    return error("INVALID_OPTION", f"option `{name}` is unknown: {remedy}", wrong_type=True, option=name)


def stream(value: object) -> str:
    """The stream as text; what cannot be one is refused in the core's words."""
    if isinstance(value, str):
        return value
    try:
        _snowmelt.parse_stream(json.dumps(plain(value)))
    except OptionError as refused:
        message = str(refused).replace("undefined", "None")
        raise typed(refused, message) if value is not None else error("INVALID_OPTION", message, option="stream") from None
    raise AssertionError("only text names a stream")


def text(name: str, value: object, remedy: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise refused(name, value, remedy, wrong_type=True)
    if value == "":
        raise refused(name, value, remedy)
    return value


def function(name: str, value: object, remedy: str) -> Callable[..., Any] | None:
    if value is None:
        return None
    if not callable(value):
        raise refused(name, value, f"give a function {remedy}", wrong_type=True)
    given: Callable[..., Any] = value
    return given


def seed(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused("seed", value, "give an integer from 0 to 2**64 - 1", wrong_type=True)
    if not 0 <= value < 2**64:
        raise refused("seed", value, "give an integer from 0 to 2**64 - 1")
    return value


def report(value: object) -> tuple[str, str]:
    """The style, and the namespace of metrics."""
    remedy = 'give "off", "json" or {"emf": namespace}'
    if isinstance(value, Mapping):
        namespace = value.get("emf")
        if list(value) == ["emf"] and isinstance(namespace, str) and namespace:
            return "emf", namespace
        raise refused("report", value, remedy)
    if not isinstance(value, str):
        raise refused("report", value, remedy, wrong_type=True)
    if value not in ("off", "json"):
        raise refused("report", value, remedy)
    return value, ""


def refused(name: str, value: object, remedy: str, *, wrong_type: bool = False) -> SnowmeltError:
    message = f"option `{name}` is {describe(value)}: {remedy}"
    return error("INVALID_OPTION", message, wrong_type=wrong_type, option=name)


def typed(refusal: SnowmeltError, message: str | None = None) -> OptionTypeError:
    """The same as a ``TypeError``."""
    text = str(refusal) if message is None else message
    return OptionTypeError(text, refusal.code, option=refusal.option, kind=refusal.kind, details=refusal.details)


def explained(refusal: OptionError, options: Mapping[str, Any]) -> SnowmeltError:
    """What the core refused, as a ``TypeError`` where the type is to blame."""
    value = options.get(refusal.option or "")
    parts = value if isinstance(value, (tuple, list)) and refusal.option == "ttl" else (value,)
    if refusal.option in ("namespace", "on_undecodable", "record_format"):
        return refusal if isinstance(value, str) else typed(refusal)
    right = all(isinstance(part, (str, numbers.Real, datetime.timedelta)) and not isinstance(part, bool) for part in parts)
    return refusal if right else typed(refusal)
