/** Lines 2, 9 and 11 of the contract (core/README.md), with real concurrency. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { both, child, gate, libraries, ownStream, pause, settled } from "./both.mjs";
import { FakeKinesis, refusal } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };

/** Loads that a test ends when it likes, in the order in which they began. */
function slowLoads() {
  const loads = [];
  const loader = () => {
    const load = gate();
    loads.push(load);
    return load.promise;
  };
  return { loads, loader };
}

/** How each kind of invalidation names the entry `users/1` with its tag. */
const KINDS = {
  key: "users/1",
  keys: { keys: ["other", "users/1"] },
  tag: { tags: ["tenant:7"] },
  prefix: { prefixes: ["users/"] },
  all: { all: true },
};

// --- line 2: no stale fill ---

for (const [kind, what] of Object.entries(KINDS)) {
  for (const tags of [["tenant:7"], (value) => [value.tag]]) {
    const known = typeof tags === "function" ? "after" : "before";
    both(`an invalidation by ${kind} during a load keeps it from being stored; tags known ${known} it`, async ({ Cache }) => {
      const cache = new Cache({ stream: ownStream(), ...QUIET });
      const { loads, loader } = slowLoads();
      const reading = cache.getOrLoad("users/1", loader, { tags });
      await cache.invalidate(what);
      loads[0].open({ tag: "tenant:7", version: 1 });
      assert.equal((await reading).version, 1, "who loaded it gets it");
      assert.equal(cache.has("users/1"), false);
      assert.equal(cache.get("users/1"), undefined);
      assert.equal(cache.stats().fenced, 1);
      await cache.close();
    });

    both(`an invalidation by ${kind} that another cache wrote does so too; tags known ${known} the load`, async ({ Cache }) => {
      const stream = ownStream();
      const [cache, other] = [new Cache({ stream, ...QUIET }), new Cache({ stream, ...QUIET })];
      const { loads, loader } = slowLoads();
      const reading = cache.getOrLoad("users/1", loader, { tags });
      await other.invalidate(what);
      await cache.catchUp();
      loads[0].open({ tag: "tenant:7", version: 1 });
      assert.equal((await reading).version, 1);
      assert.equal(cache.has("users/1"), false);
      await Promise.all([cache.close(), other.close()]);
    });
  }
}

both("an invalidation of something else leaves a load alone", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { loads, loader } = slowLoads();
  const reading = cache.getOrLoad("users/1", loader, { tags: ["tenant:7"] });
  await cache.invalidate({ keys: "users/2", tags: "tenant:8", prefixes: ["users/10", "orders/"] });
  loads[0].open("value");
  await reading;
  assert.equal(cache.get("users/1"), "value");
  await cache.close();
});

both("a lease of one's own is fenced like any load, and so is a set with an earlier asOf", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const lease = cache.begin("a");
  assert.equal(lease.leads, true);
  const before = Date.now() - 1;
  await pause(5);
  await cache.invalidate("a");
  assert.equal(cache.fill(lease, "stale"), "fenced");
  assert.equal(cache.set("a", "stale", { asOf: before }), "fenced");
  assert.equal(cache.has("a"), false);
  assert.equal(cache.set("a", "fresh"), "stored");
  assert.equal(cache.get("a"), "fresh");
  await cache.close();
});

// --- line 9: one load per key ---

both("a thousand readers at once share one load", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { loads, loader } = slowLoads();
  const reading = Array.from({ length: 1_000 }, () => cache.getOrLoad("a", loader));
  await pause(5);
  const value = { some: "object" };
  loads[0].open(value);
  for (const read of await Promise.all(reading)) assert.equal(read, value);
  assert.equal(loads.length, 1);
  assert.equal(cache.stats().coalesced, 999);
  await cache.close();
});

for (const [kind, what] of Object.entries(KINDS)) {
  both(`a load revoked by ${kind} is for who was there when it began; two load times are the most`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const { loads, loader } = slowLoads();
    const read = () => cache.getOrLoad("users/1", loader, { tags: () => ["tenant:7"] });
    const leader = read();
    const early = read();
    await cache.invalidate(what);
    const late = read();
    await pause(1);
    loads[0].open("old");
    assert.equal(await leader, "old");
    assert.equal(await settled(early), false, "it was not there when that load began");
    assert.equal(await settled(late), false);
    assert.equal(cache.has("users/1"), false);
    loads.at(-1).open("new");
    assert.deepEqual(await Promise.all([early, late]), ["new", "new"]);
    assert.equal(loads.length, 2);
    assert.equal(cache.get("users/1"), "new");
    await cache.close();
  });
}

both("a revoked load that began after a reader came is for that reader", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { loads, loader } = slowLoads();
  const read = () => cache.getOrLoad("a", loader);
  const first = read();
  const patient = read();
  await cache.invalidate("a");
  const second = read();
  loads[0].open("one");
  await pause(5);
  await cache.invalidate("a");
  loads[1].open("two");
  assert.deepEqual(await Promise.all([first, second, patient]), ["one", "two", "two"]);
  assert.equal(loads.length, 2, "it did not load a third time");
  assert.equal(cache.has("a"), false);
  await cache.close();
});

both("a loader that fails fails who waited, and nothing is stored", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const error = new Error("no database");
  const failures = {
    rejects: () => Promise.reject(error),
    "rejects late": () => pause(5).then(() => Promise.reject(error)),
    throws: () => {
      throw error;
    },
    "throws what is no error": () => Promise.reject(undefined),
  };
  for (const [name, loader] of Object.entries(failures)) {
    const readings = await Promise.allSettled([cache.getOrLoad(name, loader), cache.getOrLoad(name, loader), cache.getOrLoad("fine", () => 1)]);
    const expected = name.endsWith("no error") ? undefined : error;
    assert.deepEqual(readings.map(({ status }) => status), ["rejected", "rejected", "fulfilled"], name);
    assert.ok(readings[0].reason === expected && readings[1].reason === expected, name);
    assert.equal(await cache.getOrLoad(name, () => "anew"), "anew");
  }
  assert.equal(cache.stats().leases, 0);
  await cache.close();
});

both("a loader may return what is no promise, and any thenable", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  assert.equal(await cache.getOrLoad("plain", () => 7), 7);
  assert.equal(await cache.getOrLoad("thenable", () => ({ then: (resolve) => void resolve(8) })), 8);
  assert.deepEqual([cache.get("plain"), cache.get("thenable")], [7, 8]);
  await cache.close();
});

both("a load that takes longer than loadTimeout is joined by nobody", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), loadTimeout: "40ms", ...QUIET });
  const { loads, loader } = slowLoads();
  const [leader, joined] = [cache.getOrLoad("a", loader), cache.getOrLoad("a", loader)];
  await pause(60);
  assert.equal(loads.length, 2, "who had joined it loads in their own way");
  loads[1].open("two");
  assert.equal(await joined, "two");
  loads[0].open("one");
  assert.equal(await leader, "one");
  assert.equal(cache.get("a"), "two");
  await cache.close();
});

both("a reader who waited for a catch-up gets its own key's value, whatever others do meanwhile", async ({ Cache }) => {
  for (let turns = 0; turns < 100; turns += 1) {
    const kinesis = new FakeKinesis();
    const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, maxEntries: 1, ...QUIET });
    cache.set("a", "a");
    await pause(6);
    const answer = gate();
    kinesis.before = () => answer.promise;
    const invocation = cache.invocation();
    const reading = cache.getOrLoad("a", () => "a");
    answer.open();
    // Somewhere on its way back, the slot of "a" becomes another value's.
    for (let turn = 0; turn < turns; turn += 1) await null;
    cache.delete("a");
    cache.set("b", "b");
    assert.equal(await reading, "a");
    await (await invocation)();
    await cache.close();
  }
});

// --- line 11: read your writes ---

both("invalidate removes before it returns, and before anything is written", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const written = gate();
  kinesis.before = (operation) => (operation === "putRecords" ? written.promise : undefined);
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, ...QUIET });
  for (const what of Object.values(KINDS)) {
    cache.set("users/1", 1, { tags: ["tenant:7"] });
    const invalidating = cache.invalidate(what);
    assert.equal(cache.has("users/1"), false);
    assert.equal(await settled(invalidating), false);
  }
  written.open();
  await cache.close();
});

both("a token lets another cache read what was written", async ({ Cache }) => {
  const stream = ownStream();
  const slowly = { stream, catchUpEvery: "1h", maxLag: "2h", ...QUIET };
  const [writer, reader] = [new Cache(slowly), new Cache(slowly)];
  assert.equal(await reader.getOrLoad("a", () => 1), 1);
  const token = await writer.invalidate("a");
  assert.equal(typeof token, "string");
  assert.equal(await reader.getOrLoad("a", () => 2), 1, "within the bounds the old one is served");
  await reader.catchUp({ atLeast: token, within: "2s" });
  assert.equal(reader.has("a"), false);
  assert.equal(await reader.getOrLoad("a", () => 2), 2);
  await reader.catchUp({ atLeast: token });
  assert.equal(reader.get("a"), 2, "own and repeated tokens cost nothing");
  await Promise.all([writer.close(), reader.close()]);
});

both("a token that cannot be reached is an error of its own", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  kinesis.before = async (operation) => (operation === "getRecords" ? { Records: [], MillisBehindLatest: 0, NextShardIterator: "shardId-000000000000:0" } : undefined);
  const make = () => new Cache({ stream: "orders", transport: kinesis.transport, ...QUIET });
  const [writer, reader] = [make(), make()];
  await reader.getOrLoad("a", () => 1);
  const token = await writer.invalidate("a");
  const began = Date.now();
  await assert.rejects(reader.catchUp({ atLeast: token, within: "150ms" }), ({ code, message }) => {
    assert.equal(code, "CATCH_UP_DEADLINE");
    assert.match(message, /150 ms/);
    return true;
  });
  assert.ok(Date.now() - began >= 140 && Date.now() - began < 1_000, `${Date.now() - began} ms`);
  kinesis.before = async () => undefined;
  await reader.catchUp({ atLeast: token, within: "5s" });
  assert.equal(reader.has("a"), false);
  await Promise.all([writer.close(), reader.close()]);
});

both("tokens of another stream, and texts that are none, are refused", async ({ Cache }) => {
  const [cache, other] = [new Cache({ stream: ownStream(), ...QUIET }), new Cache({ stream: ownStream(), ...QUIET })];
  const token = await other.invalidate("a");
  await assert.rejects(cache.catchUp({ atLeast: token }), { name: "SnowmeltError", code: "OTHER_STREAM" });
  for (const text of ["", "x", `${token}x`, "\ud800"]) {
    await assert.rejects(cache.catchUp({ atLeast: text }), { code: "INVALID_TOKEN" }, JSON.stringify(text));
  }
  await Promise.all([cache.close(), other.close()]);
});

both("a write that the stream refuses rejects, and is told as an event; the removal stays", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const events = [];
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, onEvent: (event) => events.push(event) });
  cache.set("a", 1);
  kinesis.before = (operation) => {
    if (operation === "putRecords") throw refusal("AccessDeniedException", "not authorized to perform: kinesis:PutRecords");
  };
  await assert.rejects(cache.invalidate("a"), ({ code, message }) => code === "WRITE_FAILED" && message.includes("kinesis:PutRecords"));
  assert.equal(cache.has("a"), false);
  const told = events.filter(({ type }) => type === "writeFailed");
  assert.equal(told.length, 1);
  assert.match(told[0].message, /other caches were not told/);
  await cache.close();
});

for (const build of Object.keys(libraries)) {
  test(`an invalidation that fails and that nobody awaits does not end the process (${build})`, async () => {
    const { code, stderr, stdout } = await child(
      async ({ Cache }) => {
        const refuse = async () => {
          throw Object.assign(new Error("no"), { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } });
        };
        const transport = { listShards: refuse, getShardIterator: refuse, getRecords: refuse, putRecords: refuse };
        const cache = new Cache({ stream: "orders", transport });
        void cache.invalidate("a");
        setTimeout(() => process.stdout.write("alive"), 300);
      },
      { build },
    );
    assert.deepEqual([code, stdout], [0, "alive"], stderr);
    assert.equal(stderr.match(/snowmelt: /g)?.length, 1, stderr);
    assert.match(stderr, /kinesis:PutRecords/);
  });
}
