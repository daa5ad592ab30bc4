"""What each kind of step does, from the replay and the step's argument."""

from __future__ import annotations

import base64
import json
from typing import Any

from snowmelt import _snowmelt as core

from . import observed
from .data import from_base64, invalidation, monotonic, names, numbered, only, record_bytes, since_start, wall
from .observed import attempt, expect, input_error, told
from .options import settings, stream_name
from .stream import answered, expect_text, fields, is_call, note_iterator, refusal, request

#: More calls than any transcript lists: polling does not end.
ENDLESS = 10_000


class Steps:
    """A method for each kind of step; `Replay` holds what the transcript has numbered so far."""

    def note(self, text: str) -> None:
        if not text:
            raise AssertionError("a note that says nothing")

    def at(self, at: Any) -> None:
        clocks = at if isinstance(at, dict) else {"mono": at, "wall": at}
        self.core.set_clock(monotonic(clocks["mono"]), wall(clocks["wall"]))

    def invocation(self, edge: str) -> None:
        if edge == "begin":
            self.invocations.append(self.core.begin_invocation())
        else:
            self.core.end_invocation(self.invocations.pop())

    def restored(self, seed: int) -> None:
        self.core.restored(seed)

    def stats(self, expected: dict[str, Any]) -> None:
        counted = observed.stats(json.loads(self.core.stats()))
        for counter, value in expected.items():
            expect({counter: value}, {counter: counted[counter]})

    # Reading and loading.

    def get(self, step: dict[str, Any]) -> None:
        expect(step["expect"], _looked(self.core.get(step["key"])))

    def get_after_catch_up(self, step: dict[str, Any]) -> None:
        expect(step["expect"], _looked(self.core.get_after_catch_up(step["key"])))

    def peek(self, step: dict[str, Any]) -> None:
        expect(step["expect"], _found(self.core.peek(step["key"])))

    def keys(self, expected: list[str]) -> None:
        expect(expected, sorted(self.core.keys(), key=str.encode))

    def begin(self, step: dict[str, Any]) -> None:
        expect(step["expect"], self._begun(self.core.begin(step["key"])))

    def next(self, step: dict[str, Any]) -> None:
        begun, value, stale = self.core.next(step["key"], step.get("ahead", False))
        if begun is None:
            return expect(step["expect"], {"serve": value, "stale": stale})
        observed = self._begun(begun)
        if value is not None:
            observed["old"] = {"value": value, "stale": stale}
        return expect(step["expect"], observed)

    def note_stale(self, key: str) -> None:
        self.core.note_stale(key)

    def rescue(self, step: dict[str, Any]) -> None:
        rescued = self.core.rescue(step["key"])
        expect(step["expect"], None if rescued is None else {rescued[1]: rescued[0]})

    def _begun(self, begun: Any) -> dict[str, Any]:
        known = next((number for number, lease in enumerate(self.leases, 1) if lease.id == begun.id), None)
        if begun.leads:
            if known is not None:
                raise AssertionError("a lease that was given out before")
            self.leases.append(begun)
            return {"lead": len(self.leases)}
        if known is None or self.leases[known - 1].start != begun.start:
            raise AssertionError("a join names another lease than its flight")
        return {"join": known}

    def arrive(self, number: int) -> None:
        self.arrivals.append(self.core.arrive())
        expect(number, len(self.arrivals))

    def serves(self, step: dict[str, Any]) -> None:
        lease = numbered(self.leases, step["lease"], "lease")
        arrival = numbered(self.arrivals, step["arrival"], "arrival")
        expect(step["expect"], core.Engine.accepts(arrival, lease.id))

    def fill(self, step: dict[str, Any]) -> None:
        lease = numbered(self.leases, step["lease"], "lease")
        expect(step["expect"], self.core.fill(lease, step["value"], _extras(step)))

    def abandon(self, lease: int) -> None:
        self.core.abandon(numbered(self.leases, lease, "lease"))

    def insert(self, step: dict[str, Any]) -> None:
        as_of = wall(step["as_of"]) if "as_of" in step else None
        expect(step["expect"], self.core.insert(step["key"], step["value"], _extras(step), as_of))

    def delete(self, step: dict[str, Any]) -> None:
        expect(step["expect"], self.core.delete(step["key"]))

    def clear(self, _: Any) -> None:
        self.core.clear()

    # Writing.

    def invalidate(self, step: dict[str, Any]) -> None:
        def begin() -> Any:
            self.writes.append(self.core.invalidate(invalidation(step["what"])))
            return {"write": len(self.writes)}

        expect(step["expect"], attempt(begin, input_error))

    def poll_write(self, step: dict[str, Any]) -> None:
        polled = json.loads(self.core.poll_write(numbered(self.writes, step["write"], "open write")))
        asked = step["expect"].get("put", {}) if isinstance(step["expect"], dict) else {}
        if polled != "done":
            kind, content = only(polled)
            if kind == "wait":
                polled = {"wait": since_start(content)}
            elif kind == "put":
                polled = {"put": self._put(content, asked)}
            else:
                raise AssertionError(f"no write wants to {kind}")
        expect(step["expect"], polled)

    def _put(self, given: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        fields(given, ["StreamName", "Records"])
        expect_text(given["StreamName"], self.stream)
        records = given["Records"]
        for record in records:
            fields(record, ["Data", "PartitionKey", *(["ExplicitHashKey"] if "ExplicitHashKey" in record else [])])
        keys = [record["PartitionKey"] for record in records]
        if not all(isinstance(key, str) and 0 < len(key.encode()) <= 256 for key in keys):
            raise AssertionError(f"a partition key has 1 to 256 characters: {told(keys)}")
        if len(set(keys)) < len(keys):
            raise AssertionError("partition keys do not spread")
        put: dict[str, Any] = {"records": len(records)}
        if "data" in asked:
            put["data"] = [from_base64(record["Data"]).decode() for record in records]
        if "hash_keys" in asked:
            put["hash_keys"] = [record.get("ExplicitHashKey") for record in records]
        return put

    def answer_write(self, step: dict[str, Any]) -> None:
        write = numbered(self.writes, step["write"], "open write")
        answer = step["with"]
        if "error" in answer:
            return self.core.refuse_put(write, refusal(answer["error"]))
        outcomes = [_outcome(outcome) for outcome in answer["outcomes"]]
        refused = sum("ErrorCode" in outcome for outcome in outcomes)
        return self.core.answer_put(write, json.dumps({"FailedRecordCount": refused, "Records": outcomes}))

    def finish_write(self, step: dict[str, Any]) -> None:
        write = numbered(self.writes, step["write"], "open write")
        self.writes[step["write"] - 1] = None
        expect(step["expect"], attempt(lambda: {"token": self.core.finish_write(write)}, observed.write_error))

    def reached(self, step: dict[str, Any]) -> None:
        expect(step["expect"], attempt(lambda: self.core.reached(step["token"]), input_error))

    # Catching up.

    def catch_up(self, step: dict[str, Any]) -> None:
        purpose = step["for"]
        asked = purpose if isinstance(purpose, str) else wall(purpose["since"])
        told = json.loads(self.core.catch_up(json.dumps(asked)))
        state = told["state"]
        expect(step["expect"], {state: self._catch_up_number(told["id"])} if "id" in told else state)

    def _catch_up_number(self, catch_up: float) -> int:
        if catch_up not in self.catch_ups:
            self.catch_ups.append(catch_up)
        return self.catch_ups.index(catch_up) + 1

    def calls(self, expected: list[Any]) -> None:
        """All calls that are to be made now, in any order; numbered as listed."""
        polled = self._polled()
        everything = told([call["request"] for call in polled])
        for call in expected:
            at = next((at for at, seen in enumerate(polled) if is_call(call, seen["request"])), None)
            if at is None:
                raise AssertionError(f"expected the call {told(call)}, observed {everything}")
            self.numbered_calls.append(polled.pop(at))
        if polled:
            raise AssertionError(f"expected no more calls than listed, observed {everything}")

    def _polled(self) -> list[dict[str, Any]]:
        polled: list[dict[str, Any]] = []
        while (text := self.core.poll_call()) is not None:
            call = json.loads(text)
            if any(call["id"] == other["id"] for other in (*polled, *self.numbered_calls)):
                raise AssertionError(f"two calls have the id {call['id']}")
            if len(polled) == ENDLESS:
                raise AssertionError("polling calls does not end")
            call["request"], call["shard"] = request(call["operation"], call["input"], self.stream, self.iterators)
            polled.append(call)
        return polled

    def answer(self, step: dict[str, Any]) -> None:
        call = numbered(self.numbered_calls, step["call"], "call")
        date = wall(step["date"]) if "date" in step else None
        body = step["with"]
        if "error" in body:
            return self.core.refuse(call["id"], call["operation"], refusal(body["error"]), date)
        operation, output = answered(body)
        note_iterator(self.iterators, output, call["shard"])
        return self.core.answer(call["id"], operation, json.dumps(output), date)

    def timeout(self, _: Any) -> None:
        self.core.handle_timeout()

    def next_timeout(self, expected: int | None) -> None:
        following = self.core.next_timeout()
        expect(expected, None if following is None else since_start(following))

    def outcome(self, step: dict[str, Any]) -> None:
        text = self.core.outcome(numbered(self.catch_ups, step["catch_up"], "catch-up"))
        seen = None if text is None else json.loads(text)
        expect(step["expect"], "running" if seen is None else seen["outcome"])
        message = step.get("message")
        if message is not None and not (seen and seen["outcome"] == "failed" and message in seen["message"]):
            raise AssertionError(f"{told(message)} is no part of {told(seen)}")

    def events(self, expected: list[Any]) -> None:
        expect(expected, [observed.event(event, self._catch_up_number) for event in json.loads(self.core.events())])

    # Without a cache.

    def configure(self, step: dict[str, Any]) -> None:
        # Its name is no setting; that it is a name is checked here.
        stream_name(step["config"])
        changed = settings(step["config"])
        expect(step["expect"], attempt(lambda: _ok(core.check_config(changed)), observed.config_error))

    def check_name(self, step: dict[str, Any]) -> None:
        (name,) = names([step["name"]])
        expect(step["expect"], attempt(lambda: _ok(core.check_name(step["what"], name)), input_error))

    def decode(self, step: dict[str, Any]) -> None:
        record = base64.b64encode(record_bytes(step["record"])).decode()
        expect(step["expect"], _decoded(record, step.get("namespace", ""), step.get("source")))

    def encode(self, step: dict[str, Any]) -> None:
        said, namespace = invalidation(step["what"]), step.get("namespace", "")

        def encode() -> Any:
            return {"records": core.encode(said, step["format"], namespace, step["written"])}

        seen = attempt(encode, input_error)
        if "split" not in step["expect"] or "error" in seen:
            return expect(step["expect"], seen)
        sizes = [len(text.encode()) for text in seen["records"]]
        expect(step["expect"], {"split": {"records": len(sizes), "longest": max(sizes, default=0)}})
        return _check_joined(seen["records"], namespace, json.loads(said))

    def data_id(self, step: dict[str, Any]) -> None:
        expect(step["expect"], core.print_data_id(step["source"], step["id"]))
        expect([step["source"], step["id"]], list(core.parse_data_id(step["expect"])))

    def parse_data_id(self, step: dict[str, Any]) -> None:
        def parse() -> Any:
            return dict(zip(("source", "id"), core.parse_data_id(step["text"])))

        expect(step["expect"], attempt(parse, lambda error: "error"))

    def parse_token(self, step: dict[str, Any]) -> None:
        expect(step["expect"], attempt(lambda: json.loads(core.parse_token(step["text"])), input_error))

    def lane_hash_key(self, step: dict[str, Any]) -> None:
        expect(step["expect"], core.lane_hash_key(step["lane"], step["lanes"]))


def kinds() -> set[str]:
    """Every kind of step that is known here."""
    return {name for name in vars(Steps) if not name.startswith("_")}


def _ok(_: Any) -> str:
    return "ok"


def _found(value: str | None) -> Any:
    return "miss" if value is None else {"hit": value}


_EXTRAS = ("weight", "ttl", "took", "stale_while_revalidate", "stale_if_error", "refresh_ahead", "absent")


def _extras(step: dict[str, Any]) -> str:
    """What goes with a value; left out where the step leaves it out."""
    extras = {name: step[name] for name in _EXTRAS if name in step}
    if "tags" in step:
        extras["tags"] = names(step["tags"])
    return json.dumps(extras)


def _outcome(outcome: dict[str, Any]) -> dict[str, Any]:
    kind, content = only(outcome)
    if kind == "stored":
        return {"ShardId": content["shard"], "SequenceNumber": content["sequence_number"]}
    if kind == "refused":
        return {"ErrorCode": content["code"], "ErrorMessage": content["message"]}
    raise AssertionError(f"no outcome is called `{kind}`")


def _looked(looked: list[str]) -> Any:
    state, *value = looked
    return {state: value[0]} if value else state


def _decoded(record: str, namespace: str, source: Any = None) -> Any:
    decoded = json.loads(core.decode(record, namespace, json.dumps(source)))
    if isinstance(decoded, str):
        return decoded
    return {outcome: observed.invalidation(names) for outcome, names in decoded.items()}


def _check_joined(records: list[str], namespace: str, said: dict[str, Any]) -> None:
    """Records of a split say together, in order, what was to be said."""
    heard: dict[str, Any] = {"keys": [], "tags": [], "prefixes": [], "all": False}
    for text in records:
        part = _decoded(base64.b64encode(text.encode()).decode(), namespace)
        if "apply" not in part:
            raise AssertionError("a part of a split cannot be decoded")
        for kind in ("keys", "tags", "prefixes"):
            heard[kind] += part["apply"].get(kind, [])
        heard["all"] = heard["all"] or part["apply"].get("all", False)
    expect(observed.invalidation(said), observed.invalidation(heard))
