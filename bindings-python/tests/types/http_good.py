"""Typical uses of `snowmelt.http`, all of which type checkers must accept. Checked by scripts/check-types.sh; never run."""
# pyright: strict

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from typing_extensions import assert_type

from snowmelt import Cache
from snowmelt.http import CacheMiddleware, Page, Request, cached_response

cache = Cache(stream="orders", max_weight="64mb")
pages: Cache[Page] = Cache(stream="orders")


def tenant(request: Request) -> str | None:
    assert_type(request.method, str)
    assert_type(request.query, str | None)
    assert_type(request.headers, list[tuple[str, str]])
    return request.header("x-tenant")


def ttl(status: int, headers: dict[str, str]) -> int | None:
    return 60 if status == 200 and "x-slow" in headers else None


app = FastAPI()
app.add_middleware(CacheMiddleware, cache=cache, ttl=60)
app.add_middleware(CacheMiddleware, cache=pages, ttl={200: "1m", "4xx": datetime.timedelta(seconds=5), "default": 0})
app.add_middleware(
    CacheMiddleware,
    cache=cache,
    ttl=ttl,
    methods=["GET", "POST"],
    query="sorted",
    drop_query="utm_*",
    key_headers=("accept-language",),
    key_body="10kb",
    key=tenant,
    skip=lambda request: request.path == "/health",
    max_body=1024,
    body_timeout="1s",
    coalesce_only=False,
    stale_while_revalidate=30,
    stale_if_error="5m",
    wait_until=lambda refresh: None,
    status_header=None,
)
Starlette(middleware=[Middleware(CacheMiddleware, cache=cache)])
CacheMiddleware(app, cache=cache, ttl=60)


@cache.handler
@cached_response(cache, ttl=60, key=lambda request: str(request.event["requestContext"]["stage"]))
def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200, "body": "hello"}


@cached_response(cache)
async def asynchronous(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200, "body": "hello"}


assert_type(handler({}, None), dict[str, Any])


async def use() -> None:
    assert_type(await asynchronous({}, None), dict[str, Any])
    assert_type(await pages.aio.get("GET https://shop.example/"), Page | None)
    page = pages["GET https://shop.example/"]
    assert_type((page.status, page.body), tuple[int, bytes])
