"""Lambda sandboxes: each a process that keeps its memory, and that is frozen between two invocations."""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .servers import Asked, Reply, Server, reply

#: The Runtime API that a sandbox asks for events and gives its answers to.
API = "/2018-06-01/runtime"
ROOT = Path(__file__).parent.parent
#: How long an invocation may take, in seconds.
TIMEOUT = 15


class Sandbox:
    """As Lambda has it: one invocation at a time, and no time at all in between.

    The process runs the runtime client that Lambda itself runs. When that asks for the next event, it is stopped (SIGSTOP), with
    all of its threads; an event lets it go on.
    """

    def __init__(self, name: str, handler: str, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self.name = name
        self._say = say
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)
        self._events: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._frozen = threading.Event()
        self._api = Server(self._runtime_api)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.runtime", str(os.getpid()), handler],
            cwd=ROOT / "src",
            env={**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.port}", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.pid = self._process.pid
        threading.Thread(target=self._listen, daemon=True).start()

    def ready(self) -> None:
        """Waits until it has initialised and is frozen for the first time."""
        while not self._frozen.wait(0.1):
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode} while it initialised")

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Thaws it for one event; gives what its handler returned."""
        with self._turn:
            self.ready()
            self._events.put((str(next(self._numbers)), json.dumps(event)))
            answer: dict[str, Any] = self._answers.get(timeout=TIMEOUT)
            return answer

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.wait()
        self._api.close()

    def _runtime_api(self, asked: Asked) -> Reply:
        if asked.path == f"{API}/invocation/next":
            return self._next()
        if asked.path.endswith("/response"):
            self._answers.put(json.loads(asked.body))
        elif asked.path.endswith("/error"):
            # Its log has said why.
            self._answers.put({"statusCode": 502, "body": json.dumps({"message": "Internal Server Error"})})
        return reply(202, {"status": "OK"})

    def _next(self) -> Reply:
        os.kill(self.pid, signal.SIGSTOP)
        self._frozen.set()
        number, event = self._events.get()
        self._frozen.clear()
        os.kill(self.pid, signal.SIGCONT)
        headers = {
            "content-type": "application/json",
            "lambda-runtime-aws-request-id": number,
            "lambda-runtime-deadline-ms": str(int((time.time() + TIMEOUT) * 1000)),
            "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:local",
        }
        return Reply(200, event, headers)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._say(f"{self.name}: {line.rstrip()}")
