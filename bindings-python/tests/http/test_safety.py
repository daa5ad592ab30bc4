"""Nobody is given what is another's."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from snowmelt import Cache
from snowmelt.http import cached_response

from ..support import until_on_loop
from .asgi import Origin, cached
from .asgi import ask as get
from .test_lambda import event

WINDOWS = "max-age=1, stale-while-revalidate=60, stale-if-error=60"


@pytest.mark.parametrize("is_background", [False, True])
def test_the_old_page_of_another_is_nobody_elses(cache: Cache, is_background: bool) -> None:
    broken: set[str] = set()

    def handler(given: Any, context: Any) -> Any:
        user = given["cookies"][0]
        if user in broken:
            return {"statusCode": 500, "body": f"down for {user}"}
        return {"statusCode": 200, "headers": {"cache-control": WINDOWS, "vary": "cookie"}, "body": f"of {user}"}

    refreshes: list[Any] = []
    options: dict[str, Any] = {"wait_until": refreshes.append} if is_background else {}
    ask = cached_response(cache, **options)(handler)
    assert ask(event(cookies=["alice"]), None)["body"] == "of alice"
    time.sleep(1.2)
    assert ask(event(cookies=["bob"]), None)["body"] == "of bob"
    for refresh in refreshes:
        refresh.result(20)
    broken |= {"alice", "bob", "carol"}
    time.sleep(1.2)
    assert ask(event(cookies=["carol"]), None)["body"] == "down for carol"


def test_paths_that_a_gateway_has_decoded_do_not_collide(cache: Cache) -> None:
    ask = cached_response(cache, ttl=60)(lambda given, context: {"statusCode": 200, "body": given["rawPath"]})
    for path in ("/a b", "/a%20b", "/a%2520b", "/ä", "/%C3%A4"):
        assert ask(event(rawPath=path, cookies=[]), None)["body"] == path
    rest = cached_response(cache, ttl=60)(lambda given, context: {"statusCode": 200, "body": given["path"]})
    for path in ("/a b", "/a%20b"):
        given = event("rest-api", path=path)
        assert "cookie" not in {name.lower() for name in given["headers"]}
        given["requestContext"] = {**given["requestContext"], "path": "/prod" + path}
        assert rest(given, None)["body"] == path


def test_a_header_that_cannot_be_sent_is_as_its_taker_sees_fit(cache: Cache) -> None:
    result = {"statusCode": 200, "headers": {"x-title": "a\nb", "cache-control": "max-age=60"}, "body": "page"}
    ask = cached_response(cache)(lambda given, context: result)
    assert ask(event(), None)["body"] == "page"
    result["headers"] = {"x-title": "Caf\u00e9 \u2013 menu", "cache-control": "max-age=60"}
    assert ask(event(), None)["body"] == "page"


LONG = "max-age=1, stale-while-revalidate=3600, stale-if-error=3600"


@pytest.mark.parametrize("is_background", [False, True])
def test_an_old_page_goes_when_the_new_one_is_not_shared(cache: Cache, is_background: bool) -> None:
    calls = 0

    def handler(given: Any, context: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 3:
            return {"statusCode": 502, "body": "down"}
        return {"statusCode": 200, "headers": {"cache-control": "no-store" if calls > 1 else LONG}, "body": f"call {calls}"}

    refreshes: list[Any] = []
    options: dict[str, Any] = {"wait_until": refreshes.append} if is_background else {}
    ask = cached_response(cache, **options)(handler)
    assert ask(event(), None)["body"] == "call 1"
    time.sleep(1.2)
    assert ask(event(), None)["body"] == ("call 1" if is_background else "call 2")
    for refresh in refreshes:
        refresh.result(20)
    assert ask(event(), None)["body"] == "call 3"
    assert ask(event(), None)["body"] == "down"


@pytest.mark.parametrize("is_background", [False, True])
def test_an_old_page_goes_when_the_new_one_is_not_shared_asgi(cache: Cache, is_background: bool) -> None:
    async def main() -> None:
        calls = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal calls
            calls += 1
            status, control = (502 if calls > 3 else 200), (b"no-store" if calls > 1 else LONG.encode())
            await send({"type": "http.response.start", "status": status, "headers": [(b"cache-control", control)]})
            await send({"type": "http.response.body", "body": b"call %d" % calls})

        refreshes: list[Any] = []
        options: dict[str, Any] = {"wait_until": refreshes.append} if is_background else {}
        site = cached(app, cache, **options)
        assert (await get(site)).body == b"call 1"
        await asyncio.sleep(1.2)
        assert (await get(site)).body == (b"call 1" if is_background else b"call 2")
        if refreshes:
            await asyncio.wait(refreshes, timeout=20)
        assert (await get(site)).body == b"call 3"
        assert (await get(site)).status == 502

    asyncio.run(main())


@pytest.mark.parametrize(
    "odd", [{"body": "abc", "isBase64Encoded": True}, {"body": "\ud800"}, {"statusCode": 70000}, {"statusCode": 99}, {"statusCode": -1}]
)
def test_an_odd_result_is_as_its_taker_sees_fit(cache: Cache, odd: dict[str, Any]) -> None:
    result = {"statusCode": 200, "headers": {"cache-control": "max-age=60"}, "body": "page", **odd}
    ask = cached_response(cache)(lambda given, context: dict(result))
    for _ in range(2):
        given = ask(event(), None)
        assert (given["statusCode"], given["body"]) == (result["statusCode"], result["body"])


def test_a_path_that_was_rewritten_before_is_another_page(cache: Cache) -> None:
    async def main() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
            await send({"type": "http.response.body", "body": scope["path"].encode()})

        site = cached(app, cache)
        for how in ("miss", "hit"):
            for path in ("/page", "/b/page"):
                answer = await get(site, "/page", path=path)
                assert (answer.how, answer.body) == (how, path.encode())
        assert sorted(cache.keys()) == ["GET https://shop.example/page", "GET https://shop.example/page#c:/b/page"]
        cache.clear()
        # As servers and mounts have it.
        for scope in (
            {"raw_path": b"/caf%C3%A9%20x", "path": "/caf\u00e9 x"},
            {"raw_path": b"/api/x", "path": "/api/x", "root_path": "/api"},
            {"raw_path": b"/api/y", "path": "/y", "root_path": "/api"},
            {"raw_path": b"/z", "path": "/api/z", "root_path": "/api"},
            {"raw_path": b"/%zz%FF", "path": "/%zz\ufffd"},
            {"raw_path": b"", "path": "/caf\u00e9"},
            {"raw_path": None, "path": "/plain"},
        ):
            await get(site, **scope)
        assert not [key for key in cache.keys() if "#c:" in key]

    asyncio.run(main())


def test_who_has_credentials_gets_no_page_that_was_made_without(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        cookie = {"cookie": "session=1"}
        answers = [await get(app, headers=headers) for headers in ({}, cookie, {}, cookie, {})]
        assert [(answer.how, answer.body) for answer in answers] == [
            ("miss", b"hello 1"),
            ("miss", b"hello 2"),
            ("hit", b"hello 1"),
            ("miss", b"hello 3"),
            ("hit", b"hello 1"),
        ]

    asyncio.run(work())


def test_who_waits_in_vain_for_one_with_credentials_asks_again(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        cookie = {"cookie": "session=1"}
        origin.goes.clear()
        leader = asyncio.create_task(get(app, headers=cookie))
        await until_on_loop(lambda: origin.calls == 1)
        others = [asyncio.create_task(get(app, headers=headers)) for headers in ({},) * 20 + (cookie,) * 2]
        await asyncio.sleep(0.1)
        assert origin.calls == 1, "all wait"
        origin.goes.set()
        assert (await leader).body == b"hello 1"
        bodies = [(await other).body for other in others]
        assert origin.calls == 4 and len(set(bodies[:20])) == 1 and len(set(bodies)) == 3, bodies

    asyncio.run(work())


def test_who_takes_only_what_is_stored_never_runs_the_handler(cache: Cache) -> None:
    async def work() -> None:
        origin = Origin()
        app = cached(origin, cache, ttl=60)
        await get(app)
        # Those with cookies have a page of their own, and that one varies.
        origin.headers |= {"cache-control": "max-age=60", "vary": "cookie"}
        assert (await get(app, headers={"cookie": "session=1"})).how == "miss"
        other = {"cookie": "session=2"}
        response = await get(app, headers={**other, "cache-control": "only-if-cached"})
        assert (response.status, origin.calls) == (504, 2)
        response = await get(app, method="HEAD", headers=other)
        assert (response["cache-status"], origin.calls) == ("Snowmelt; fwd=miss; detail=head", 3)

    asyncio.run(work())
