"""What is logged in a program that has never imported ``logging``: what ``logging`` would print, and it stays away."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from snowmelt import Cache, _events

_events.log(30, "it %s, %d times", "failed", 2)
_events.log(30, "100 % as it is")
_events.log(20, "all is well")
_events.note("nobody looks for this")

def listen(event):
    raise LookupError("a listener's")

_events.Events(listen).tell(None)
cache = Cache(stream="memory:", report="json")
cache.catch_up(at_least=cache.invalidate("k"))
cache.handler(lambda event, context: cache.get_or_load("k", int))(None, None)
print("logging" in sys.modules)
"""


def said(before: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", before + PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip(), done.stderr


def test_it_says_what_logging_would() -> None:
    alone, beside = said(""), said("import logging")
    assert (alone[0], beside[0]) == ("False", "True")
    assert alone[1] == beside[1]
    assert alone[1].startswith("it failed, 2 times\n100 % as it is\non_event raised an exception")
    assert "all is well" not in alone[1] and "looks for" not in alone[1]
    assert alone[1].rstrip().endswith("LookupError: a listener's")
