"""What middleware and decorator have in common: the options, and what users' functions say."""

from __future__ import annotations

from time import time_ns

from .. import _snowmelt
from .._cache import Cache
from .._errors import SnowmeltError, describe, error, shown
from .._events import log
from .._fetched import Wishes
from .._functions import is_async
from ._request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: The options that are functions, with their shapes.
_FUNCTIONS = {"key": "(request) -> str | None", "skip": "(request) -> bool", "wait_until": "(refresh) -> None"}
#: How a value was come by, in the policy's words.
HOW = {"hit": "hit", "loaded": "miss", "coalesced": "coalesced", "stale": "stale", "stale_on_error": "stale"}


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time_ns() // 1_000_000


class Host:
    """The policy over one cache."""

    def __init__(self, cache: Cache[Any], options: dict[str, Any], *, text: bool) -> None:
        if not isinstance(cache, Cache):
            raise error("INVALID_OPTION", f"option `cache` is {describe(cache)}: give a snowmelt.Cache", wrong_type=True, option="cache")
        self.cache = cache
        self._key = _function("key", options)
        self._skip = _function("skip", options)
        self.wait_until: Callable[[Any], object] | None = _function("wait_until", options)
        ttl = options.get("ttl")
        self._ttl: Any = ttl if callable(ttl) else None
        self.policy = _snowmelt.HttpPolicy(text, self._of_policy(options))

    def _of_policy(self, options: dict[str, Any]) -> dict[str, Any]:
        left = {name: value for name, value in options.items() if name not in _FUNCTIONS}
        ttl = left.get("ttl")
        if callable(ttl):
            del left["ttl"]
        elif isinstance(ttl, dict):
            # (Statuses are numbers.)
            left["ttl"] = {str(status) if isinstance(status, int) else status: each for status, each in ttl.items()}
        for name, window in zip(("stale_while_revalidate", "stale_if_error"), _snowmelt.http_windows(self.cache)):
            if left.get(name) is None:
                left[name] = window
        return left

    def skips(self, request: _snowmelt.HttpRequest, style: str, source: Any) -> bool:
        """Whether the user's function has the handler answer it alone."""
        return self._skip is not None and bool(self._skip(Request(request, style, source)))

    def name_custom(self, request: _snowmelt.HttpRequest, style: str, source: Any, mapping: str | None = None) -> None:
        """Names the parts of the key that are not in the request: what the user's function says, after ``mapping``."""
        custom = None if self._key is None else self._key(Request(request, style, source))
        if custom is not None and not isinstance(custom, str):
            raise error("INVALID_NAME", f"the option `key` gave {describe(custom)}: give a str, or None", wrong_type=True)
        if mapping is not None:
            custom = mapping if custom is None else f"{mapping} {custom}"
        if custom is not None:
            request.set_custom(custom)

    def judge(self, request: _snowmelt.HttpRequest, question: _snowmelt.HttpQuestion, status: int, headers: Any) -> _snowmelt.HttpKeep | str:
        """What is to be kept of a response, or why nothing is."""
        ttl: Any = None
        if self._ttl is not None:
            ttl = self._ttl(status, _fields(headers))
        return self.policy.judge(request, question, (status, headers, ttl), now_ms())

    def forget(self, key: str, reason: str) -> None:
        """Drops the old page where the new response is for nobody else: it must not be served in its place."""
        if not _snowmelt.http_failed(reason):
            try:
                self.cache.delete(key)
            except SnowmeltError:
                pass  # It was closed.

    def wishes(self, keep: Callable[[], _snowmelt.HttpKeep], length: Callable[[Any], int]) -> Wishes:
        """What goes with a page: it is known once there is one."""
        return Wishes(
            None,
            self.wait_until,
            gives_errors=True,
            tags=lambda page: keep().tags,
            ttl=lambda page: keep().ttl,
            weight=lambda page: page._meta.weight(length(page)),
            stale_while_revalidate=lambda page: keep().stale_while_revalidate,
            stale_if_error=lambda page: keep().stale_if_error,
            absent=lambda page: False,
        )


def tell_failed(key: str, reason: str, raised: BaseException | None) -> None:
    """A call failed, and its own client is not told of it: it is gone, or has an old page."""
    if _snowmelt.http_failed(reason):
        log(30, "what answers %s failed (%s), and its client is not told: it has an old page, or is gone", shown(key), reason, exc_info=raised or False)


def _function(name: str, options: dict[str, Any]) -> Any:
    given = options.get(name)
    if given is None:
        return None
    if not callable(given):
        raise error(
            "INVALID_OPTION", f"option `{name}` is {describe(given)}: give a function {_FUNCTIONS[name]}", wrong_type=True, option=name
        )
    if is_async(given):
        raise error("INVALID_OPTION", f"option `{name}` is asynchronous: give a plain function {_FUNCTIONS[name]}", wrong_type=True, option=name)
    return given


def _fields(headers: Any) -> dict[str, str]:
    """For users' functions: names in lower case, and several fields of a name joined (RFC 9110, section 5.3)."""
    fields: dict[str, str] = {}
    for field, part in headers:
        name, value = _text(field).lower(), _text(part)
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _text(part: Any) -> str:
    return part if isinstance(part, str) else bytes(part).decode("latin-1")

