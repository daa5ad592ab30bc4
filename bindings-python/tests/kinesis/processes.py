"""Processes that the tests talk to by lines. Each ends by its id, and by itself once its input ends."""

from __future__ import annotations

import functools
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import pytest

from ..support import until

_T = TypeVar("_T")

ROOT = Path(__file__).resolve().parents[3]

#: Longer than anything takes on a machine that does much else; short of the runner's own limit.
PATIENCE = 60.0
#: The same for what cargo builds, once, before the first test.
BUILDING = 2400.0


def variables(endpoint: str) -> dict[str, str]:
    """Dummy credentials, and where the API is; nothing may look for others."""
    return {
        "AWS_ENDPOINT_URL_KINESIS": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def environment(endpoint: str) -> dict[str, str]:
    """All that a child is to know."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables(endpoint)}


class Child:
    """A process, and the lines it prints."""

    def __init__(self, command: Sequence[str | Path], env: dict[str, str] | None = None) -> None:
        self.name = " ".join(str(part) for part in command)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        output = self._process.stdout
        assert output is not None
        # A full pipe would stop it.
        self._reader = threading.Thread(target=self._read, args=(output,), name=f"lines of {self.pid}", daemon=True)
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def begin(self, ready: Callable[[], _T]) -> _T:
        """Waits for what it says first; one that does not is ended."""
        try:
            return ready()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self, timeout: float = PATIENCE) -> str:
        """The next line that it prints."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"{self.name} said nothing for {timeout} s") from None
        if line is None:
            raise AssertionError(f"{self.name} ended: {self._process.wait(PATIENCE)}")
        return line

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def freeze(self) -> None:
        """Stops it, as Lambda does between two invocations, and returns when it stands."""
        self._process.send_signal(signal.SIGSTOP)
        told: list[int] = []

        def stands() -> bool:
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            told.append(status)
            return pid != 0

        until(stands, PATIENCE, f"the standstill of {self.name}")
        assert os.WIFSTOPPED(told[-1]), f"{self.name} ended: {told[-1]}"

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends it at once; one that is frozen ends all the same."""
        self._process.kill()
        self._process.wait(PATIENCE)
        with self._process:
            self._reader.join(PATIENCE)


@functools.cache
def programs() -> dict[str, Path]:
    """The workspace's programs that the tests start, built unless they are up to date."""
    made: dict[str, Path] = {}
    for options in _cargo_options():
        command = ["cargo", "build", "--locked", "--quiet", "--message-format=json-render-diagnostics", *options]
        built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=BUILDING)
        for message in map(json.loads, built.stdout.splitlines()):
            if message.get("executable") and not message["profile"]["test"]:
                made[message["target"]["name"]] = Path(message["executable"])
    return made


def _cargo_options() -> Iterator[list[str]]:
    # As part of the whole they are what `cargo test` has built already: alone, their dependencies have fewer features,
    # and are built again.
    if os.environ.get("SNOWMELT_WHOLE_WORKSPACE"):
        yield ["--workspace", "--all-targets"]
    else:
        yield ["-p", "test-peer", "--bin", "snowmelt-test-peer"]
        yield ["-p", "kinesis-double", "--bin", "kinesis-double", "--features", "http"]


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.fail("node is missing: run `.ci/install.sh`, as `make test` does", pytrace=False)
    return found


@functools.cache
def node_program() -> Path:
    """The npm package as a process; built, unless somebody did that."""
    package = ROOT / "bindings-node"
    if not (package / "node_modules").exists():
        pytest.fail("what the npm package needs is not there: run `.ci/install.sh`, as `make test` does", pytrace=False)
    if not (package / "lib" / "index.mjs").exists() or not any(package.glob("npm/*/snowmelt.node")):
        subprocess.run([node(), package / "scripts" / "build.mjs"], check=True, timeout=BUILDING)
    return package / "test" / "kinesis" / "program.mjs"


def answer(line: str, name: str) -> Any:
    """What a line of a peer's says."""
    told = json.loads(line)
    if "error" in told:
        raise PeerError(f"{name}: {told['error']}", told.get("code"))
    return told["ok"]


class PeerError(Exception):
    """What a command failed with in another process."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.code = code
