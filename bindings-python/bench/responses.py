"""Responses out of the cache, beside the bare handler of FastAPI that makes them anew; and what a waiter costs.

``handler``: in this process, through ASGI, without a server. ``uvicorn``: over the loopback, one connection that is kept.
``waiters``: from the end of the one call that a thousand requests share to the last of their responses, for each of them.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import threading
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import uvicorn
from fastapi import FastAPI
from report import Report
from rounds import ROUNDS, WARM_UP, in_turn
from snowmelt import Cache
from snowmelt.http import CacheMiddleware

ROWS = [
    {"id": number, "name": f"Product {number}", "price": number * 1.25, "tags": ["tea", "green"], "in_stock": number % 3 > 0}
    for number in range(50)
]
REQUESTS = 50
WAITERS = 1000
#: Nanoseconds a waiter.
WAITING = 2000


def measure() -> Any:
    return {"handler": _in_process(), "uvicorn": _over_loopback(), "waiters": _waiters()}


def _app(cached: bool) -> FastAPI:
    app = FastAPI()

    @app.get("/rows")
    async def rows() -> Any:
        return ROWS

    if cached:
        app.add_middleware(CacheMiddleware, cache=Cache(stream="none", report="off"), ttl=3600)
    return app


def _scope(path: str) -> dict[str, Any]:
    fields = {"host": "shop.example", "user-agent": "bench", "accept": "*/*", "accept-encoding": "gzip, deflate", "connection": "keep-alive"}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }


async def _receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Any) -> None:
    pass


def _in_process() -> Any:
    loop = asyncio.new_event_loop()

    def run(app: Any) -> Callable[[], float]:
        async def requests() -> float:
            start = time.thread_time_ns()
            for _ in range(REQUESTS):
                await app(_scope("/rows"), _receive, _send)
            return time.thread_time_ns() - start

        return lambda: loop.run_until_complete(requests())

    try:
        return in_turn({"snowmelt": run(_app(True)), "bare": run(_app(False))}, REQUESTS)
    finally:
        loop.close()


class _Server:
    """uvicorn on a thread, and a client with one connection."""

    def __init__(self, app: Any) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", loop="asyncio", http="h11"))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def run(self) -> float:
        """The median of some requests, in nanoseconds."""
        times = []
        for _ in range(REQUESTS):
            start = time.perf_counter_ns()
            self._connection.request("GET", "/rows")
            self._connection.getresponse().read()
            times.append(time.perf_counter_ns() - start)
        return median(times)

    def end(self) -> None:
        self._connection.close()
        self._server.should_exit = True
        self._thread.join(30)


def _over_loopback() -> Any:
    servers = {"snowmelt": _Server(_app(True)), "bare": _Server(_app(False))}
    try:
        return in_turn({name: server.run for name, server in servers.items()}, 1)
    finally:
        for server in servers.values():
            server.end()


def _waiters() -> Any:
    """Beside tasks that wait for one future, which is the least that asyncio can do."""
    loop = asyncio.new_event_loop()
    cache = Cache(stream="none", report="off")
    times: dict[str, list[float]] = {"snowmelt": [], "one future": []}
    try:
        for number in range(-WARM_UP, ROUNDS):
            for name, run in (("snowmelt", _crowd(cache)), ("one future", _futures())):
                gc.collect()
                gc.disable()
                took = loop.run_until_complete(run)
                gc.enable()
                if number >= 0:
                    times[name].append(took / WAITERS)
    finally:
        loop.close()
    return times


async def _crowd(cache: Any) -> float:
    ended: list[int] = []
    goes = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await goes.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        ended.append(time.thread_time_ns())
        await send({"type": "http.response.body", "body": b"x" * 5000})

    middleware = CacheMiddleware(app, cache=cache, coalesce_only=True)
    return await _timed(lambda: middleware(_scope("/slow"), _receive, _send), goes, ended)


async def _futures() -> float:
    ended: list[int] = []
    goes = asyncio.Event()
    future = asyncio.get_running_loop().create_future()

    async def call() -> None:
        await goes.wait()
        ended.append(time.thread_time_ns())
        future.set_result(b"x")

    async def wait() -> None:
        await asyncio.shield(future)
        await _send({})
        await _send({})

    calling = asyncio.ensure_future(call())
    took = await _timed(wait, goes, ended)
    await calling
    return took


async def _timed(request: Callable[[], Awaitable[Any]], goes: asyncio.Event, ended: list[int]) -> float:
    waiting = [asyncio.ensure_future(request()) for _ in range(WAITERS)]
    await asyncio.sleep(0.05)
    goes.set()
    await asyncio.wait(waiting)
    return time.thread_time_ns() - ended[0]


def tell(report: Report, results: Any) -> None:
    for what in ("handler", "uvicorn"):
        times = results[what]
        report.row(f"response of 50 rows, {what}", times["snowmelt"], "FastAPI, bare", times["bare"], target=1)
    ours = results["waiters"]["snowmelt"]
    report.row("a waiter of 1,000", ours, "2 µs", [WAITING] * len(ours), target=1)
    report.row("a waiter of 1,000", ours, "asyncio, one future", results["waiters"]["one future"])
