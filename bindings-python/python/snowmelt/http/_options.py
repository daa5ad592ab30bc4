"""The options, for type checkers. What they mean, `CacheMiddleware` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict, Union

from typing_extensions import TypeAlias

from .._types import Duration, Size
from ._request import Request

#: A lifetime for all, one for each status ({200: 60, "4xx": 5, "default": "1m"}), or a function of status and headers.
Ttl: TypeAlias = Union[Duration, Mapping[Union[int, str], Duration], Callable[[int, dict[str, str]], Union[Duration, None]]]


class Options(TypedDict, total=False):
    """The options of ``CacheMiddleware`` and ``cached_response``."""

    ttl: Ttl | None
    methods: str | Iterable[str] | None
    query: Literal["ordered", "sorted"] | None
    drop_query: str | Iterable[str] | None
    key_headers: str | Iterable[str] | None
    key_body: Size | Literal[False] | None
    key: Callable[[Request], str | None] | None
    skip: Callable[[Request], bool] | None
    max_body: Size | None
    body_timeout: Duration | None
    tag_headers: str | Iterable[str] | None
    send_tags: bool | None
    store_5xx: bool | None
    drop_headers: str | Iterable[str] | None
    coalesce_only: bool | None
    ignore_request_directives: bool | None
    ignore_cookies: bool | None
    ignore_authorization: bool | None
    invalidate_unsafe: bool | None
    stale_while_revalidate: Duration | None
    stale_if_error: Duration | None
    status_header: bool | None
    wait_until: Callable[[Any], object] | None
