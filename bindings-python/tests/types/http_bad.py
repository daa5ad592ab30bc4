"""Wrong uses of `snowmelt.http`, all of which type checkers must refuse. Checked by scripts/check-types.sh; never run.

Each line names the errors that it must give, mypy's and Pyright's: a comment that hides no error is an error of its own.
"""

from __future__ import annotations

from typing import Any

from snowmelt import Cache
from snowmelt.http import CacheMiddleware, Request, cached_response

cache = Cache(stream="orders")


async def app(scope: Any, receive: Any, send: Any) -> None: ...


async def key(request: Request) -> str:
    return ""


CacheMiddleware(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
CacheMiddleware(app, cache=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
CacheMiddleware(app, cache=cache, tll=60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
CacheMiddleware(app, cache=cache, ttl=[60])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
CacheMiddleware(app, cache=cache, query="random")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
CacheMiddleware(app, cache=cache, key=key)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cached_response(cache, skip="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cached_response(cache)(5)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
