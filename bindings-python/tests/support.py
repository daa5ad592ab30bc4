"""What several test files need."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

#: How many times longer the tests are that run for long: 10 before a release.
LONGER = int(os.environ.get("SNOWMELT_TEST_LONGER", "1"))

#: Where every random choice starts from. Tests that use it print it.
SEED = int(os.environ.get("SNOWMELT_TEST_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


def in_thread(run: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(20)


def until(holds: Callable[[], Any], seconds: float = 10, what: str = "what was waited for") -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s"
        time.sleep(0.005)


async def until_on_loop(holds: Callable[[], Any], seconds: float = 10, what: str = "what was waited for") -> None:
    """The same, where others on the loop have to go on meanwhile."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s"
        await asyncio.sleep(0)


def ended(threads: Collection[threading.Thread], seconds: float = 20) -> None:
    """Waits for threads, all of which have to end."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in threads if thread.is_alive()]
    assert not left, f"{left} did not end in {seconds} s"


def run_python(program: str, *options: str, seconds: float = 30, **environment: str) -> str:
    """Runs a program of its own to its end, which has to be a good one, and gives its output."""
    command = [sys.executable, "-X", "faulthandler", "-W", "error", *options, "-c", textwrap.dedent(program)]
    pipe = subprocess.PIPE
    environment = {**os.environ, **environment}
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True) as running:
        try:
            out, said = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            out, said = _aborted(running)
            raise AssertionError(f"it has not ended after {seconds} s, or a child of it has its output open\n{out}\n{said}") from None
    assert (running.returncode, said) == (0, ""), f"exit code {running.returncode}\n{out}\n{said}"
    return out


def _aborted(running: subprocess.Popen[str]) -> tuple[str, str]:
    """What a process and its children say, and where they hang. (A child that hangs keeps its parent's output open.)"""
    for signum in (signal.SIGABRT, signal.SIGKILL):
        try:
            os.killpg(running.pid, signum)
        except ProcessLookupError:
            pass  # All have ended.
        try:
            return running.communicate(timeout=10)
        except subprocess.TimeoutExpired as late:
            out, said = late.stdout or b"", late.stderr or b""
    return out.decode(errors="replace"), f"{said.decode(errors='replace')}\nits output stays open though it was killed"
