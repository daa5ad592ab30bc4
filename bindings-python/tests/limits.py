"""No test takes for ever, and so none keeps those behind it from running.

What takes longer than nine tenths of ``faulthandler_timeout`` ends the run: named, and with the place where each thread
stands. ``faulthandler`` does that at the whole of it if no thread of Python's gets on any more; it knows no names, and is
called off while a failure is told.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time

import pytest

#: How long Python may take to end once all tests have, in seconds: threads that a test forgot would keep it.
ENDING = 60


class Watch:
    """Ends this process if what it does takes too long."""

    def __init__(self, seconds: float, output: int) -> None:
        self.seconds = seconds
        self._output = output
        #: What it does, since when, and how long that may take; nothing yet.
        self._now: tuple[str, float, float] | None = None
        threading.Thread(target=self._watch, name="limits", daemon=True).start()

    def begins(self, what: str, seconds: float) -> None:
        self._now = (what, time.monotonic(), seconds)

    def stops(self) -> None:
        self._now = None

    def ends(self) -> None:
        self.begins("the end of the run", ENDING)
        faulthandler.dump_traceback_later(ENDING + 10, exit=True, file=self._output)

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, self.seconds / 10))
            if self._now is not None:
                what, since, seconds = self._now
                if time.monotonic() - since > seconds:
                    self._tell(f"\nHANGS: {what} takes longer than {seconds:g} s\n")

    def _tell(self, line: str) -> None:
        os.write(self._output, line.encode(errors="replace"))
        faulthandler.dump_traceback(file=self._output)
        os._exit(1)


#: The run's, unless it has no limit.
_watches: list[Watch] = []


def pytest_configure(config: pytest.Config) -> None:
    limit = float(config.getini("faulthandler_timeout") or 0)
    if limit:
        # (What tests print is caught.)
        with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            output = os.dup(2)
        _watches.append(Watch(limit * 0.9, output))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    for watch in _watches:
        watch.begins(nodeid, watch.seconds)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    for watch in _watches:
        watch.ends()


def pytest_enter_pdb() -> None:
    """Whoever debugs takes the time that it takes."""
    for watch in _watches:
        watch.stops()
    _watches.clear()
