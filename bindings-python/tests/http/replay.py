"""Runs the steps of one case of `core/http/vectors` through this package's binding. README.md there says what each does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snowmelt import OptionError, _snowmelt

from ..vectors.schema import check

FOLDER = Path(__file__).parents[3] / "core" / "http" / "vectors"

#: The fewest cases that are taken for a whole set.
LEAST = 60
#: 2026-09-21T14:13:20Z.
START_MS = 1_790_000_000_000


def schema() -> Any:
    return json.loads((FOLDER / "schema.json").read_text("utf-8"))


def cases() -> list[tuple[str, Any]]:
    """Every case of every file, with the file's name."""
    files = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")
    return [(path.name, case) for path in files for case in read_set(path.name, json.loads(path.read_text("utf-8")))]


def read_set(file: str, held: Any) -> list[Any]:
    """The cases of one file; one that does not follow the schema or holds none is refused."""
    try:
        check(schema(), held)
    except ValueError as error:
        raise ValueError(f"{file} does not follow the schema: {error}") from error
    found: list[Any] = held["cases"]
    return found


def replay(case: dict[str, Any]) -> None:
    """Raises ``AssertionError`` with the number of the step that does not hold."""
    (kind,) = case["steps"][0]
    if kind == "refused":
        assert len(case["steps"]) == 1
        _refused(case)
        return
    runner = Replay(case)
    for number, step in enumerate(case["steps"], 1):
        ((kind, argument),) = step.items()
        try:
            KINDS[kind](runner, argument)
        except AssertionError as error:
            raise AssertionError(f"step {number}: {kind}: {error}") from error


def kinds() -> set[str]:
    return {*KINDS, "refused"}


def _refused(case: Any) -> None:
    try:
        _policy(case)
    except OptionError as error:
        told = re.sub(r'is "(\d+)": is it', r"is \1: is it", str(error))
        assert told.startswith(case["steps"][0]["refused"]["message"]), f"it says {told!r}"
    else:
        raise AssertionError("the options were taken")


def _policy(case: Any) -> _snowmelt.HttpPolicy:
    return _snowmelt.HttpPolicy(True, {name: _in_seconds(name, value) for name, value in case.get("options", {}).items()})


def _in_seconds(option: str, value: Any) -> Any:
    """The vectors' bare numbers are milliseconds, and Python's are seconds. (What would be refused as ms or s is a text here.)"""
    if option not in ("ttl", "stale_while_revalidate", "stale_if_error"):
        return value
    if isinstance(value, dict):
        return {name: _in_seconds(option, part) for name, part in value.items()}
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if not is_number else str(value) if 0 < value < 1000 else value / 1000


class Replay:
    """What one case remembers."""

    def __init__(self, case: Any) -> None:
        self.policy = _policy(case)
        self.request, self.question = self.asked({})
        self.keep: Any = None
        self.meta: Any = None

    def asked(self, given: Any) -> tuple[_snowmelt.HttpRequest, Any]:
        request = _request(given)
        return request, self.policy.ask(request)

    def looked(self, given: Any) -> tuple[_snowmelt.HttpRequest, _snowmelt.HttpQuestion]:
        request, question = self.asked(given)
        assert isinstance(question, _snowmelt.HttpQuestion), f"it bypasses: {question}"
        return request, question

    def ask(self, step: Any) -> None:
        request, asked = self.asked(step["request"])
        if "wants_body" in step:
            unread = _request({name: part for name, part in step["request"].items() if name != "body"})
            if "body" in step["request"]:
                unread.body_follows()
            _same(step["wants_body"], self.policy.wants_body(unread))
        if isinstance(asked, str):
            _same(step["expect"], {"bypass": asked})
            return
        found = {"key": asked.key, "lookup": asked.lookup, "reason": asked.reason, "drop_request_headers": [*asked.drop_request_headers]}
        _named(step["expect"], {"look": found})

    def same_key(self, requests: Any) -> None:
        _same(1, len(self._keys(requests)))

    def different_keys(self, requests: Any) -> None:
        _same(len(requests), len(self._keys(requests)))

    def _keys(self, requests: Any) -> set[str]:
        return {self.looked(request)[1].key for request in requests}

    def judge(self, step: Any) -> None:
        request, question = self.looked(step.get("request", {}))
        response = step["response"]
        ttl = response["ttl"] / 1000 if "ttl" in response else None
        judged = self.policy.judge(request, question, (response["status"], _fields(response), ttl), _at(step))
        if isinstance(judged, str):
            _same(step["expect"], {"pass": judged})
            return
        self.keep = judged
        found = {
            "ttl": round(judged.ttl * 1000),
            "stale_while_revalidate": round(judged.stale_while_revalidate * 1000),
            "stale_if_error": round(judged.stale_if_error * 1000),
            "tags": judged.tags,
            "body_cap": judged.body_cap,
            "own": [list(field) for field in self.policy.own(judged)],
        }
        _named(step["expect"], {"keep": found})

    def seal(self, step: Any) -> None:
        keep, self.keep = self.keep, None
        sealed = self.policy.seal(keep, _text(step["body"]).encode(), True)
        if isinstance(sealed, str):
            _same(step["expect"], {"refused": sealed})
            return
        self.meta = sealed
        found = json.loads(sealed.json())
        for name, expected in step["expect"].items():
            if name == "headers":
                _headers(expected, found["headers"])
            else:
                _same(expected, found[name])

    def matches(self, step: Any) -> None:
        request, question = self.looked(step["request"])
        found = self.policy.matches(request, question, self.meta, _at(step))
        _same(step["expect"], {"other": found} if isinstance(found, str) else "yes" if found else "too_old")

    def answer(self, step: Any) -> None:
        request, question = self.looked(step.get("request", {}))
        _answered(step["expect"], self.policy.answer(request, question, self.meta, step["how"], _at(step)))

    def pass_on(self, step: Any) -> None:
        request = _request(step["request"])
        question = None if step.get("unasked") else self.looked(step["request"])[1]
        response = step["response"]
        _answered(step["expect"], self.policy.pass_on(request, question, step["reason"], response["status"], _fields(response)))

    def unsatisfied(self, step: Any) -> None:
        _answered(step["expect"], self.policy.unsatisfied())

    def invalidates(self, step: Any) -> None:
        found = self.policy.invalidates(_request(step["request"]), step["status"])
        _same(step["expect"], None if found is None else {"keys": found[0], "prefixes": found[1]})


KINDS: dict[str, Callable[[Replay, Any], None]] = {
    "ask": Replay.ask,
    "same_key": Replay.same_key,
    "different_keys": Replay.different_keys,
    "judge": Replay.judge,
    "seal": Replay.seal,
    "matches": Replay.matches,
    "answer": Replay.answer,
    "pass": Replay.pass_on,
    "unsatisfied": Replay.unsatisfied,
    "invalidates": Replay.invalidates,
}


def _request(given: Any) -> _snowmelt.HttpRequest:
    request = _snowmelt.HttpRequest(
        given.get("method", "GET"),
        given.get("scheme", "https"),
        given.get("host", "shop.example"),
        _text(given.get("path", "/")),
        _text(given["query"]) if "query" in given else None,
        _fields(given),
    )
    if "body" in given:
        request.body_read(_text(given["body"]).encode())
    elif given.get("body_follows"):
        request.body_follows()
    if "custom" in given:
        request.set_custom(_text(given["custom"]))
    return request


def _text(given: Any) -> str:
    return given if isinstance(given, str) else given["repeat"] * given["times"]


def _fields(given: Any) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in given.get("headers", [])]


def _at(step: Any) -> int:
    return START_MS + int(step.get("at", 0)) * 1000


def _answered(expected: Any, found: tuple[int, list[tuple[Any, Any]], bool]) -> None:
    status, headers, with_body = found
    _same(expected.get("status", status), status)
    _same(expected.get("with_body", with_body), with_body)
    _headers(expected.get("headers", {}), headers)


def _headers(expected: Any, found: Any) -> None:
    lines: dict[str, list[str]] = {}
    for name, value in found:
        lines.setdefault(name, []).append(value)
    for name, value in expected.items():
        has = lines.get(name)
        _same(value, has[0] if has is not None and len(has) == 1 else has)


def _named(expected: Any, found: Any) -> None:
    """Of objects within an object only the fields that are named."""
    if not isinstance(expected, dict) or not isinstance(found, dict):
        _same(expected, found)
        return
    for name, part in expected.items():
        assert name in found, f"there is no `{name}` in {found}"
        _named(part, found[name])


def _same(expected: Any, found: Any) -> None:
    alike = isinstance(expected, bool) == isinstance(found, bool)
    assert alike and expected == found, f"expected {json.dumps(expected)}, found {json.dumps(found)}"
