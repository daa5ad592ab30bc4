"""A copy of this example somewhere else, as a user has it, and what is run in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", "tests", "node_modules", ".aws-sam", "__pycache__", ".mypy_cache", ".pytest_cache")
#: The Kinesis API's files: of `npm ci` here, or those that the repository's other tests use.
MODULES = [HERE / "local" / "node_modules", HERE.parent.parent / "native" / "tests" / "servers" / "node_modules"]


class Project:
    """The copy. What runs in it runs with this Python, as with that of its own `.venv`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "example"
        shutil.copytree(HERE, self.folder, ignore=LEFT_OUT)
        modules = next((found for found in MODULES if (found / "kinesis-local").is_dir()), None)
        assert modules is not None, "run `npm ci --prefix local` first"
        (self.folder / "local" / "node_modules").symlink_to(modules.resolve())

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def run(self, *command: str, timeout: float = 90) -> str:
        """Runs a program; fails with what it printed."""
        done = subprocess.run(command, cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def local(self) -> Local:
        """`python -m local`, on a free port."""
        return Local(self.folder)


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    source: str | None
    position: str | None
    body: dict[str, Any]


class Local:
    """A local run, until the end of `with`."""

    def __init__(self, folder: Path) -> None:
        self.pids: dict[str, int] = {}
        self.said: list[str] = []
        self.url = self._products = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local", "--port", "0"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard(line)
            if self.url:
                break
        else:
            raise AssertionError("the local run ended:\n" + "".join(self.said))
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _heard(self, line: str) -> None:
        self.said.append(line)
        if found := re.match(r"process (\d+): (.*)", line):
            self.pids[found[2]] = int(found[1])
        elif found := re.match(r"external API: (http://[\d.:]+)/", line):
            self._products = found[1]
        elif found := re.match(r"listening on (.*)", line):
            self.url = found[1]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._heard(line)

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.end("kill")

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: object = None) -> Told:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        try:
            answer: Any = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Told(answer.status, answer.headers["x-from"], answer.headers["x-min-position"], json.load(answer))

    def get(self, sandbox: int, product: int, position: str | None = None) -> Told:
        handed_on = {} if position is None else {"x-min-position": position}
        return self.ask("GET", f"/products/{product}", {"x-sandbox": str(sandbox), **handed_on})

    def requests(self) -> int:
        """How often the external API was asked."""
        with urllib.request.urlopen(f"{self._products}/requests", timeout=20) as answer:
            count: int = json.load(answer)["requests"]
            return count

    def end(self, how: str = "terminate") -> int:
        """Ends it; gives its exit code. All of its processes are gone then."""
        getattr(self._process, how)()
        code = self._process.wait(20)
        left = 50
        while any(state(pid) not in ("gone", "Z") for pid in self.pids.values()):
            assert left > 0, f"still running: {self.pids}"
            left -= 1
            time.sleep(0.1)
        self._listening.join(5)
        return code


def state(pid: int) -> str:
    """A process's state, as proc(5) has it: `T` is stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "gone"


def environment() -> dict[str, str]:
    """No settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "PYTEST_"))}
