"""The decorator, with events as AWS documents them."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache
from snowmelt.http import Page, cached_response

from ..support import ended, until

EVENTS = {path.stem: json.loads(path.read_text("utf-8")) for path in (Path(__file__).parent / "events").glob("*.json")}
KEYS = {
    "rest-api": "GET https://abcdef1234.execute-api.us-east-1.amazonaws.com/prod/my/path?parameter1=value1&parameter1=value2&parameter2=a%20value",
    "http-api": "GET https://abcdef1234.execute-api.us-east-1.amazonaws.com/my/path?parameter1=value1&parameter1=value2&parameter2=value",
    "function-url": "GET https://abcdefghijklmnop.lambda-url.us-east-1.on.aws/my/path?parameter1=value1&parameter1=value2&parameter2=value",
    "load-balancer": "GET https://lambda-846800462.us-east-2.elb.amazonaws.com/my/path?parameter1=value1&parameter2=a%20value",
    "load-balancer-multi-value": "GET https://lambda-846800462.us-east-2.elb.amazonaws.com/my/path?parameter1=value1&parameter1=value2&parameter2=a%20value",
}
PUBLIC = {"content-type": "application/json", "cache-control": "public, max-age=60", "cache-tag": "products"}


def event(name: str = "http-api", **changes: Any) -> Any:
    return {**copy.deepcopy(EVENTS[name]), **changes}


def with_header(given: Any, name: str, value: str) -> Any:
    if given.get("multiValueHeaders"):
        given["multiValueHeaders"][name] = [value]
    given.setdefault("headers", {})[name] = value
    return given


def fields(result: Any) -> dict[str, list[str]]:
    """All header fields of a result, whatever its form."""
    found = {name: [value] for name, value in result.get("headers", {}).items()}
    found.update(result.get("multiValueHeaders", {}))
    if "cookies" in result:
        found["set-cookie"] = result["cookies"]
    return found


class Handler:
    """Counts its calls, and returns what it is told to."""

    def __init__(self, **result: Any) -> None:
        self.result = {"statusCode": 200, "headers": PUBLIC, "body": '{"n": %d}', **result}
        self.events: list[Any] = []
        self.raises: Exception | None = None

    def __call__(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        if self.raises is not None:
            raise self.raises
        body = self.result["body"]
        return {**self.result, "body": body % len(self.events) if isinstance(body, str) and "%d" in body else body}


def decorated(cache: Cache, handler: Any, **options: Any) -> Any:
    return cached_response(cache, **options)(handler)


def test_there_are_events() -> None:
    assert EVENTS.keys() == KEYS.keys()


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_result_answers_the_next_events(cache: Cache, name: str, is_async: bool) -> None:
    handler = Handler()
    if is_async:

        async def later(event: Any, context: Any) -> Any:
            await asyncio.sleep(0)
            return handler(event, context)

        asynchronous = decorated(cache, later, ignore_cookies=True)

        def ask(given: Any) -> Any:
            return asyncio.run(asynchronous(given, None))

    else:
        ask = lambda given: decorated(cache, handler, ignore_cookies=True)(given, None)  # noqa: E731
    first, second = ask(event(name)), ask(event(name))
    assert cache.keys() == [KEYS[name]] and len(handler.events) == 1
    assert first["body"] == second["body"] == '{"n": 1}' and not second["isBase64Encoded"] and second["statusCode"] == 200
    assert fields(first)["x-cache"] == ["miss"] and fields(second)["x-cache"] == ["hit"]
    assert fields(second)["content-type"] == ["application/json"] and "cache-tag" not in fields(second)
    has_several = name == "load-balancer-multi-value"
    assert ("multiValueHeaders" in second, "headers" in second) == (has_several, not has_several)
    has_it = ask(with_header(event(name), "If-None-Match", fields(first)["etag"][0]))
    assert (has_it["statusCode"], has_it["body"]) == (304, "")
    cache.invalidate(tags="products")
    assert ask(event(name))["body"] == '{"n": 2}'


@pytest.mark.parametrize("name", KEYS)
def test_the_handler_does_not_see_what_its_client_has(cache: Cache, name: str) -> None:
    handler = Handler()
    given = with_header(with_header(event(name), "If-None-Match", '"x"'), "X-Mine", "yes")
    before = copy.deepcopy(given)
    decorated(cache, handler)(given, None)
    assert given == before
    (seen,) = handler.events
    for part in ("headers", "multiValueHeaders"):
        if seen.get(part):
            names = {name.lower() for name in seen[part]}
            assert "if-none-match" not in names and "x-mine" in names
    assert {each: seen[each] for each in seen if "eaders" not in each} == {each: given[each] for each in given if "eaders" not in each}


def test_the_key_bugs_of_stampede(cache: Cache) -> None:
    handler = Handler()
    ask = decorated(cache, handler)
    queries = ["a=1&b=2", "a=2&b=1", "ab=12", "", "a=1"]
    bodies = [ask(event(rawQueryString=query), None)["body"] for query in queries]
    assert len(set(bodies)) == len(queries)
    for method in ("POST", "PUT", "DELETE"):
        other = event(rawQueryString="a=1")
        other["requestContext"]["http"]["method"] = method
        result = ask(other, None)
        assert result["body"] not in bodies and fields(result)["x-cache"] == ["bypass"]
    assert [ask(event(rawQueryString=query), None)["body"] for query in queries] == bodies


def test_two_apis_of_one_domain(cache: Cache) -> None:
    """What leads to each is cut off the path."""
    ask = decorated(cache, Handler())
    bodies = set()
    for api in ("first", "second"):
        given = with_header(event(), "host", "api.example.com")
        given["requestContext"].update(domainName="api.example.com", domainPrefix="api", apiId=api)
        bodies.add(ask(given, None)["body"])
    assert len(bodies) == 2


@pytest.mark.parametrize("name", KEYS)
def test_bytes(cache: Cache, name: str) -> None:
    data = bytes(range(256))
    handler = Handler(body=base64.b64encode(data).decode(), isBase64Encoded=True, headers={"content-type": "image/png"})
    ask = decorated(cache, handler, ttl=60, ignore_cookies=True)
    results = [ask(event(name), None) for _ in range(2)]
    assert [base64.b64decode(result["body"]) for result in results] == [data] * 2 and all(result["isBase64Encoded"] for result in results)
    assert fields(results[1])["content-length"] == ["256"]
    page: Page = cache[KEYS[name]]
    assert page.body == data and page.status == 200


@pytest.mark.parametrize("name", KEYS)
def test_cookies_are_for_the_first_one_only(cache: Cache, name: str) -> None:
    several = {"multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}
    handler = Handler(**({"cookies": ["a=1", "b=2"]} if name in ("http-api", "function-url") else several))
    ask = decorated(cache, handler)
    first, second = (ask(event(name), None) for _ in range(2))
    assert fields(first)["set-cookie"] == (["b=2"] if name == "load-balancer" else ["a=1", "b=2"])
    assert "set-cookie" not in fields(second) and fields(second)["x-cache"] == ["hit"]


@pytest.mark.parametrize("name", KEYS)
def test_what_is_not_stored_is_the_handlers(cache: Cache, name: str) -> None:
    handler = Handler(headers={"Cache-Control": "private", "X-Mine": 5, "X-Flag": True}, statusDescription="200 OK")
    ask = decorated(cache, handler, ttl=60)
    results = [ask(event(name), None) for _ in range(2)]
    assert [result["body"] for result in results] == ['{"n": 1}', '{"n": 2}'] and results[0]["statusDescription"] == "200 OK"
    assert fields(results[0])["x-mine"] == ["5"] and fields(results[0])["x-flag"] == ["true"] and fields(results[0])["x-cache"] == ["miss"]


@pytest.mark.parametrize("given", [{"n": 1}, [1, 2], "hello", 5, True])
@pytest.mark.parametrize("name", ["http-api", "function-url"])
def test_results_without_a_status(cache: Cache, name: str, given: Any) -> None:
    """As API Gateway reads them."""
    ask = decorated(cache, lambda event, context: given, ttl=60, ignore_cookies=True)
    results = [ask(event(name), None) for _ in range(2)]
    for result in results:
        assert result["statusCode"] == 200 and fields(result)["content-type"] == ["application/json"]
        assert result["body"] == given if isinstance(given, str) else json.loads(result["body"]) == given
    assert fields(results[1])["x-cache"] == ["hit"]


@pytest.mark.parametrize("given", [None, 5, {"n": 1}, {"statusCode": "many"}, {"statusCode": 200, "body": {"n": 1}}, {"statusCode": 200, "headers": 5}])
def test_what_is_no_result_is_passed_on(cache: Cache, given: Any) -> None:
    ask = decorated(cache, lambda event, context: given, ttl=60)
    assert ask(event("rest-api"), None) is given and len(cache) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"Records": [{"eventSource": "aws:sqs"}]},
        {"source": "aws.events", "detail": {}},
        None,
        "text",
        {"httpMethod": "GET"},
        {"httpMethod": "GET", "requestContext": {}, "headers": 5},
        {"httpMethod": 5, "requestContext": {}, "path": "/"},
        {"version": "2.0", "requestContext": {"http": {}}},
        {"version": "2.0", "requestContext": {"http": {"method": "GET"}}, "headers": {"a b": "c"}},
        {"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "body": "é", "isBase64Encoded": True},
    ],
)
def test_other_events_are_the_handlers(cache: Cache, given: Any) -> None:
    handler = Handler()
    result = decorated(cache, handler, ttl=60)(given, None)
    assert handler.events == [given] and result == {"statusCode": 200, "headers": PUBLIC, "body": '{"n": 1}'}


def test_a_handler_that_raises(cache: Cache) -> None:
    handler = Handler()
    handler.raises = ValueError("the database is gone")
    ask = decorated(cache, handler)
    for _ in range(2):
        with pytest.raises(ValueError, match="the database is gone"):
            ask(event(), None)
    handler.raises = None
    assert fields(ask(event(), None))["x-cache"] == ["miss"] and len(handler.events) == 3


def test_an_old_result_stands_in_for_a_failure(make: Callable[..., Cache]) -> None:
    handler, cache = Handler(headers={}), make(stale_if_error=60)
    ask = decorated(cache, handler, ttl=0.05, ignore_cookies=True)
    ask(event(), None)
    threading.Event().wait(0.1)
    handler.raises = ValueError("gone")
    assert fields(ask(event(), None))["x-cache"] == ["stale"]
    handler.raises = None
    handler.result["statusCode"] = 503
    old = ask(event(), None)
    assert old["statusCode"] == 200 and fields(old)["x-cache"] == ["stale"]
    handler.result.update(statusCode=200, headers={"cache-control": "private"})
    assert fields(ask(event(), None))["x-cache"] == ["miss"]


def test_it_is_stale_while_it_is_refreshed(make: Callable[..., Cache], caplog: pytest.LogCaptureFixture) -> None:
    handler, cache, refreshes = Handler(headers={}), make(stale_while_revalidate=60), list[Any]()
    ask = decorated(cache, handler, ttl=0.05, ignore_cookies=True, wait_until=refreshes.append)
    ask(event(), None)
    threading.Event().wait(0.1)
    handler.raises = ValueError("the database is gone")
    assert fields(ask(event(), None))["x-cache"] == ["stale"]
    refreshes[0].result(20)
    assert caplog.text.count("and its client is not told") == 1 and "the database is gone" in caplog.text
    handler.raises = None
    threading.Event().wait(0.05)
    assert fields(ask(event(), None))["x-cache"] == ["stale"]
    refreshes[1].result(20)
    assert ask(event(), None)["body"] == '{"n": 3}'


def test_a_lifetime_is_a_function_of_status_and_headers(cache: Cache) -> None:
    seen = list[Any]()
    handler = cached_response(cache, ttl=lambda status, headers: seen.append((status, headers)))(
        lambda event, context: {"statusCode": 200, "headers": {"X-One": "1"}, "multiValueHeaders": {"x-two": ["2", "3"]}, "body": "x"}
    )
    handler(EVENTS["rest-api"], None)
    assert seen == [(200, {"x-one": "1", "x-two": "2, 3"})]


def test_threads_share_one_call(cache: Cache) -> None:
    """As where a function serves several events at a time."""
    goes, calls, results = threading.Event(), list[int](), list[Any]()

    def handler(event: Any, context: Any) -> Any:
        calls.append(1)
        assert goes.wait(20)
        return {"statusCode": 200, "headers": PUBLIC, "body": "x"}

    ask = decorated(cache, handler)
    threads = [threading.Thread(target=lambda: results.append(ask(event(), None))) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: calls)
    threading.Event().wait(0.05)
    goes.set()
    ended(threads)
    assert len(calls) == 1 and len(results) == 8
    assert sum(fields(result)["x-cache"] == ["miss"] for result in results) == 1


def test_who_waited_for_what_is_not_shared_runs_theirs(cache: Cache) -> None:
    async def work() -> None:
        calls, goes = 0, asyncio.Event()

        @cached_response(cache)
        async def handler(event: Any, context: Any) -> Any:
            nonlocal calls
            calls += 1
            number = calls
            await goes.wait()
            if number == 1:
                raise ValueError("the first one")
            return {"statusCode": 200, "headers": {"cache-control": "private"}, "body": str(number)}

        asking = [asyncio.create_task(handler(event(), None)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert calls == 1
        goes.set()
        told = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 20)
        assert isinstance(told[0], ValueError) and sorted(result["body"] for result in told[1:]) == ["2", "3", "4"]

    asyncio.run(work())


def test_bodies_keys_and_skips(cache: Cache) -> None:
    handler = Handler()

    def tenant(request: Any) -> str:
        assert request.scope is None and (request.method == "GET" or request.body)
        claims: dict[str, str] = request.event["requestContext"]["authorizer"]["jwt"]["claims"]
        return claims["tenant"]

    ask = decorated(cache, handler, methods=["GET", "POST"], key_body="1kb", key=tenant, skip=lambda request: request.path == "/admin")

    def post(body: str) -> Any:
        given = event(body=base64.b64encode(body.encode()).decode(), isBase64Encoded=True)
        given["requestContext"]["http"]["method"] = "POST"
        return ask(given, None)["body"]

    assert [post("1"), post("2"), post("1")] == ['{"n": 1}', '{"n": 2}', '{"n": 1}']
    other = event()
    other["requestContext"]["authorizer"]["jwt"]["claims"]["tenant"] = "other"
    assert [ask(event(), None)["body"], ask(other, None)["body"], ask(event(), None)["body"]] == ['{"n": 3}', '{"n": 4}', '{"n": 3}']
    assert fields(ask(event(rawPath="/admin"), None))["x-cache"] == ["bypass"]


def test_only_what_is_cached_and_what_is_new(cache: Cache) -> None:
    ask = decorated(cache, Handler(), ttl=60)

    def saying(control: str) -> Any:
        return ask(with_header(event(), "cache-control", control), None)

    assert saying("only-if-cached")["statusCode"] == 504
    assert saying("no-cache")["body"] == '{"n": 1}' and saying("only-if-cached")["body"] == '{"n": 1}'
    assert saying("no-cache")["body"] == '{"n": 2}' and ask(event(), None)["body"] == '{"n": 2}'


def test_a_write_invalidates_its_url(make: Callable[..., Cache]) -> None:
    ask = decorated(make(), Handler(), invalidate_unsafe=True)
    put = event()
    put["requestContext"]["http"]["method"] = "PUT"
    assert [ask(event(), None)["body"], ask(put, None)["body"], ask(event(), None)["body"]] == ['{"n": 1}', '{"n": 2}', '{"n": 3}']


def test_it_goes_with_the_handler_of_a_cache(make: Callable[..., Cache]) -> None:
    cache = make()

    @cache.handler
    @cached_response(cache, ttl=60, ignore_cookies=True)
    def handler(event: Any, context: Any) -> Any:
        """Its own text."""
        return {"statusCode": 200, "body": context}

    assert [handler(event(), "a")["body"], handler(event(), "b")["body"]] == ["a", "a"]
    assert handler.__name__ == "handler" and handler.__doc__ == "Its own text."
    assert cache.stats().hits == 1


@pytest.mark.parametrize("what", [5, int, lambda event, context: (yield event)])
def test_what_is_no_handler(cache: Cache, what: Any) -> None:
    with pytest.raises(snowmelt.ArgumentTypeError, match="give a handler"):
        cached_response(cache)(what)
