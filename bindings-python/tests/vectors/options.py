"""A configuration as the transcripts write it."""

from __future__ import annotations

import json
from typing import Any


def _duration(value: Any) -> str:
    # Written out: a bare number would be seconds.
    return f"{_number(value)}ms"


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"no whole number: {value!r}")
    return value


def _share(value: Any) -> float:
    if not isinstance(value, float):
        raise ValueError(f"no share: {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"no text: {value!r}")
    return value


def _lanes(value: Any) -> int | None:
    return None if value is None else _number(value)


def _source(value: Any) -> Any:
    if not isinstance(value, (dict, list)):
        raise ValueError(f"no source: {value!r}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"neither true nor false: {value!r}")
    return value


_DURATIONS = (
    *("ttl_min", "ttl_max", "catch_up_every", "max_lag", "margin", "settle", "retention"),
    *("catch_up_budget", "call_timeout", "load_timeout", "soft_load_timeout"),
    *("stale_while_revalidate", "stale_if_error", "negative_ttl"),
)
_NUMBERS = (
    *("max_entries", "max_weight", "max_leases", "max_fences", "segments"),
    *("give_up_records", "give_up_bytes", "page_records"),
)
_HOW = {
    **{name: _duration for name in _DURATIONS},
    **{name: _number for name in _NUMBERS},
    **{name: _text for name in ("namespace", "on_undecodable", "record_format")},
    "refresh_ahead": _share,
    "lanes": _lanes,
    "source": _source,
    "keys_as_tags": _flag,
}


def settings(config: dict[str, Any], segments: int | None = None) -> str:
    """The core's settings. An option that is not known here fails."""
    pairs = [(name, _HOW[name](value)) for name, value in config.items() if name != "stream"]
    return json.dumps(pairs if segments is None else [*pairs, ("segments", segments)])


def stream_name(config: dict[str, Any]) -> str | None:
    """The name of the stream; none is followed unless the transcript names one."""
    name = config.get("stream")
    return None if name is None else _text(name)
