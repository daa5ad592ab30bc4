"""Replays every transcript of `core/tests/vectors`, as Rust and Node do.

A transcript holds for every seed, so each is replayed with several; and for every way of splitting the store, so it is
replayed with more segments where its bounds allow that.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from .vectors.files import CONTRACT, LEAST, read_set, readme, schema, transcripts
from .vectors.replay import replay
from .vectors.steps import kinds

#: Another one in each run; set it to repeat a run that failed.
DRAWN = int(os.environ.get("SNOWMELT_SEED") or random.getrandbits(53))
SEEDS = (0, 1, 7, 0xDEAD_BEEF, 2**53 - 1, DRAWN)
BOUNDED = {"max_entries", "max_weight", "max_leases", "max_fences", "segments"}

ALL = transcripts()


@pytest.mark.parametrize(("file", "transcript"), ALL, ids=[f"{file}: {transcript['name']}" for file, transcript in ALL])
def test_transcript(file: str, transcript: dict[str, Any]) -> None:
    free = not BOUNDED & transcript.get("config", {}).keys()
    for seed in SEEDS:
        for segments in (None, 8) if free else (None,):
            try:
                replay(transcript, seed, segments)
            except AssertionError as error:
                raise AssertionError(f"{file}: seed {seed}, segments {segments}: {error}") from error


def test_the_set_is_whole() -> None:
    assert len(ALL) >= LEAST
    assert sorted({line for _, transcript in ALL for line in transcript["contract"]}) == CONTRACT
    names = [transcript["name"] for _, transcript in ALL]
    assert len(set(names)) == len(names)


def test_the_schema_the_readme_and_the_runner_know_the_same_steps() -> None:
    known = set(schema()["$defs"]["step"]["properties"])
    assert kinds() == known
    explained = readme()
    assert [kind for kind in known if f"| `{kind}` |" not in explained] == []


def test_a_wrong_expectation_fails() -> None:
    steps = [{"get": {"key": "k", "expect": {"hit": "v"}}}]
    with pytest.raises(AssertionError, match=r'^step 1: .*expected \{"hit": "v"\}, observed "miss"$'):
        replay({"name": "n", "contract": [1], "steps": steps}, 0)


def test_an_empty_set_fails() -> None:
    with pytest.raises(ValueError):
        read_set("empty.json", {"transcripts": []})


@pytest.mark.parametrize(
    "step",
    [{"fly": 5}, {"at": 5, "note": "two kinds"}, {"get": {"key": "k", "expects": "miss"}}, {"get": {"key": "k"}}, {"at": True}],
)
def test_an_unknown_step_an_unknown_field_and_a_missing_one_fail(step: dict[str, Any]) -> None:
    def read(step: dict[str, Any]) -> int:
        return len(read_set("n.json", {"transcripts": [{"name": "n", "contract": [1], "steps": [step]}]}))

    assert read({"at": 5}) == 1
    with pytest.raises(ValueError):
        read(step)
