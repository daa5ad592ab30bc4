"""AWS Lambda Powertools around and under ``cache.handler``, in any order."""

from __future__ import annotations

import asyncio
import functools
import io
import itertools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("aws_lambda_powertools")

from aws_lambda_powertools import Logger, Metrics, Tracer  # noqa: E402
from aws_lambda_powertools.metrics import MetricUnit  # noqa: E402
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator  # noqa: E402
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, event_source  # noqa: E402

from snowmelt import Cache  # noqa: E402

Make = Callable[..., Cache]
Decorator = Callable[[Any], Any]

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:eu-west-1:1:function:f",
    aws_request_id="id",
)
EVENT = {"path": "/users/1", "httpMethod": "GET", "headers": {}, "requestContext": {}}


@pytest.fixture(autouse=True)
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")


@lambda_handler_decorator
def middleware(handler: Any, event: Any, context: Any) -> Any:
    answer = handler(event, context)
    answer["middleware"] = True
    return answer


def decorators(cache: Cache, out: io.StringIO) -> dict[str, Decorator]:
    metrics = Metrics(namespace="Shop", service="s")
    tracer = Tracer(service="s", disabled=True)
    return {
        "logger": Logger(service="s", stream=out).inject_lambda_context,
        "tracer": tracer.capture_lambda_handler,
        "metrics": metrics.log_metrics,
        "middleware": middleware,
        "cache": cache.handler,
    }


def test_sync_in_any_order(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    reports: list[str] = []
    cache = make(report="json", report_to=reports.append)
    every = decorators(cache, io.StringIO())
    orders = list(itertools.permutations(every))
    for number, order in enumerate(orders):

        def handler(event: Any, context: Any) -> Any:
            Metrics(namespace="Shop", service="s").add_metric(name="Calls", unit=MetricUnit.Count, value=1)
            return {"user": cache.get_or_load(event["path"], lambda: "Ada")}

        decorated: Any = functools.reduce(lambda function, name: every[name](function), order, handler)
        assert decorated(EVENT, CONTEXT) == {"user": "Ada", "middleware": True}
        assert len(reports) == number + 1
        told = json.loads(reports[-1])["snowmelt"]
        assert (told["hits"], told["loads"]) == ((0, 1) if number == 0 else (1, 0))
    for line in capsys.readouterr().out.splitlines():
        json.loads(line)


@pytest.mark.parametrize("outside", [True, False])
def test_event_source(make: Make, outside: bool) -> None:
    reports: list[str] = []
    cache = make(report="json", report_to=reports.append)
    source: Any = event_source(data_class=APIGatewayProxyEvent)

    def handler(event: APIGatewayProxyEvent, context: Any) -> str:
        return str(cache.get_or_load(event.path, lambda: event.http_method))

    decorated = source(cache.handler(handler)) if outside else cache.handler(source(handler))
    assert decorated(EVENT, CONTEXT) == "GET" and len(reports) == 1


def test_async(make: Make) -> None:
    """The tracer and the metrics know coroutines; a Lambda handler around them runs the loop."""
    reports: list[str] = []
    cache = make(report="json", report_to=reports.append)
    tracer = Tracer(service="s", disabled=True)

    @cache.handler
    @tracer.capture_method
    async def answer(event: Any, context: Any) -> Any:
        return await cache.aio.get_or_load(event["path"], lambda: asyncio.sleep(0, "Ada"))

    @Logger(service="s", stream=io.StringIO()).inject_lambda_context
    def handler(event: Any, context: Any) -> Any:
        return asyncio.run(answer(event, context))

    assert [handler(EVENT, CONTEXT) for _ in range(2)] == ["Ada", "Ada"]
    assert [json.loads(line)["snowmelt"]["loads"] for line in reports] == [1, 0]


def test_an_exception_passes_through_all(make: Make) -> None:
    cache = make(report="json", report_to=lambda line: None)
    for order in itertools.permutations(("logger", "tracer", "cache")):
        every = decorators(cache, io.StringIO())

        def handler(event: Any, context: Any) -> Any:
            raise LookupError("no such user")

        decorated: Any = functools.reduce(lambda function, name: every[name](function), order, handler)
        with pytest.raises(LookupError, match="no such user"):
            decorated(EVENT, CONTEXT)


def test_its_logger_takes_over_the_reports(make: Make) -> None:
    """`copy_config_to_registered_loggers` gives our logger its formatter: each line stays one JSON object."""
    import logging

    from aws_lambda_powertools.logging import utils

    ours, out = logging.getLogger("snowmelt"), io.StringIO()
    before = ours.handlers[:], ours.level, ours.propagate
    try:
        logger = Logger(service="reports", stream=out, level="INFO")
        utils.copy_config_to_registered_loggers(source_logger=logger, log_level="INFO", include={"snowmelt"})
        cache = make(report="json")

        @logger.inject_lambda_context
        @cache.handler
        def handler(event: Any, context: Any) -> Any:
            logger.info("reading")
            return cache.get_or_load("k", lambda: "v")

        assert handler(EVENT, CONTEXT) == "v"
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        report = [line["message"] for line in lines if line["message"] != "reading"]
        assert len(report) == 1
        message = report[0] if isinstance(report[0], dict) else json.loads(report[0])
        assert message["snowmelt"]["loads"] == 1
    finally:
        ours.handlers[:], ours.level, ours.propagate = before
