"""How the transcripts write bytes, names and times."""

from __future__ import annotations

import base64
import json
from typing import Any

#: The wall clock's reading at a transcript's start.
START = 1_790_000_000_000
#: The monotonic clock's reading at a transcript's start.
MONOTONIC_START = 1_000_000_000


def wall(time: int) -> int:
    """A transcript's time in milliseconds since the Unix epoch."""
    return _not_negative(START + time, "a time before the epoch")


def monotonic(time: int) -> int:
    """A transcript's time on the monotonic clock."""
    return _not_negative(MONOTONIC_START + time, "a monotonic clock below zero")


def since_start(millis: int) -> int:
    """Milliseconds since the Unix epoch as a transcript writes them."""
    return millis - START


def _not_negative(millis: int, otherwise: str) -> int:
    if millis < 0:
        raise ValueError(otherwise)
    return millis


def record_bytes(record: dict[str, Any]) -> bytes:
    """The bytes of a record."""
    form, content = only(record)
    if form == "json":
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    if form == "text":
        return content.encode()
    if form == "base64":
        return from_base64(content)
    if form == "repeat":
        return (content.get("before", "") + content["text"] * content["times"] + content.get("after", "")).encode()
    raise ValueError(f"bytes cannot be written as `{form}`")


def from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def names(written: list[Any] | None) -> list[str]:
    """All names that a list stands for."""
    return [name for item in written or [] for name in _expand(item)]


def _expand(name: Any) -> list[str]:
    if isinstance(name, str):
        return [name]
    if "repeat" in name:
        return [name["repeat"] * name["times"]]
    return [f"{name['numbered']}{number}" for number in range(name["count"])]


def invalidation(what: dict[str, Any]) -> str:
    """What an invalidation names, as the core takes it. One that the core would get wrong is not mended here."""
    named: dict[str, Any] = {"keys": [], "tags": [], "prefixes": [], "all": False}
    for kind in ("keys", "tags", "prefixes"):
        if kind in what:
            named[kind] = names(what[kind])
    if "all" in what:
        named["all"] = what["all"]
    return json.dumps(named)


def only(held: dict[str, Any]) -> tuple[str, Any]:
    """The one property of an object: its name and value."""
    if not isinstance(held, dict) or len(held) != 1:
        raise ValueError(f"{held!r} has not one property")
    return next(iter(held.items()))


def numbered(held: list[Any], number: int, what: str) -> Any:
    """The thing that a transcript calls by this number."""
    if not 1 <= number <= len(held) or held[number - 1] is None:
        raise ValueError(f"no {what} {number}")
    return held[number - 1]
