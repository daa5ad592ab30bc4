"""Replays every case of `core/http/vectors`, as Rust and Node do."""

from __future__ import annotations

from typing import Any

import pytest

from .replay import FOLDER, LEAST, cases, kinds, read_set, replay, schema

ALL = cases()


@pytest.mark.parametrize(("file", "case"), ALL, ids=[f"{file}: {case['name']}" for file, case in ALL])
def test_case(file: str, case: dict[str, Any]) -> None:
    replay(case)


def test_the_set_is_whole() -> None:
    assert len(ALL) >= LEAST
    names = [case["name"] for _, case in ALL]
    assert len(set(names)) == len(names)


def test_the_schema_the_readme_and_the_runner_know_the_same_steps() -> None:
    known = set(schema()["$defs"]["step"]["properties"])
    assert kinds() == known
    explained = (FOLDER / "README.md").read_text("utf-8")
    assert [kind for kind in known if f"| `{kind}` |" not in explained] == []


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ({"bypass": "method"}, r"^step 1: ask: there is no `bypass` in \{"),
        ({"look": {"key": "GET https://shop.example/x"}}, r'^step 1: ask: expected "GET https://shop.example/x", found'),
    ],
)
def test_a_wrong_expectation_fails(expect: Any, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        replay({"name": "n", "why": "w", "steps": [{"ask": {"request": {}, "expect": expect}}]})


@pytest.mark.parametrize(
    "held",
    [
        {"cases": []},
        {"cases": [{"name": "n", "why": "w", "steps": [{"fly": 5}]}]},
        {"cases": [{"name": "n", "why": "w", "steps": [{"unsatisfied": {"expect": {}, "at": 5}}]}]},
        {"cases": [{"name": "n", "why": "w", "steps": [{"unsatisfied": {}}]}]},
    ],
    ids=["empty", "unknown step", "unknown field", "missing field"],
)
def test_what_does_not_follow_the_schema_fails(held: Any) -> None:
    with pytest.raises(ValueError, match="does not follow the schema"):
        read_set("n.json", held)
