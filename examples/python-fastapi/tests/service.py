"""A Kinesis API, and the service beside it, both on the loopback."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
KINESIS = HERE.parent.parent / "native" / "tests" / "servers" / "kinesis-local.cjs"
STREAM = "users"


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    worker: int
    position: str | None
    cookie: str | None
    body: Any


class Client:
    """One connection, and so one worker."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: object = None) -> Told:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
        answer = self._connection.getresponse()
        text = answer.read()
        cookie = re.match(r"(min_position=[^;]+)", answer.headers["set-cookie"] or "")
        return Told(
            status=answer.status,
            worker=int(answer.headers["x-worker"] or 0),
            position=answer.headers["x-min-position"],
            cookie=cookie[1] if cookie else None,
            body=json.loads(text) if text else None,
        )

    def get(self, user_id: int, **headers: str) -> Told:
        return self.ask("GET", f"/users/{user_id}", {name.replace("_", "-"): value for name, value in headers.items()})

    def put(self, user_id: int, name: str) -> Told:
        return self.ask("PUT", f"/users/{user_id}", body={"name": name})

    def stats(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", "/stats").body
        return told

    def close(self) -> None:
        self._connection.close()


class Service:
    """uvicorn with two workers."""

    def __init__(self, kinesis: str, database: Path, stream: str = STREAM) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app.main:app", "--workers", "2", "--port", "0"],
            cwd=HERE,
            env=_environment(kinesis) | {"INVALIDATION_STREAM": stream, "DATABASE": str(database)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self.port = 0
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self._wait_for_workers()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self.said.append(line)
                if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                    self.port = int(found[1])

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + 60
        while sum("Application startup complete" in line for line in self.said) < 2:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise AssertionError("the service did not start:\n" + "".join(self.said))
            time.sleep(0.05)

    @contextmanager
    def two_clients(self) -> Iterator[tuple[Client, Client]]:
        """A connection to each worker: while one of them is stopped, the other one answers."""
        with closing(Client(self.port)) as first, closing(Client(self.port)) as second:
            worker = first.ask("GET", "/stats").worker
            os.kill(worker, signal.SIGSTOP)
            try:
                assert second.ask("GET", "/stats").worker != worker
            finally:
                os.kill(worker, signal.SIGCONT)
            yield first, second

    def end(self) -> int:
        """Ends it as an operator does; gives its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(30)
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._listening.join(5)


@contextmanager
def kinesis_local() -> Iterator[str]:
    """A Kinesis API with the stream; its URL."""
    process = subprocess.Popen(
        ["node", str(KINESIS)],
        env=os.environ | {"INITIALIZE_STREAMS": f"{STREAM}:1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = (re.match(r"listening on (.*)", line) for line in process.stdout)
        yield next(found[1] for found in said if found)
        process.kill()


def _environment(kinesis: str) -> dict[str, str]:
    """No settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "PYTEST_", "UVICORN_"))}
    own = {
        "AWS_ENDPOINT_URL_KINESIS": kinesis,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return kept | own
