"""Replays one transcript."""

from __future__ import annotations

from typing import Any

from snowmelt import _snowmelt as core

from .data import MONOTONIC_START, START, only
from .observed import told
from .options import settings, stream_name
from .steps import Steps, kinds


class Replay(Steps):
    """A core and what the transcript has numbered so far, from 1."""

    def __init__(self, config: dict[str, Any], seed: int, segments: int | None) -> None:
        self.leases: list[Any] = []
        self.invocations: list[Any] = []
        self.arrivals: list[int] = []
        self.writes: list[Any] = []
        self.numbered_calls: list[dict[str, Any]] = []
        self.catch_ups: list[float] = []
        #: Which shard each iterator reads: the API's `GetRecords` does not say.
        self.iterators: dict[str, str] = {}
        self.stream = stream_name(config)
        self.core = core.Engine(settings(config, segments), self.stream, seed, MONOTONIC_START, START)
        if self.core.now() != START:
            raise AssertionError("the core saw other clocks before the transcript's")

    def take(self, step: dict[str, Any], number: int) -> None:
        """One step, and what has to hold after each."""
        try:
            kind, argument = only(step)
            if kind not in kinds():
                raise AssertionError(f"no step is called `{kind}`")
            getattr(self, kind)(argument)
            self.core.validate()
        except Exception as error:
            raise AssertionError(f"step {number}: {told(step)}: {error}") from error


def replay(transcript: dict[str, Any], seed: int, segments: int | None = None) -> None:
    """Raises an exception that says which step went otherwise, and how."""
    replaying = Replay(transcript.get("config", {}), seed, segments)
    for number, step in enumerate(transcript["steps"], 1):
        replaying.take(step, number)
