"""Random sequences of calls, held against a dict."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from snowmelt import Cache, Lease

from .support import LONGER

KEYS = st.sampled_from([f"{letter}/{number}" for letter in "ab" for number in range(4)])
TAGS = st.lists(st.sampled_from("xyz"), max_size=3)
LIVES_LONG = st.sampled_from([None, 60, "1h"])


class Model(RuleBasedStateMachine):
    """What is in the cache is the last that was stored, with its tags; a small cache may hold less."""

    leases = Bundle("leases")

    @initialize(most=st.sampled_from([3, 100]))
    def begin_with(self, most: int) -> None:
        self.most = most
        self.cache = Cache(stream="none", report="off", max_entries=most)
        self.entries: dict[str, tuple[Any, set[str]]] = {}
        #: Of these, which had to make room, perhaps.
        self.doubtful: set[str] = set()
        self.live: dict[str, list[Lease]] = {}
        self.next = 0

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.cache._validate()
            self.cache.close()

    def value(self) -> list[int]:
        self.next += 1
        return [self.next]

    def store(self, key: str, value: Any, tags: list[str]) -> None:
        self.entries[key] = value, {*tags}
        self.doubtful.discard(key)
        if len(self.entries) > self.most:
            self.doubtful.update(other for other in self.entries if other != key)

    def expect(self, key: str, found: Any) -> None:
        if found is None:
            assert key not in self.entries or key in self.doubtful
            self.entries.pop(key, None)
        else:
            assert found is self.entries[key][0]

    @rule(key=KEYS, tags=TAGS, ttl=LIVES_LONG)
    def set(self, key: str, tags: list[str], ttl: Any) -> None:
        value = self.value()
        assert self.cache.set(key, value, tags=tags, ttl=ttl) == "stored"
        self.store(key, value, tags)
        assert self.cache[key] is value

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        self.expect(key, self.cache.get(key))
        assert (key in self.cache) == (key in self.entries)

    @rule(key=KEYS, tags=TAGS)
    def get_or_load(self, key: str, tags: list[str]) -> None:
        made: list[list[int]] = []
        # Or it would wait for a load of its own thread.
        for lease in self.live.pop(key, []):
            lease.abandon()

        def load() -> Any:
            made.append(self.value())
            return made[-1]

        found = self.cache.get_or_load(key, load, tags=lambda value: tags)
        if made:
            self.expect(key, None)
            assert found is made[0]
            self.store(key, found, tags)
        else:
            self.expect(key, found)

    @rule(key=KEYS, target=leases)
    def begin(self, key: str) -> Any:
        begun = self.cache.begin(key)
        if isinstance(begun, Lease):
            self.live.setdefault(key, []).append(begun)
        return key, begun, self.value()

    @rule(lease=leases, tags=TAGS)
    def fill(self, lease: Any, tags: list[str]) -> None:
        key, begun, value = lease
        if isinstance(begun, Lease) and not begun.ended:
            outcome = self.cache.fill(begun, value, tags=tags)
            # Revoked by whatever touched the key since: the model need not know by what, but never the other way round.
            if outcome == "stored":
                self.store(key, value, tags)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        was = self.cache.delete(key)
        assert not was or key in self.entries
        assert was or key not in self.entries or key in self.doubtful
        self.entries.pop(key, None)

    @rule(keys=st.lists(KEYS, max_size=3), tags=TAGS, prefixes=st.lists(st.sampled_from(["a/", "b/", "a/1"]), max_size=2))
    def invalidate(self, keys: list[str], tags: list[str], prefixes: list[str]) -> None:
        if not (keys or tags or prefixes):
            return
        self.cache.invalidate(keys, tags=tags, prefixes=prefixes)
        for key, (_, own) in list(self.entries.items()):
            if key in keys or own & {*tags} or key.startswith(tuple(prefixes)):
                del self.entries[key]
                assert key not in self.cache

    @rule(everything=st.booleans())
    def clear(self, everything: bool) -> None:
        if everything:
            self.cache.invalidate(all=True)
        else:
            self.cache.clear()
        self.entries.clear()
        assert len(self.cache) == 0 and self.cache.keys() == []

    @invariant()
    def holds_nothing_else(self) -> None:
        if not hasattr(self, "cache"):
            return
        keys = self.cache.keys()
        assert len(keys) == len(self.cache) <= self.most
        assert {*keys} <= {*self.entries}
        if self.most == 100:
            assert {*keys} == {*self.entries}


Model.TestCase.settings = settings(
    max_examples=60 * LONGER, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
)
TestModel = Model.TestCase
