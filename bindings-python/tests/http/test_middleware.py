"""The middleware, without a server: what is shared, and what each client gets."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache

from ..support import until_on_loop
from .asgi import LIMIT, Client, Origin, ask, cached


def run(work: Any) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(work, 3 * LIMIT)

    return asyncio.run(bounded())


def responses() -> list[Any]:
    """Calls of applications that go on."""
    return [task for task in asyncio.all_tasks() if task.get_name() == "snowmelt response"]


def test_a_response_answers_the_next_requests(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        first, second = await ask(app), await ask(app)
        assert (first.how, second.how) == ("miss", "hit")
        assert first.body == second.body == b"hello 1" and first["etag"] == second["etag"]
        assert second["age"] == "0" and second["cache-status"] == "Snowmelt; hit; ttl=60"
        assert first.all("date") == second.all("date") == []
        assert origin.calls == 1 and cache.keys() == ["GET https://shop.example/"]

    run(work())


def test_the_key_bugs_of_stampede(cache: Cache) -> None:
    """Query strings, methods, hosts and the case of a path each make another request."""

    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        targets = ["/a?x=1&y=2", "/a?x=2&y=1", "/a?xy=12", "/a", "/A", "/a?x=1", "/a/x=1"]
        bodies = [(await ask(app, target)).body for target in targets]
        assert len(set(bodies)) == len(targets) == origin.calls
        assert [(await ask(app, target)).body for target in targets] == bodies
        assert (await ask(app, "/a", scheme="http")).body not in bodies
        elsewhere = Client(app, "GET", "/a")
        elsewhere.scope["headers"][0] = (b"host", b"other.example")
        assert (await elsewhere.ask()).body not in bodies
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = await ask(app, "/a", method)
            assert answer.how == "bypass" and answer.body not in bodies
        assert (await ask(app, "/a")).body == bodies[3]

    run(work())


def test_many_requests_make_one_call(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        cache = make()
        origin = Origin(cache_tag="product:7 products")
        app = cached(origin, cache, ttl=60)

        async def crowd() -> list[str]:
            origin.goes.clear()
            clients = [asyncio.create_task(ask(app, "/slow")) for _ in range(1000)]
            await until_on_loop(lambda: origin.calls > before)
            await asyncio.sleep(0.05)
            origin.goes.set()
            answers = await asyncio.gather(*clients)
            assert len({answer.body for answer in answers}) == 1
            return [answer.how for answer in answers]

        before = 0
        hows = await crowd()
        assert origin.calls == 1 and hows.count("miss") == 1 and set(hows) <= {"miss", "coalesced", "hit"}
        await cache.aio.invalidate(tags="product:7")
        before = 1
        hows = await crowd()
        assert origin.calls == 2 and hows.count("miss") == 1
        assert "cache-tag" not in [name for name, _ in (await ask(app, "/slow")).fields]

    run(work())


def test_the_first_caller_is_cancelled(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        origin.goes.clear()
        app = cached(origin, cache, ttl=60)
        first = asyncio.create_task(ask(app))
        await until_on_loop(lambda: origin.calls == 1)
        others = [asyncio.create_task(ask(app)) for _ in range(3)]
        await asyncio.sleep(0.01)
        first.cancel()
        others[0].cancel()
        await asyncio.sleep(0.01)
        origin.goes.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        answers = [await other for other in others[1:]]
        assert [answer.body for answer in answers] == [b"hello 1"] * 2 and origin.calls == 1
        assert (await ask(app)).how == "hit"

    run(work())


def test_an_application_that_raises_fails_its_own_request(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        origin.raises = ValueError("the database is gone")
        origin.goes.clear()
        app = cached(origin, cache, ttl=60)
        clients = [asyncio.create_task(ask(app)) for _ in range(5)]
        await until_on_loop(lambda: origin.calls == 1)
        await asyncio.sleep(0.02)
        origin.goes.set()
        told = await asyncio.gather(*clients, return_exceptions=True)
        assert [str(error) for error in told] == ["the database is gone"] * 5 and {type(error) for error in told} == {ValueError}
        assert origin.calls == 5 and len(cache) == 0
        origin.raises = None
        assert (await ask(app)).how == "miss"

    run(work())


def test_one_fails_and_the_others_do_not(cache: Cache) -> None:
    async def work() -> None:
        calls, goes = 0, asyncio.Event()

        async def flaky(scope: Any, receive: Any, send: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                await goes.wait()
                raise ValueError("the first one")
            await Origin()(scope, receive, send)

        app = cached(flaky, cache, ttl=60)
        first = asyncio.create_task(ask(app))
        await until_on_loop(lambda: calls == 1)
        others = [asyncio.create_task(ask(app)) for _ in range(4)]
        await asyncio.sleep(0.02)
        goes.set()
        with pytest.raises(ValueError, match="the first one"):
            await first
        answers = await asyncio.gather(*others)
        assert [answer.body for answer in answers] == [b"hello 1"] * 4 and calls == 5
        assert answers[0]["cache-status"] == "Snowmelt; fwd=miss; detail=failed"

    run(work())


def test_variants(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin(vary="accept-language")
        app = cached(origin, cache, ttl=60)

        async def in_language(language: str) -> tuple[str, bytes]:
            answer = await ask(app, headers={"accept-language": language})
            return answer.how, answer.body

        assert await in_language("de") == ("miss", b"hello 1") and await in_language("en") == ("miss", b"hello 2")
        assert await in_language("de") == ("hit", b"hello 1") and await in_language("en") == ("hit", b"hello 2")
        assert await in_language("fr") == ("miss", b"hello 3")
        assert origin.calls == 3 and len(cache) == 3
        await cache.aio.invalidate(prefixes="GET https://shop.example/")
        assert len(cache) == 0

    run(work())


def test_a_client_has_it_already(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        etag = (await ask(app))["etag"]
        for has in (etag, f'"x", {etag}', "*"):
            answer = await ask(app, headers={"if-none-match": has})
            assert (answer.status, answer.body, answer.how) == (304, b"", "hit")
            assert answer["etag"] == etag and answer.all("content-length") == []
        assert (await ask(app, headers={"if-none-match": '"other"'})).status == 200
        # The application answers for everybody, whatever the first one has.
        answer = await ask(app, "/new", headers={"if-none-match": etag.replace("1", "2"), "x-mine": "yes"})
        assert answer.status == 200 and origin.header("if-none-match") is None and origin.header("x-mine") == "yes"

    run(work())


def test_a_head_is_answered_from_a_page(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        assert (await ask(app, method="HEAD")).how == "miss" and origin.seen[-1]["method"] == "HEAD"
        whole = await ask(app)
        answer = await ask(app, method="HEAD")
        assert (answer.how, answer.status, answer.body) == ("hit", 200, b"") and answer["content-length"] == str(len(whole.body))

    run(work())


def test_what_a_client_says(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)

        async def saying(control: str) -> Any:
            return await ask(app, headers={"cache-control": control})

        answer = await saying("only-if-cached")
        assert (answer.status, origin.calls) == (504, 0)
        await ask(app)
        assert (await saying("only-if-cached")).body == b"hello 1"
        assert (await saying("no-cache")).body == b"hello 2" and (await ask(app)).body == b"hello 2"
        assert (await saying("no-store")).body == b"hello 2"
        assert (await saying("min-fresh=3600")).body == b"hello 3"
        obstinate = cached(origin, cache, ttl=60, ignore_request_directives=True)
        assert (await ask(obstinate, headers={"cache-control": "no-cache"})).body == b"hello 3"

    run(work())


def test_what_is_not_stored(cache: Cache) -> None:
    async def work() -> None:
        for number, headers in enumerate(({"cache-control": "private"}, {"set-cookie": "a=b"}, {"cache-control": "no-store"}, {"vary": "*"})):
            origin = Origin(**headers)
            app = cached(origin, cache, ttl=60)
            answers = [await ask(app, f"/{number}") for _ in range(2)]
            assert [answer.body for answer in answers] == [b"hello 1", b"hello 2"] and {answer.how for answer in answers} == {"miss"}
            assert answers[0].all(next(iter(headers))) == [next(iter(headers.values()))]
        assert (await ask(cached(Origin(), cache), "/9")).how == "miss" and len(cache) == 0

    run(work())


def test_a_cookie_is_for_the_first_one_only(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin(cache_control="public, max-age=60", set_cookie="a=b", access_control_allow_origin="https://a.example")
        app = cached(origin, cache)
        first, second = await ask(app), await ask(app)
        assert first["set-cookie"] == "a=b" and second.all("set-cookie") == second.all("access-control-allow-origin") == []
        assert second.how == "hit"

    run(work())


def test_lifetimes(cache: Cache) -> None:
    async def work() -> None:
        gone = Origin(status=404)
        table = cached(gone, cache, ttl={200: 60, "4xx": 5, "default": "1m"})
        assert (await ask(table))["cache-status"].endswith("ttl=5")
        asked: list[Any] = []

        def ttl(status: int, headers: dict[str, str]) -> int | None:
            asked.append((status, headers["content-type"]))
            return 7 if status == 404 else None

        assert (await ask(cached(gone, cache, ttl=ttl), "/2"))["cache-status"].endswith("ttl=7") and asked == [(404, "text/plain")]
        assert (await ask(cached(Origin(), cache, ttl=ttl), "/3"))["cache-status"].endswith("detail=no-lifetime")

    run(work())


def test_it_is_stale_while_it_is_refreshed(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        cache, tasks = make(), list[Any]()
        origin = Origin()
        app = cached(origin, cache, ttl=0.05, stale_while_revalidate=60, wait_until=tasks.append)
        await ask(app)
        await asyncio.sleep(0.1)
        origin.goes.clear()
        old = [await ask(app) for _ in range(3)]
        assert [(answer.how, answer.body) for answer in old] == [("stale", b"hello 1")] * 3
        await until_on_loop(lambda: origin.calls == 2)
        origin.goes.set()
        assert len(tasks) == 1
        await asyncio.wait_for(tasks[0], LIMIT)
        assert cache.get("GET https://shop.example/").body == b"hello 2"

    run(work())


def test_without_a_hook_the_one_who_refreshes_waits(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        # (What the cache says counts where the middleware says nothing.)
        cache = make(stale_while_revalidate=60)
        origin = Origin()
        app = cached(origin, cache, ttl=0.05)
        await ask(app)
        await asyncio.sleep(0.1)
        answer = await ask(app)
        assert (answer.how, answer.body) == ("miss", b"hello 2")

    run(work())


@pytest.mark.parametrize("fails", ["raises", "answers 500", "answers 503"])
def test_an_old_page_stands_in_for_a_failure(make: Callable[..., Cache], fails: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        cache, origin = make(), Origin()
        app = cached(origin, cache, ttl=0.05, stale_if_error=60)
        await ask(app)
        await asyncio.sleep(0.1)
        origin.raises = ValueError("gone") if fails == "raises" else None
        origin.status = 200 if fails == "raises" else int(fails[-3:])
        origin.goes.clear()
        clients = [asyncio.create_task(ask(app)) for _ in range(3)]
        await until_on_loop(lambda: origin.calls == 2)
        await asyncio.sleep(0.02)
        origin.goes.set()
        answers = await asyncio.gather(*clients)
        assert [(answer.how, answer.status, answer.body) for answer in answers] == [("stale", 200, b"hello 1")] * 3
        assert origin.calls == 2 and caplog.text.count("and its client is not told") == 1
        # Invalidated, it is not served any more.
        await cache.aio.invalidate(prefixes="GET ")
        if fails == "raises":
            with pytest.raises(ValueError, match="gone"):
                await ask(app)
        else:
            assert (await ask(app)).status == origin.status

    run(work())


def test_what_is_not_shared_is_no_failure(make: Callable[..., Cache]) -> None:
    """An application that answers this client alone has answered it."""

    async def work() -> None:
        cache, origin = make(), Origin()
        app = cached(origin, cache, ttl=0.05, stale_if_error=60)
        await ask(app)
        await asyncio.sleep(0.1)
        origin.headers["cache-control"] = "private"
        answer = await ask(app)
        assert (answer.how, answer.body) == ("miss", b"hello 2")

    run(work())


def test_a_refresh_whose_response_is_nobodys_ends(make: Callable[..., Cache], caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        cache, tasks, origin = make(), list[Any](), Origin()
        app = cached(origin, cache, ttl=0.05, stale_while_revalidate=60, wait_until=tasks.append)
        await ask(app)
        await asyncio.sleep(0.1)
        origin.headers["cache-control"] = "private"
        assert (await ask(app)).how == "stale"
        await asyncio.wait_for(tasks[0], LIMIT)
        await until_on_loop(lambda: not responses())
        assert not caplog.text, "it did not fail"
        del origin.headers["cache-control"]
        assert (await ask(app)).how == "miss", "the old page is gone"
        await asyncio.sleep(0.1)
        origin.raises = ValueError("the database is gone")
        assert (await ask(app)).how == "stale"
        await asyncio.wait_for(tasks[1], LIMIT)
        await until_on_loop(lambda: not responses())

    with caplog.at_level(logging.WARNING, "snowmelt"):
        run(work())
    assert "what answers 'GET https://shop.example/' failed (failed), and its client is not told" in caplog.text
    assert "the database is gone" in caplog.text


def test_shared_only(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        origin.goes.clear()
        app = cached(origin, cache, coalesce_only=True)
        clients = [asyncio.create_task(ask(app)) for _ in range(20)]
        await until_on_loop(lambda: origin.calls == 1)
        await asyncio.sleep(0.02)
        origin.goes.set()
        answers = await asyncio.gather(*clients)
        assert {answer.body for answer in answers} == {b"hello 1"} and sorted({answer.how for answer in answers}) == ["coalesced", "miss"]
        assert len(cache) == 0 and (await ask(app)).body == b"hello 2"

    run(work())


def test_some_are_skipped(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60, skip=lambda request: request.path.startswith("/admin") or request.scope["user"] == "root")
        answers = [await ask(app, "/admin/x", user="ada") for _ in range(2)]
        assert [answer.body for answer in answers] == [b"hello 1", b"hello 2"]
        assert answers[0].how == "bypass" and answers[0]["cache-status"] == "Snowmelt; fwd=bypass; detail=skipped"
        assert (await ask(app, user="root")).how == "bypass" and (await ask(app, user="ada")).how == "miss"

    run(work())


def test_keys_of_ones_own(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()

        def tenant(request: Any) -> Any:
            assert (request.method, request.scheme, request.host, request.query, request.body) == ("GET", "https", "shop.example", "a=1", None)
            assert request.event is None and ("host", "shop.example") in request.headers and request.header("X-None") is None
            return request.header("X-Tenant")

        app = cached(origin, cache, ttl=60, key=tenant)

        async def of(name: str) -> bytes:
            return (await ask(app, "/?a=1", headers={"x-tenant": name} if name else {})).body

        assert [await of(name) for name in ("a", "b", "a", "", "b", "")] == [b"hello 1", b"hello 2", b"hello 1", b"hello 3", b"hello 2", b"hello 3"]
        wrong = cached(origin, cache, ttl=60, key=lambda request: 5)
        with pytest.raises(snowmelt.InvalidNameTypeError, match="the option `key` gave the int 5"):
            await ask(wrong)

    run(work())


def test_queries_that_are_sent_as_bodies(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60, methods=["GET", "POST"], key_body=100)

        async def post(body: bytes) -> Any:
            return await ask(app, "/search", "POST", body=body)

        assert [(await post(body)).body for body in (b'{"q": 1}', b'{"q": 2}', b'{"q": 1}')] == [b"hello 1", b"hello 2", b"hello 1"]
        assert origin.bodies == [b'{"q": 1}', b'{"q": 2}']
        long = await post(b"x" * 101)
        assert long.how == "bypass" and origin.bodies[-1] == b"x" * 101
        assert long["cache-status"] == "Snowmelt; fwd=bypass; detail=request-body"

    run(work())


def test_a_body_without_a_length(cache: Cache) -> None:
    """HTTP/2 needs no header that says that there is one."""

    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60, methods=["GET", "POST"], key_body=100)

        async def send(method: str, body: bytes) -> Any:
            client = Client(app, method, "/", http_version="2", body=body)
            client.scope["headers"] = client.scope["headers"][:1]
            return await client.ask()

        assert (await send("POST", b"12")).how == "miss" and (await send("POST", b"12")).how == "hit"
        assert (await send("POST", b"x" * 300)).how == "bypass" and origin.bodies[-1] == b"x" * 300
        assert (await send("GET", b"")).how == "miss" and (await send("GET", b"")).how == "hit"
        plain = cached(origin, cache, ttl=60)
        client = Client(plain, "GET", "/b", http_version="2", body=b"abcd")
        client.scope["headers"] = client.scope["headers"][:1]
        assert (await client.ask()).how == "bypass" and origin.bodies[-1] == b"abcd"

    run(work())


def test_a_write_invalidates_its_url(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        cache = make()
        origin = Origin()
        app = cached(origin, cache, ttl=60, invalidate_unsafe=True)
        await ask(app, "/items/1")
        await ask(app, "/items/2")
        assert (await ask(app, "/items/1", "PUT")).how == "bypass"
        assert (await ask(app, "/items/1")).how == "miss" and (await ask(app, "/items/2")).how == "hit"

    run(work())


def test_what_is_no_request_passes(cache: Cache) -> None:
    async def work() -> None:
        scopes: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scopes.append((scope, receive, send))

        middleware = cached(app, cache, ttl=60)
        for kind in ("lifespan", "websocket"):
            told: Any = ({"type": kind}, object(), object())
            await middleware(*told)
            assert scopes.pop() == told
        # What HTTP does not know is for the application to refuse.
        client = Client(app, "GET", "/")
        client.scope["headers"].append((b"x", b"\x01"))
        await middleware(client.scope, client.receive, client.send)
        assert scopes.pop() == (client.scope, client.receive, client.send)

    run(work())


def test_something_else_is_under_the_key(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        cache.set("GET https://shop.example/", "mine")
        for headers in ({}, {"cache-control": "only-if-cached"}):
            answer = await ask(cached(origin, cache, ttl=60), headers=headers)
            assert answer.status == 200 and answer.body.startswith(b"hello")
        assert cache["GET https://shop.example/"] == "mine"

    run(work())


def test_a_cache_that_copies(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        import copy

        app = cached(Origin(), make(copy=copy.deepcopy, size_of=len), ttl=60)
        assert [(await ask(app)).how for _ in range(2)] == ["miss", "hit"]

    run(work())


def test_pages_have_the_weight_of_their_bytes(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        cache = make(max_weight=10_000, max_entries=100)
        app = cached(Origin(body=b"x" * 4000), cache, ttl=60)
        for number in range(5):
            await ask(app, f"/{number}")
        assert 1 <= len(cache) <= 2

    run(work())


def test_a_closed_cache_says_so(make: Callable[..., Cache]) -> None:
    async def work() -> None:
        cache = make()
        app = cached(Origin(), cache, ttl=60)
        cache.close()
        with pytest.raises(snowmelt.ClosedError):
            await ask(app)

    run(work())


def test_an_application_that_asks_for_its_own_page(cache: Cache) -> None:
    async def work() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await ask(middleware)

        middleware = cached(app, cache, ttl=60)
        with pytest.raises(snowmelt.LoadCycleError):
            await ask(middleware)

    run(work())


def test_nothing_waits_for_the_collector(cache: Cache) -> None:
    """What a response took is let go with it, whether it is stored or not."""
    from snowmelt.http import _asgi, _capture

    def held() -> tuple[int, int]:
        kinds = [type(found) for found in gc.get_objects()]
        return kinds.count(_capture.Capture), kinds.count(_asgi.Exchange)

    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        gc.collect()
        before = held()
        gc.disable()
        try:
            for control in ("public", "private"):
                origin.headers["cache-control"] = control
                for number in range(20):
                    await ask(app, f"/{control}/{number}")
            await until_on_loop(lambda: not responses())
            assert held() == before
        finally:
            gc.enable()

    run(work())
