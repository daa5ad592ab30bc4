"""FastAPI and Starlette under uvicorn, asked by a real client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from snowmelt import Cache
from snowmelt.http import CacheMiddleware

from .servers import served

TIMEOUT = 30


class Shop:
    """A service whose pages are slow."""

    def __init__(self, cache: Cache, **options: Any) -> None:
        self.calls: list[str] = []
        self.background: list[str] = []
        self.lifespan: list[str] = []
        self.chunks = 0
        #: Cleared while handlers do not go on.
        self.goes = threading.Event()
        self.goes.set()
        self.app = FastAPI(lifespan=self._lifespan)
        self.app.add_middleware(CacheMiddleware, cache=cache, **options)
        self._routes()

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> Any:
        self.lifespan.append("began")
        yield
        self.lifespan.append("ended")

    async def _called(self, request: Request) -> int:
        self.calls.append(f"{request.method} {request.url.path}?{request.url.query}")
        while not self.goes.is_set():
            await asyncio.sleep(0.01)
        return len(self.calls)

    def _routes(self) -> None:
        app = self.app

        @app.api_route("/products/{number}", methods=["GET", "POST", "HEAD"])
        async def product(number: int, request: Request, response: Response, tasks: BackgroundTasks) -> dict[str, int]:
            tasks.add_task(self.background.append, "done")
            response.headers["cache-tag"] = f"product:{number}"
            return {"number": number, "call": await self._called(request)}

        @app.get("/threads")
        def threads() -> dict[str, int]:
            self.calls.append("threads")
            return {"call": len(self.calls)}

        @app.get("/error")
        async def error(request: Request) -> None:
            raise HTTPException(404, {"call": await self._called(request)})

        @app.get("/raises")
        async def raises(request: Request) -> None:
            raise ValueError(f"call {await self._called(request)}")

        @app.get("/long")
        async def long(request: Request) -> StreamingResponse:
            await self._called(request)

            async def chunks() -> Any:
                for _ in range(800):
                    self.chunks += 1
                    yield b"x" * 65536

            return StreamingResponse(chunks())

        @app.get("/events")
        async def events(request: Request) -> StreamingResponse:
            await self._called(request)

            async def lines() -> Any:
                try:
                    for number in range(10**9):
                        yield f"data: {number}\n\n"
                        await asyncio.sleep(0.01)
                finally:
                    self.background.append("events ended")

            return StreamingResponse(lines(), media_type="text/event-stream")


@pytest.fixture
def shop(make: Callable[..., Cache]) -> Iterator[tuple[Shop, str, Cache]]:
    cache = make()
    shop = Shop(cache, ttl=60)
    with served(shop.app) as url:
        yield shop, url, cache
    assert shop.lifespan == ["began", "ended"]


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=TIMEOUT)


def test_pages(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop
    first, second = get(f"{url}/products/1"), get(f"{url}/products/1")
    assert first.json() == second.json() == {"number": 1, "call": 1}
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit") and service.background == ["done"]
    assert len(second.headers.get_list("date")) == 1 and "cache-tag" not in second.headers
    assert get(f"{url}/products/1", if_none_match=first.headers["etag"]).status_code == 304
    assert get(f"{url}/threads").json() == get(f"{url}/threads").json()
    assert get(f"{url}/error").json() == get(f"{url}/error").json() == {"detail": {"call": 3}}
    head = httpx.head(f"{url}/products/1", timeout=TIMEOUT)
    assert head.headers["x-cache"] == "hit" and head.headers["content-length"] == str(len(first.content)) and head.content == b""


def test_the_key_bugs_of_stampede(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop
    paths = ["/products/1?a=1&b=2", "/products/1?a=2&b=1", "/products/1", "/products/12"]
    calls = [get(url + path).json()["call"] for path in paths]
    posted = httpx.post(f"{url}/products/1", timeout=TIMEOUT)
    assert posted.headers["x-cache"] == "bypass" and posted.json()["call"] == 5
    assert calls == [1, 2, 3, 4] == [get(url + path).json()["call"] for path in paths]


def test_a_thousand_requests_make_one_call(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop

    async def crowd() -> list[str]:
        service.goes.clear()
        host, port = url.removeprefix("http://").split(":")
        asking = [asyncio.create_task(_raw(host, int(port), "/products/7")) for _ in range(1000)]
        before = len(service.calls)
        while len(service.calls) == before or sum(each.done() for each in asking):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        service.goes.set()
        return await asyncio.wait_for(asyncio.gather(*asking), 2 * TIMEOUT)

    for round_number in (1, 2):
        answers = asyncio.run(asyncio.wait_for(crowd(), 3 * TIMEOUT))
        assert len(service.calls) == round_number and len(set(answers)) == 1
        assert answers[0] == f'{{"number":7,"call":{round_number}}}'
        cache.invalidate(tags="product:7")


async def _raw(host: str, port: int, path: str) -> str:
    """One request on a connection of its own, without what a client does beside that."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    return body.decode()


def test_the_first_caller_goes_away(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop

    async def work() -> None:
        service.goes.clear()
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            first = asyncio.create_task(client.get(f"{url}/products/3"))
            while not service.calls:
                await asyncio.sleep(0.01)
            others = [asyncio.create_task(client.get(f"{url}/products/3")) for _ in range(5)]
            await asyncio.sleep(0.1)
            first.cancel()
            await asyncio.wait({first}, timeout=TIMEOUT)
            service.goes.set()
            answers = await asyncio.gather(*others)
        assert [answer.json()["call"] for answer in answers] == [1] * 5

    asyncio.run(asyncio.wait_for(work(), 3 * TIMEOUT))
    assert len(service.calls) == 1 and get(f"{url}/products/3").headers["x-cache"] == "hit"


@pytest.mark.filterwarnings("ignore")
def test_a_handler_that_raises(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop
    assert [get(f"{url}/raises").status_code for _ in range(2)] == [500, 500] and len(service.calls) == 2
    assert len(cache) == 0 and get(f"{url}/products/1").status_code == 200


def test_a_long_body_waits_for_its_client(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop
    with httpx.stream("GET", f"{url}/long", timeout=TIMEOUT) as answer:
        assert answer.headers["cache-status"] == "Snowmelt; fwd=miss; detail=body-too-large"
        parts = answer.iter_raw()
        taken = len(next(parts))
        threading.Event().wait(0.3)
        assert service.chunks < 800, "it does not wait for its client"
        taken += sum(len(part) for part in parts)
    assert taken == 800 * 65536 and len(cache) == 0


def test_events_end_with_their_client(shop: tuple[Shop, str, Cache]) -> None:
    service, url, cache = shop
    with httpx.stream("GET", f"{url}/events", timeout=TIMEOUT) as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(3)] == ["data: 0", "", "data: 1"]
    for _ in range(200):
        if service.background:
            break
        threading.Event().wait(0.05)
    assert service.background == ["events ended"]


def test_starlette_and_what_is_around_it(make: Callable[..., Cache]) -> None:
    calls: list[str] = []

    async def page(request: Any) -> JSONResponse:
        calls.append(request.url.path)
        return JSONResponse({"user": request.headers.get("x-user"), "call": len(calls)})

    async def search(request: Any) -> PlainTextResponse:
        calls.append("search")
        return PlainTextResponse(f"{await request.json()} {len(calls)}")

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        await websocket.close()

    cached = Middleware(
        CacheMiddleware,
        cache=make(),
        ttl={200: "1m"},
        methods=["GET", "POST"],
        key_body="10kb",
        key=lambda request: request.header("x-user"),
        skip=lambda request: request.path == "/health",
    )
    routes = [Route("/health", page), Route("/page", page), Route("/search", search, methods=["POST"]), WebSocketRoute("/socket", socket)]
    with served(Starlette(routes=routes, middleware=[cached])) as url:
        assert [get(f"{url}/page", x_user=user).json()["call"] for user in ("ada", "bob", "ada")] == [1, 2, 1]
        assert [get(f"{url}/health").json()["call"] for _ in range(2)] == [3, 4]
        found = [httpx.post(f"{url}/search", json={"q": q}, timeout=TIMEOUT).text for q in (1, 2, 1)]
        assert found == ["{'q': 1} 5", "{'q': 2} 6", "{'q': 1} 5"]
        assert _upgrade(url) in (101, 404, 426, 400)


def _upgrade(url: str) -> int:
    """Asks for a web socket, which goes through whether the server knows any or not."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT)
    with contextlib.closing(connection):
        headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
        connection.request("GET", "/socket", headers=headers)
        return connection.getresponse().status


