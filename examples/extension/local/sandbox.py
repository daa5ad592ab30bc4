"""A Lambda sandbox: a runtime and an extension, which keep their memory, and which are frozen between two invocations.

What they talk to is imitated from its documentation: "Using the Lambda runtime API for custom runtimes" and "Using the Lambda
Extensions API to create extensions" of the AWS Lambda developer guide. The order is that of the latter: the extension has to
register before the runtime starts, and the sandbox is frozen when both have asked for what comes next.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .servers import Asked, Reply, Server, reply
from .template import Function

ROOT = Path(__file__).parent.parent
RUNTIME, EXTENSION = "/2018-06-01/runtime", "/2020-01-01/extension"
#: Seconds that an invocation, and the start of both, may take.
TIMEOUT = 20
#: Seconds that Lambda gives to extensions for their end.
SHUTDOWN = 2


class Part:
    """The runtime or the extension: a process that asks for events."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[tuple[dict[str, str], str]] = queue.SimpleQueue()
        self.asks = threading.Event()
        self.process: subprocess.Popen[str] | None = None

    def start(self, command: list[str], folder: Path, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.child", str(os.getpid()), *command],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, args=(self.process, say), daemon=True).start()

    def next(self) -> Reply:
        """Waits for an event; for as long as that takes."""
        self.asks.set()
        headers, body = self.events.get()
        return Reply(200, body, {"content-type": "application/json", **headers})

    def hand(self, headers: dict[str, str], event: object) -> None:
        self.asks.clear()
        self.events.put((headers, json.dumps(event)))

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    @staticmethod
    def _listen(process: subprocess.Popen[str], say: Callable[[str], None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            say(line.rstrip())


class Sandbox:
    """One function with its extension."""

    def __init__(self, function: Function, extension: Path, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self.name = function.name
        self.runtime, self.extension = Part(), Part()
        self._say = say
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._registered = threading.Event()
        self._api = Server(self._answer)
        folder = ROOT / function.folder
        # Here all sandboxes share one loopback.
        ports = zip(("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "SNOWMELT_PORT"), map(str, _free_ports(2)), strict=True)
        told = {**environment, **dict(ports), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.port}"}
        told |= {"LAMBDA_TASK_ROOT": str(folder), "AWS_LAMBDA_FUNCTION_NAME": self.name}
        self.variables = told
        try:
            self.extension.start([str(extension)], folder, told, lambda line: say(f"{self.name}: extension: {line}"))
            self._wait(self._registered, "the extension has not registered")
            self.runtime.start(_runtime(function, folder), folder, told, lambda line: say(f"{self.name}: {line}"))
            self._freeze()
        except BaseException:
            self.end()
            raise

    def invoke(self, event: object) -> Any:
        """Thaws both for one event; gives what the handler returned, or None if it failed."""
        with self._turn:
            number = str(next(self._numbers))
            deadline = str(int((time.time() + TIMEOUT) * 1000))
            arn = "arn:aws:lambda:us-east-1:123456789012:function:local"
            invoked = {"eventType": "INVOKE", "deadlineMs": int(deadline), "requestId": number, "invokedFunctionArn": arn}
            self.extension.hand({"lambda-extension-event-identifier": number}, invoked)
            names = ("aws-request-id", "deadline-ms", "invoked-function-arn")
            headers = {f"lambda-runtime-{name}": value for name, value in zip(names, (number, deadline, arn), strict=True)}
            self.runtime.hand(headers, event)
            self._signal(signal.SIGCONT)
            answer = self._answers.get(timeout=TIMEOUT)
            self._freeze()
            return answer

    def shut_down(self) -> tuple[int | None, float]:
        """Ends the sandbox as Lambda does; gives the extension's exit code, and how many seconds that took it."""
        with self._turn:
            self._signal(signal.SIGCONT)
            self.runtime.end()
            began = time.monotonic()
            event = {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": int((time.time() + SHUTDOWN) * 1000)}
            self.extension.hand({}, event)
            assert self.extension.process is not None
            try:
                self.extension.process.wait(SHUTDOWN)
            except subprocess.TimeoutExpired:
                self._say(f"{self.name}: the extension did not end in time")
            took = time.monotonic() - began
            code = self.extension.process.poll()
        self.end()
        return code, took

    def end(self) -> None:
        """Kills both."""
        self.runtime.end()
        self.extension.end()
        self._api.close()

    def _freeze(self) -> None:
        self._wait(self.extension.asks, "the extension asks for no event")
        self._wait(self.runtime.asks, "the runtime asks for no event")
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        self.extension.signal(number)
        self.runtime.signal(number)

    def _wait(self, event: threading.Event, otherwise: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not event.wait(0.05):
            ended = any(part.process is not None and part.process.poll() is not None for part in (self.runtime, self.extension))
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {otherwise}")

    def _answer(self, asked: Asked) -> Reply:
        if asked.path.startswith(EXTENSION):
            return self._of_extension(asked, asked.path.removeprefix(EXTENSION))
        if asked.path == f"{RUNTIME}/invocation/next":
            return self.runtime.next()
        if asked.path.endswith("/response"):
            self._answers.put(json.loads(asked.body))
        elif asked.path.endswith("/error"):
            # Its log has said why.
            self._answers.put(None)
        return reply(202, {"status": "OK"})

    def _of_extension(self, asked: Asked, path: str) -> Reply:
        if path == "/register" and "lambda-extension-name" in asked.headers:
            self._registered.set()
            function = {"functionName": self.name, "functionVersion": "$LATEST", "handler": "greet.handler"}
            return Reply(200, json.dumps(function), {"lambda-extension-identifier": self.name})
        if asked.headers.get("lambda-extension-identifier") != self.name:
            return reply(403, {"errorType": "Extension.UnknownExtensionIdentifier", "errorMessage": "not registered"})
        if path == "/event/next":
            return self.extension.next()
        self._say(f"{self.name}: {path}: {asked.body}")
        return reply(202, {"status": "OK"})


def _runtime(function: Function, folder: Path) -> list[str]:
    if function.runtime.startswith("python"):
        # What a function imports is in its own folder, as in Lambda.
        return [sys.executable, "-m", "awslambdaric", function.handler]
    return ["node", str(ROOT / "local" / "runtime.mjs"), str(folder), function.handler]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
