"""What is noted of loads that wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from snowmelt import Cache, _loads

PROGRAM = """
import os, signal, threading
from snowmelt import Cache, _loads

# As another thread may hold it at the moment of the fork.
threading.Thread(target=_loads._lock.acquire).start()
while _loads._lock.acquire(blocking=False):
    _loads._lock.release()
_loads._standing[1] = ["of another thread"]
child = os.fork()
if child == 0:
    signal.alarm(20)
    cache = Cache(stream="memory:", report="off")
    nested = cache.get_or_load("outer", lambda: cache.get_or_load("inner", lambda: 5))
    os._exit(0 if nested == 5 and not _loads._standing else 1)
assert _loads._standing
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_waits_for_nobody() -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=False).returncode == 0


def test_a_finalizer_may_load_while_edges_are_noted() -> None:
    cache = Cache(stream="memory:", report="off")
    found: list[int] = []

    def finalize() -> None:
        with _loads._lock:
            found.append(cache.get_or_load("outer", lambda: cache.get_or_load("inner", lambda: 5)))

    thread = threading.Thread(target=finalize, daemon=True)
    thread.start()
    thread.join(20)
    assert found == [5]
    cache.close()
