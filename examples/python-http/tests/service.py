"""A Kinesis API, and two instances of the service beside it, all on the loopback."""

from __future__ import annotations

import http.client
import json
import os
import re
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
STREAM = "products"


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    how: str
    headers: dict[str, str]
    body: Any


class Service:
    """One uvicorn."""

    def __init__(self, kinesis: str, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"],
            cwd=HERE,
            env=_environment(kinesis) | {"INVALIDATION_STREAM": STREAM, "DATABASE": str(database)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._port = 0
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        deadline = time.monotonic() + 60
        while not self._port:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise AssertionError("the service did not start:\n" + "".join(self.said))
            time.sleep(0.05)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self.said.append(line)
                if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                    self._port = int(found[1])

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Told:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        with closing(connection):
            data = None if body is None else json.dumps(body)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, {"content-type": "application/json", **named})
            answer = connection.getresponse()
            text = answer.read()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Told(answer.status, told["x-cache"], told, json.loads(text) if text else None)

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
