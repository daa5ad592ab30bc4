"""Responses that go through as they come: too long, too late, without an end; and clients that go away from them."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest

from snowmelt import Cache

from ..support import until_on_loop
from .asgi import LIMIT, Client, ask, cached
from .test_middleware import responses, run

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
CHUNK = b"x" * 65536


def chunk(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


class Streams:
    """An application that sends chunks, as fast as they are taken."""

    def __init__(self, chunks: int, *fields: tuple[bytes, bytes], pause: float = 0) -> None:
        self.chunks, self.fields, self.pause = chunks, fields, pause
        self.calls = self.sent = 0
        self.ends: list[BaseException | None] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        try:
            await send({**START, "headers": [*START["headers"], *self.fields]})  # type: ignore[misc]
            for _ in range(self.chunks):
                await send(chunk(CHUNK))
                self.sent += 1
                await asyncio.sleep(self.pause)
            await send(chunk(b"", more=False))
        except BaseException as raised:
            self.ends.append(raised)
            raise
        self.ends.append(None)


@pytest.mark.parametrize("is_told", [True, False], ids=["with a length", "without"])
def test_a_long_body_streams_through(cache: Cache, is_told: bool) -> None:
    """Without being held: of 200 MB there are never more than a few in memory, and a slow client slows the application."""
    chunks = 200 * 2**20 // len(CHUNK)

    async def work() -> None:
        fields = [(b"content-length", str(chunks * len(CHUNK)).encode())] if is_told else []
        origin = Streams(chunks, *fields)
        client = Client(cached(origin, cache, ttl=60))
        taken = 0

        async def send(message: Any) -> None:
            nonlocal taken
            await client.takes.wait()
            taken += len(message.get("body", b""))
            client.messages.append({name: each for name, each in message.items() if name != "body"})

        client.send = send  # type: ignore[method-assign]
        client.takes.clear()
        asking = asyncio.create_task(client.ask())
        await until_on_loop(lambda: origin.calls == 1)
        await asyncio.sleep(0.05)
        assert origin.sent <= 2**20 // len(CHUNK) + 2, "it sends more than its client takes"
        client.takes.set()
        answer = await asking
        assert taken == chunks * len(CHUNK) and answer.how == "miss"
        assert answer["cache-status"] == "Snowmelt; fwd=miss; detail=body-too-large"
        assert origin.calls == 1 and len(cache) == 0 and origin.ends == [None]

    tracemalloc.start()
    try:
        run(work())
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_who_waited_for_a_long_body_gets_their_own(cache: Cache) -> None:
    async def work() -> None:
        origin = Streams(4)
        app = cached(origin, cache, ttl=60, max_body=len(CHUNK) * 2)
        answers = await asyncio.gather(*(ask(app) for _ in range(5)))
        assert [len(answer.body) for answer in answers] == [4 * len(CHUNK)] * 5 and origin.calls == 5
        assert {answer.how for answer in answers} == {"miss"}

    run(work())


def test_a_body_of_chunks_is_one_page(cache: Cache) -> None:
    async def work() -> None:
        origin = Streams(3)
        app = cached(origin, cache, ttl=60)
        first, second = await ask(app), await ask(app)
        assert first.body == second.body == CHUNK * 3 and second.how == "hit" and second["content-length"] == str(3 * len(CHUNK))

    run(work())


@pytest.mark.parametrize("fields", [[(b"content-type", b"text/event-stream")], []], ids=["events", "whatever"])
def test_a_stream_without_an_end(cache: Cache, fields: Any) -> None:
    async def work() -> None:
        origin = Streams(10**9, *fields, pause=0.02)
        if fields:
            origin.fields = ()
            origin_headers = fields

            async def app(scope: Any, receive: Any, send: Any) -> None:
                async def typed(message: Any) -> None:
                    await send({**message, "headers": origin_headers} if "headers" in message else message)

                await origin(scope, receive, typed)

        else:
            app = origin.__call__
        middleware = cached(app, cache, ttl=60, body_timeout=0.1)
        clients = [Client(middleware) for _ in range(3)]
        asking = [asyncio.create_task(client.ask()) for client in clients]
        await until_on_loop(lambda: all(len(client.messages) > 5 for client in clients))
        assert origin.calls == 3 and len(cache) == 0
        for each in asking:
            each.cancel()
        await asyncio.wait(asking, timeout=LIMIT)
        await until_on_loop(lambda: not responses())
        assert len(origin.ends) == 3

    run(work())


def test_nothing_comes_after_the_head(cache: Cache) -> None:
    async def work() -> None:
        goes = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await goes.wait()
            await send(chunk(b"at last", more=False))

        client = Client(cached(app, cache, ttl=60, body_timeout=0.05))
        asking = asyncio.create_task(client.ask())
        await until_on_loop(lambda: client.messages)
        goes.set()
        answer = await asking
        assert answer.body == b"at last" and answer["cache-status"].endswith("detail=endless")

    run(work())


def test_a_client_leaves_a_stream(cache: Cache) -> None:
    """The application is told by `receive` and by `send`, as without the middleware."""

    async def work() -> None:
        told: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({**START, "headers": [(b"content-type", b"text/event-stream")]})
            await send(chunk(b"1"))
            assert (await receive())["type"] == "http.request"
            told.append((await receive())["type"])

        client = Client(cached(app, cache, ttl=60))
        asking = asyncio.create_task(client.ask())
        await until_on_loop(lambda: len(client.messages) == 2)
        client.gone.set()
        await asking
        assert told == ["http.disconnect"]

    run(work())


def test_a_client_that_leaves_before_the_body_is_whole_spoils_nothing(cache: Cache) -> None:
    async def work() -> None:
        goes, told = asyncio.Event(), list[str]()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def listen() -> None:
                assert (await receive())["type"] == "http.request"
                told.append((await receive())["type"])

            listening = asyncio.create_task(listen())
            await send(START)
            await goes.wait()
            assert not told, "it was told of a client that is not the only one"
            await send(chunk(b"whole", more=False))
            await asyncio.wait_for(listening, LIMIT)

        middleware = cached(app, cache, ttl=60)
        first = Client(middleware)
        asking = asyncio.create_task(first.ask())
        await asyncio.sleep(0.02)
        other = asyncio.create_task(ask(middleware))
        await asyncio.sleep(0.02)
        first.gone.set()
        asking.cancel()
        await asyncio.wait({asking}, timeout=LIMIT)
        goes.set()
        assert (await other).body == b"whole" and (await ask(middleware)).how == "hit"
        await until_on_loop(lambda: told == ["http.disconnect"])

    run(work())


@pytest.mark.parametrize("ends", [True, False], ids=["that ends", "without an end"])
def test_its_client_left_before_it_was_a_stream(cache: Cache, ends: bool) -> None:
    """What nobody takes is thrown away for a while; then the call is ended."""

    async def work() -> None:
        goes = asyncio.Event()
        origin = Streams(3 if ends else 10**9, (b"cache-control", b"private"), pause=0.001)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await goes.wait()
            await origin(scope, receive, send)

        asking = asyncio.create_task(ask(cached(app, cache, ttl=60, body_timeout=0.5)))
        await asyncio.sleep(0.02)
        asking.cancel()
        await asyncio.wait({asking}, timeout=LIMIT)
        goes.set()
        await until_on_loop(lambda: not responses())
        (end,) = origin.ends
        assert end is None if ends else isinstance(end, (OSError, asyncio.CancelledError))
        assert origin.sent <= 2**20 // len(CHUNK) + 1

    run(work())


def test_nobody_takes_it_and_it_never_sends_again(cache: Cache) -> None:
    async def work() -> None:
        ended, goes = list[str](), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await goes.wait()
                await send({**START, "headers": [(b"cache-control", b"private")]})
                await asyncio.Event().wait()
            finally:
                ended.append("ended")

        asking = asyncio.create_task(ask(cached(app, cache, ttl=60, body_timeout=0.05)))
        await asyncio.sleep(0.02)
        asking.cancel()
        await asyncio.wait({asking}, timeout=LIMIT)
        goes.set()
        await until_on_loop(lambda: ended == ["ended"])

    run(work())


def test_it_raises_within_the_body(cache: Cache) -> None:
    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(chunk(b"half"))
            raise ValueError("half of it")

        client = Client(cached(app, cache, ttl=60))
        with pytest.raises(ValueError, match="half of it"):
            await client.ask()
        # So that the server can still say 500.
        assert client.messages == [] and len(cache) == 0

    run(work())


@pytest.mark.parametrize("sends", [[], [START], [START, chunk(b"half")]], ids=["nothing", "a head", "half a body"])
def test_it_ends_without_an_end(cache: Cache, sends: Any) -> None:
    """The server is the one to complain, as without the middleware."""

    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in sends:
                await send(message)

        client = Client(cached(app, cache, ttl=60))
        await asyncio.wait_for(client._app(client.scope, client.receive, client.send), LIMIT)
        assert [message["type"] for message in client.messages] == [message["type"] for message in sends]
        assert len(cache) == 0

    run(work())


def test_a_length_that_is_wrong(cache: Cache) -> None:
    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({**START, "headers": [(b"content-length", b"10")]})
            await send(chunk(b"12345", more=False))

        answer = await ask(cached(app, cache, ttl=60))
        assert answer["cache-status"].endswith("detail=incomplete") and answer.body == b"12345" and len(cache) == 0

    run(work())


def test_trailers_go_through(cache: Cache) -> None:
    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({**START, "trailers": True})
            await send(chunk(b"body", more=False))
            await send({"type": "http.response.trailers", "headers": [(b"x", b"y")], "more_trailers": False})

        client = Client(cached(app, cache, ttl=60), extensions={"http.response.trailers": {}})
        answer = await client.ask()
        assert answer["cache-status"].endswith("detail=trailers")
        assert [message["type"][14:] for message in client.messages] == ["start", "body", "trailers"]

    run(work())


def test_files_are_collected_as_bytes_or_sent_as_paths(cache: Cache) -> None:
    """An application that is offered `pathsend` sends no bytes, so it is not offered what is to be collected."""

    async def work() -> None:
        offered: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            offered.append(set(scope["extensions"]))
            await send(START)
            path = "http.response.pathsend" in scope["extensions"]
            await send({"type": "http.response.pathsend", "path": "/tmp/x"} if path else chunk(b"bytes", more=False))

        middleware = cached(app, cache, ttl=60, skip=lambda request: request.path == "/big")
        extensions = {"http.response.pathsend": {}, "http.response.trailers": {}, "tls": {}}
        assert [(await ask(middleware, extensions=extensions)).body for _ in range(2)] == [b"bytes"] * 2
        big = Client(middleware, "GET", "/big", extensions=extensions)
        await big.ask()
        assert big.messages[-1] == {"type": "http.response.pathsend", "path": "/tmp/x"}
        assert offered == [{"http.response.trailers", "tls"}, set(extensions)]

    run(work())


def test_what_is_done_after_the_response_is_done(cache: Cache) -> None:
    """Starlette's background tasks run after the last byte, within the call."""

    async def work() -> None:
        done, goes = list[str](), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(chunk(b"body", more=False))
            assert (await receive())["type"] == "http.request"
            assert (await receive())["type"] == "http.disconnect"
            await asyncio.wait_for(goes.wait(), LIMIT)
            done.append("done")

        middleware = cached(app, cache, ttl=60)
        first = Client(middleware)
        asking = asyncio.create_task(first.ask())
        await until_on_loop(lambda: len(first.messages) == 2)
        assert (await ask(middleware)).how == "hit" and not done
        goes.set()
        await asking
        assert done == ["done"]

        async def raises(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(chunk(b"body", more=False))
            raise ValueError("afterwards")

        with pytest.raises(ValueError, match="afterwards"):
            await ask(cached(raises, cache, ttl=60), "/2")
        assert (await ask(cached(raises, cache, ttl=60), "/2")).how == "hit"

    run(work())


def test_a_head_that_http_does_not_know(cache: Cache) -> None:
    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({**START, "headers": ((name, b"\x01") for name in (b"x", b"y"))})
            await send(chunk(b"body", more=False))

        answer = await ask(cached(app, cache, ttl=60))
        assert answer.fields == [("x", "\x01"), ("y", "\x01")] and answer.body == b"body" and len(cache) == 0

    run(work())
