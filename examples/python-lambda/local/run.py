"""The stream, the stubs, the sandboxes, and in front of them what API Gateway does."""

from __future__ import annotations

import itertools
import re
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .sandbox import ROOT, Sandbox
from .servers import Asked, Reply, Server, reply
from .stubs import products_api, table
from .template import Function, functions

STREAM = "invalidations"
#: How many sandboxes a function has.
SANDBOXES = {"Read": 2, "Invalidate": 1}


class Kinesis:
    """kinesis-local with one stream; it ends when its standard input does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(ROOT / "local" / "kinesis.cjs"), STREAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        said = (re.match(r"listening on (.*)", line) for line in self._process.stdout)
        found = next((match for match in said if match), None)
        if found is None:
            raise RuntimeError(f"kinesis-local ended with {self._process.wait()}")
        self.url = found[1]
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.wait()


class Run:
    """Everything, until the end of `with`."""

    def __init__(self, port: int, say: Callable[[str], None]) -> None:
        self._port = port
        self._say = say
        self._endings: list[Callable[[], None]] = []
        self._turn = itertools.count()
        self._sandboxes: dict[str, list[Sandbox]] = {}
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Run:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        while self._endings:
            self._endings.pop()()

    def _start(self) -> None:
        kinesis = Kinesis()
        self._endings.append(kinesis.end)
        self.pids["kinesis"] = kinesis.pid
        self.products = self._served(products_api())
        prices = self._served(table())
        # What template.yaml's references become.
        values = {"!Ref Invalidations": STREAM, "!Ref Prices": "prices", "!Ref ProductsUrl": f"{self.products.url}/products"}
        for function in functions():
            own = {name: values.get(value, value) for name, value in function.variables.items()}
            self._start_sandboxes(function, {**_aws(kinesis.url, prices.url), **own})
        for sandboxes in self._sandboxes.values():
            for sandbox in sandboxes:
                sandbox.ready()
        self.url = self._served(Server(self._answer, self._port)).url

    def _served(self, server: Server) -> Server:
        self._endings.append(server.close)
        return server

    def _start_sandboxes(self, function: Function, environment: dict[str, str]) -> None:
        logging = {"AWS_LAMBDA_LOG_FORMAT": function.log_format, "AWS_LAMBDA_LOG_LEVEL": function.log_level}
        for number in range(1, SANDBOXES[function.name] + 1):
            name = f"{function.name.lower()} {number}"
            sandbox = Sandbox(name, function.handler, {**environment, **logging}, self._say)
            self._endings.append(sandbox.end)
            self._sandboxes.setdefault(function.name, []).append(sandbox)
            self.pids[name] = sandbox.pid

    def _answer(self, asked: Asked) -> Reply:
        path = asked.path.split("?", 1)[0]
        for function in functions():
            for route in function.routes:
                parameters = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route), f"{asked.method} {path}")
                if parameters:
                    return self._pass_on(function.name, _event(asked, route, path, parameters.groupdict()))
        return reply(404, {"message": "Not Found"})

    def _pass_on(self, function: str, event: dict[str, Any]) -> Reply:
        sandboxes = self._sandboxes[function]
        wanted = event["headers"].get("x-sandbox", "")
        if wanted and wanted not in ("1", "2"):
            return reply(400, {"error": "x-sandbox is 1 or 2"})
        sandbox = sandboxes[(int(wanted) - 1 if wanted else next(self._turn)) % len(sandboxes)]
        answer = sandbox.invoke(event)
        return Reply(answer["statusCode"], answer.get("body", ""), {**answer.get("headers", {}), "x-sandbox": sandbox.name})


def _aws(kinesis: str, dynamodb: str) -> dict[str, str]:
    """What Lambda's own variables and a role are on AWS."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_KINESIS": kinesis,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
    }


def _event(asked: Asked, route: str, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    """A request as an event of API Gateway's payload format 2.0."""
    now = time.time()
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": asked.path.partition("?")[2],
        "headers": asked.headers,
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "http": {"method": asked.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": str(now),
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": int(now * 1000),
        },
        "body": asked.body,
        "isBase64Encoded": False,
    }
