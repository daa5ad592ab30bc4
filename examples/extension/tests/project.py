"""A copy of this example somewhere else, as a user has it, and what is run in it."""

from __future__ import annotations

import functools
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
from pathlib import Path
from typing import Any

from local.demo import CATCH_UP

HERE = Path(__file__).parent.parent
ROOT = HERE.parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", "tests", "node_modules", ".aws-sam", "__pycache__", ".mypy_cache", ".pytest_cache")
#: The Kinesis API's files: of `npm ci` here, or those that the repository's other tests use.
MODULES = [HERE / "local" / "node_modules", ROOT / "native" / "tests" / "servers" / "node_modules"]

@functools.cache
def extension() -> Path:
    """The extension as it is built for the tests, unless SNOWMELT_EXTENSION names another one."""
    if told := os.environ.get("SNOWMELT_EXTENSION"):
        return Path(told)
    # As part of the whole it is what `cargo test` has built already: alone, its dependencies have fewer features.
    whole = ["--workspace", "--all-targets"] if os.environ.get("SNOWMELT_WHOLE_WORKSPACE") else ["-p", "snowmelt-extension"]
    command = ["cargo", "build", "--locked", "--quiet", "--message-format=json-render-diagnostics", *whole]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told_of = [json.loads(line) for line in built.stdout.splitlines()]
    (binary,) = (
        message["executable"]
        for message in told_of
        if message.get("executable") and message["target"]["name"] == "snowmelt-extension" and not message["profile"]["test"]
    )
    return Path(binary)


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


class Local:
    """A local run, until the end of `with`."""

    def __init__(self, folder: Path) -> None:
        self.pids: dict[str, int] = {}
        self.said: list[str] = []
        self.url = ""
        command = [sys.executable, "-m", "local", "--port", "0"]
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            answer: Any = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, json.load(answer)

    def greet(self, function: str, name: str = "Ada") -> dict[str, Any]:
        status, told = self.ask("GET", f"/{function}/{name}")
        assert status == 200, (status, told, self.said[-20:])
        return told

    def change(self, path: str, text: str) -> None:
        """In AWS; then the stream has it, and what is older is looked after."""
        assert self.ask("PUT", path, text)[0] == 200
        time.sleep(CATCH_UP)

    def greet_anew(self, function: str) -> dict[str, Any]:
        """At once, but where the machine is too busy for a catch-up to end in its budget; never past `max_lag`."""
        deadline = time.monotonic() + 10
        while (told := self.greet(function))["from"] == "memory" and time.monotonic() < deadline:
            time.sleep(0.2)
        return told

    def greet_again(self, function: str) -> dict[str, Any]:
        """From memory: at once, unless the stream tells of an older change once more, which it may, or is out of reach for too long."""
        deadline = time.monotonic() + 20
        while (told := self.greet(function))["from"] != "memory":
            assert time.monotonic() < deadline, self.said[-20:]
            time.sleep(0.2)
        return told

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
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "PYTEST_"))}
    return {**kept, "SNOWMELT_EXTENSION": str(extension())}
