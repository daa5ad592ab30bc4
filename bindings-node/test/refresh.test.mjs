/** Values past their lifetime, and nearly so: who is given what, and who loads. */
import assert from "node:assert/strict";
import { after } from "node:test";

import { both, child, eventually, gate, ownStream, pause, settled } from "./both.mjs";
import { FakeKinesis, refusal } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };
const LONG = "10m";

/** As a loader's connection would: time-outs of loads keep no process alive. */
const connection = setInterval(() => {}, 1_000);
after(() => clearInterval(connection));

/** A cache with one value that is past its lifetime. What is loaded later lives long. */
async function past(Cache, { key = "a", value = "old", ...options } = {}) {
  const cache = new Cache({ stream: ownStream(), ttl: LONG, ...QUIET, ...options });
  await cache.getOrLoad(key, () => value, { ttl: "5ms" });
  await eventually(() => !cache.has(key), "the lifetime is over");
  return cache;
}

const REVALIDATE = { staleWhileRevalidate: LONG };
const IF_ERROR = { staleIfError: LONG };
const hows = (fetched) => fetched.map(({ how }) => how);

// --- staleWhileRevalidate ---

both("1,000 readers of an old value: one waits for its load, the others have the old value at once", async ({ Cache }) => {
  const cache = await past(Cache, REVALIDATE);
  const load = gate();
  let loads = 0;
  const readings = Array.from({ length: 1_000 }, () => cache.fetch("a", () => ((loads += 1), load.promise)));
  assert.equal(await settled(readings[0]), false, "without a hook");
  const others = await Promise.all(readings.slice(1));
  assert.ok(others.every(({ value, how }) => value === "old" && how === "stale"));
  load.open("new");
  assert.deepEqual(await readings[0], { value: "new", how: "loaded" });
  assert.equal(loads, 1);
  assert.deepEqual(await cache.fetch("a", assert.fail), { value: "new", how: "hit" });
  const { stale, refreshes, rescued } = cache.stats();
  assert.deepEqual([stale, refreshes, rescued], [999, 1, 0]);
  await cache.close();
});

both("with a hook nobody waits, and the hook has what ends when the load is stored", async ({ Cache }) => {
  const given = [];
  const cache = await past(Cache, { ...REVALIDATE, waitUntil: (refresh) => void given.push(refresh) });
  const load = gate();
  const readings = await Promise.all(Array.from({ length: 1_000 }, () => cache.fetch("a", () => load.promise)));
  assert.ok(readings.every(({ value, how }) => value === "old" && how === "stale"));
  assert.equal(given.length, 1);
  assert.equal(await settled(given[0]), false);
  assert.equal(cache.get("a"), undefined, "who cannot load has fresh values only");
  load.open("new");
  assert.equal(await given[0], undefined);
  assert.equal(cache.get("a"), "new");
  const { stale, refreshes, loads } = cache.stats();
  assert.deepEqual([stale, refreshes, loads], [1_000, 1, 2]);
  await cache.close();
});

both("a call's own hook comes before the cache's; with one that throws the reader waits", async ({ Cache }) => {
  const cache = await past(Cache, { ...REVALIDATE, waitUntil: () => assert.fail("not asked") });
  const given = [];
  assert.equal(await cache.getOrLoad("a", () => "new", { waitUntil: (refresh) => void given.push(refresh), ttl: "5ms" }), "old");
  await given[0];
  await eventually(() => !cache.has("a"), "the lifetime is over");
  const broken = () => {
    throw new TypeError("Illegal invocation");
  };
  assert.deepEqual(await cache.fetch("a", () => "newer", { waitUntil: broken }), { value: "newer", how: "loaded" });
  await cache.close();
});

both("a refresh that fails leaves the old value, says why, and is tried again by the next reader", async ({ Cache }) => {
  const cache = await past(Cache, REVALIDATE);
  const error = new Error("no database");
  const failing = () => Promise.reject(error);
  assert.deepEqual(await cache.fetch("a", failing), { value: "old", how: "stale", error });
  assert.equal(await cache.getOrLoad("a", failing), "old");
  const given = [];
  const waitUntil = (refresh) => void given.push(refresh);
  assert.deepEqual(await cache.fetch("a", failing, { waitUntil }), { value: "old", how: "stale" });
  assert.equal(await given[0], undefined, "it never rejects");
  assert.equal(cache.stats().loadFailures, 3);
  assert.deepEqual(await cache.fetch("a", () => "new"), { value: "new", how: "loaded" });
  await cache.close();
});

both("an invalidation during a refresh: nobody is served the old value, and what is loaded is not stored", async ({ Cache }) => {
  for (const what of ["a", { tags: ["t"] }, { prefixes: ["a"] }, { all: true }]) {
    const cache = new Cache({ stream: ownStream(), ttl: LONG, ...REVALIDATE, ...IF_ERROR, ...QUIET });
    await cache.getOrLoad("a", () => "old", { ttl: "5ms", tags: ["t"] });
    await eventually(() => !cache.has("a"), "the lifetime is over");
    const load = gate();
    const given = [];
    const slow = () => load.promise;
    assert.equal(await cache.getOrLoad("a", slow, { tags: ["t"], waitUntil: (refresh) => void given.push(refresh) }), "old");
    await cache.invalidate(what);
    const failing = cache.fetch("a", () => Promise.reject(new Error("down")));
    await settled(failing);
    load.open("from before the write");
    await assert.rejects(failing, { message: "down" });
    await given[0];
    assert.equal(cache.has("a"), false);
    assert.deepEqual(await cache.fetch("a", () => "new"), { value: "new", how: "loaded" });
    await cache.close();
  }
});

both("windows are kept with each value: its own come before the cache's, and may depend on it", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: "5ms", ...QUIET });
  const options = { staleWhileRevalidate: (value, key) => (value === "lasts" && key === "a" ? LONG : undefined) };
  const down = () => Promise.reject(new Error("down"));
  await cache.getOrLoad("a", () => "lasts", options);
  await cache.getOrLoad("b", () => "lasts", options);
  cache.set("c", "lasts", { staleIfError: "10m" });
  const lease = cache.begin("d");
  cache.fill(lease, "lasts", { staleIfError: "10m" });
  await eventually(() => ["a", "b", "c", "d"].every((key) => !cache.has(key)), "the lifetimes are over");
  assert.equal((await cache.fetch("a", down)).how, "stale");
  await assert.rejects(cache.fetch("b", down), { message: "down" });
  for (const key of ["c", "d"]) assert.equal((await cache.fetch(key, down)).how, "stale_on_error");
  await cache.close();

  const generous = new Cache({ stream: ownStream(), ttl: "5ms", ...IF_ERROR, ...REVALIDATE, ...QUIET });
  await generous.getOrLoad("a", () => 1, { staleIfError: 0, staleWhileRevalidate: "0s" });
  await eventually(() => !generous.has("a"), "the lifetime is over");
  await assert.rejects(generous.fetch("a", down), { message: "down" });
  await generous.close();
});

// --- staleIfError ---

both("where a load fails all who wait have the old value, and are told", async ({ Cache }) => {
  const cache = await past(Cache, { ...IF_ERROR, copy: structuredClone, value: { old: true } });
  const load = gate();
  const readings = Array.from({ length: 3 }, () => cache.fetch("a", () => load.promise));
  const plain = cache.getOrLoad("a", assert.fail);
  assert.equal(await settled(readings[1]), false, "there is no window to serve it in before");
  const error = new Error("no database");
  load.fail(error);
  const fetched = await Promise.all(readings);
  for (const one of fetched) assert.deepEqual(one, { value: { old: true }, how: "stale_on_error", error });
  assert.notEqual(fetched[0].value, fetched[1].value, "each its own copy");
  assert.deepEqual(await plain, { old: true });
  assert.equal(cache.stats().rescued, 4);
  assert.equal(cache.get("a"), undefined);
  assert.deepEqual(await cache.fetch("a", () => "new"), { value: "new", how: "loaded" });
  await cache.close();
});

both("with nothing to serve the error is the loader's; so it is past the window", async ({ Cache }) => {
  const cache = await past(Cache, { staleIfError: "1ms" });
  await pause(5);
  const down = () => {
    throw new Error("down");
  };
  await assert.rejects(cache.fetch("a", down), { message: "down" });
  await assert.rejects(cache.fetch("b", down), { message: "down" });
  assert.equal(cache.stats().rescued, 0);
  await cache.close();
});

both("with the stream and the origin out of reach, past maxLag", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  kinesis.before = () => Promise.reject(refusal("InternalFailure", "out of order", 500));
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "5ms", maxLag: "20ms", ttl: LONG, ...IF_ERROR, ...QUIET });
  await cache.getOrLoad("a", () => "old");
  await eventually(() => !cache.has("a"), "maxLag is over");
  const down = () => Promise.reject(new Error("down"));
  const { value, how } = await cache.fetch("a", down);
  assert.deepEqual([value, how], ["old", "stale_on_error"]);
  await cache.close();
});

both("before an old value stands in for a load the stream is asked, if that is due", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const [cache, writer] = [0, 1].map(() => new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "20ms", catchUpBudget: "10s", ttl: LONG, ...IF_ERROR, ...QUIET }));
  await cache.getOrLoad("a", () => "old", { ttl: "5ms" });
  await eventually(() => !cache.has("a"), "the lifetime is over");
  const failing = async () => {
    await writer.invalidate("a");
    await pause(60);
    throw new Error("down");
  };
  await assert.rejects(cache.fetch("a", failing), { message: "down" });
  const calls = kinesis.calls.getRecords;
  await assert.rejects(cache.fetch("b", failing), { message: "down" });
  assert.equal(kinesis.calls.getRecords, calls, "where there is nothing it costs no call");
  await Promise.all([cache.close(), writer.close()]);
});

// --- time-outs ---

both("softLoadTimeout: who waits is answered with the old value, and the load goes on", async ({ Cache }) => {
  const cache = await past(Cache, { ...IF_ERROR, softLoadTimeout: "20ms" });
  const load = gate();
  const given = [];
  const readings = await Promise.all([0, 1].map(() => cache.fetch("a", () => load.promise, { waitUntil: (rest) => void given.push(rest) })));
  for (const { value, how, error } of readings) {
    assert.deepEqual([value, how, error.name], ["old", "stale_on_error", "TimeoutError"]);
    assert.match(error.message, /softLoadTimeout \(20 ms\)/);
  }
  assert.equal(given.length, 1, "the load's rest is handed over by who began it");
  assert.equal((await cache.fetch("a", assert.fail)).how, "stale_on_error", "who comes later need not wait as long");
  load.open("new");
  await given[0];
  assert.equal(cache.get("a"), "new");
  const without = cache.fetch("b", () => pause(60, "b"));
  assert.deepEqual(await without, { value: "b", how: "loaded" }, "with no old value all wait");
  await cache.close();
});

both("softLoadTimeout of a call, and one that is longer than loadTimeout", async ({ Cache }) => {
  const cache = await past(Cache, { ...IF_ERROR, loadTimeout: "60ms" });
  const load = gate();
  const early = cache.fetch("a", () => load.promise, { softLoadTimeout: 0 });
  assert.match((await early).error.message, /softLoadTimeout/);
  const late = cache.fetch("a", () => load.promise, { softLoadTimeout: "49d" });
  assert.match((await late).error.message, /loadTimeout \(60 ms\)/);
  load.open();
  await cache.close();
});

both("loadTimeout: old values for all who wait; without one the others load anew, and who leads goes on", async ({ Cache }) => {
  const cache = await past(Cache, { ...IF_ERROR, loadTimeout: "40ms" });
  const load = gate();
  const rescued = await Promise.all([0, 1].map(() => cache.fetch("a", () => load.promise)));
  for (const { value, how, error } of rescued) assert.deepEqual([value, how, error.name], ["old", "stale_on_error", "TimeoutError"]);
  const leader = cache.fetch("b", () => load.promise);
  const joined = cache.fetch("b", () => "mine");
  assert.deepEqual(await joined, { value: "mine", how: "loaded" });
  load.open("late");
  assert.deepEqual(await leader, { value: "late", how: "loaded" });
  assert.equal(cache.get("b"), "mine");
  await cache.close();
});

// --- refreshAhead ---

both("refreshAhead: a reader refreshes what is fresh yet, and reads it meanwhile", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: "100ms", refreshAhead: 0.01, copy: structuredClone, ...QUIET });
  let seen;
  const given = [];
  for (let loads = 0; seen === undefined; await pause(1)) {
    const before = given.length;
    const fetched = await cache.fetch("a", () => ((loads += 1), { loads }), { waitUntil: (refresh) => void given.push(refresh) });
    if (given.length > before) seen = fetched;
    assert.ok(loads < 500, "never");
  }
  assert.equal(seen.how, "hit");
  await given[0];
  assert.equal(cache.get("a").loads, seen.value.loads + 1);
  const { refreshes, stale } = cache.stats();
  assert.deepEqual([refreshes, stale], [1, 0]);
  await cache.close();
});

both("refreshAhead: who cannot load reads on until the lifetime is over", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: LONG, refreshAhead: 0.01, ...QUIET });
  // A read is told by chance to refresh, and towards the end almost surely. Long keys take another way.
  for (const key of ["a", "x".repeat(600)]) {
    for (let round = 0; round < 5; round += 1) {
      cache.set(key, { v: 1 }, { ttl: "40ms" });
      for (let found = { v: 1 }; found !== undefined; await pause(1)) {
        found = cache.get(key);
        if (found === undefined) assert.equal(cache.has(key), false);
        else assert.deepEqual(found, { v: 1 });
      }
    }
  }
  await cache.close();
});

// --- negativeTtl ---

both("what is not there is remembered for negativeTtl, and no longer; nor has it a window", async ({ Cache }) => {
  for (const nothing of [undefined, null]) {
    const cache = new Cache({ stream: ownStream(), ttl: LONG, negativeTtl: "30ms", ...REVALIDATE, ...IF_ERROR, ...QUIET });
    let loads = 0;
    const load = () => ((loads += 1), nothing);
    assert.deepEqual(await cache.fetch("a", load), { value: nothing, how: "loaded" });
    cache.set("b", nothing);
    await cache.getOrLoad("c", () => 0);
    await eventually(() => !cache.has("a") && !cache.has("b"), "its time is over");
    assert.equal(cache.has("c"), true);
    await assert.rejects(cache.fetch("a", () => Promise.reject(new Error("down"))), { message: "down" });
    assert.deepEqual(await cache.fetch("a", load), { value: nothing, how: "loaded" });
    assert.equal(loads, 2);
    await cache.close();
  }
  const cache = new Cache({ stream: ownStream(), ttl: LONG, negativeTtl: LONG, ...QUIET });
  await cache.getOrLoad("a", () => null);
  assert.deepEqual(await cache.fetch("a", assert.fail), { value: null, how: "hit" });
  await cache.close();
});

both("negativeTtl 0 keeps none, and what was there before goes", async ({ Cache }) => {
  const cache = await past(Cache, { negativeTtl: 0, ...REVALIDATE });
  assert.deepEqual(await cache.fetch("a", () => undefined), { value: undefined, how: "loaded" });
  assert.equal(cache.size, 0);
  assert.equal(cache.set("a", null), "not_kept");
  await cache.close();
});

both("`absent` says what is not there; without a negativeTtl it is not asked", async ({ Cache }) => {
  const missing = (value) => value.status === 404;
  const cache = new Cache({ stream: ownStream(), ttl: LONG, negativeTtl: "20ms", absent: missing, ...QUIET });
  await cache.getOrLoad("a", () => ({ status: 404 }));
  await cache.getOrLoad("b", () => ({ status: 200 }));
  await eventually(() => !cache.has("a"), "its time is over");
  assert.equal(cache.has("b"), true);
  await cache.close();
  const plain = new Cache({ stream: ownStream(), ttl: LONG, absent: () => assert.fail("not asked"), ...QUIET });
  await plain.getOrLoad("a", () => undefined);
  assert.deepEqual(await plain.fetch("a", assert.fail), { value: undefined, how: "hit" }, "a value like others");
  await plain.close();
});

both("a lifetime of 0 is for those who wait, and not kept", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  let loads = 0;
  const options = { ttl: (value) => (value > 0 ? 0 : undefined) };
  const load = () => pause(5, (loads += 1));
  const readings = await Promise.all([0, 1, 2].map(() => cache.fetch("a", load, options)));
  assert.deepEqual(readings.map(({ value }) => value), [1, 1, 1]);
  assert.deepEqual(hows(readings), ["loaded", "coalesced", "coalesced"]);
  assert.equal(cache.has("a"), false);
  assert.equal(cache.set("a", 1, { ttl: "0s" }), "not_kept");
  await cache.close();
});

// --- with the rest ---

both("who is aborted stops waiting, old value or not; the refresh goes on", async ({ Cache }) => {
  const cache = await past(Cache, { ...REVALIDATE, ...IF_ERROR });
  const load = gate();
  const controller = new AbortController();
  const leader = cache.fetch("a", () => load.promise, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(leader, { message: "enough" });
  assert.equal((await cache.fetch("a", assert.fail)).how, "stale");
  load.open("new");
  await eventually(() => cache.get("a") === "new", "it is stored");
  await cache.close();
});

both("a refresh in the background waits for nobody, so that there is no circle", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: LONG, ...REVALIDATE, ...QUIET });
  for (const key of ["a", "b"]) cache.set(key, `old ${key}`, { ttl: "5ms" });
  await eventually(() => !cache.has("a") && !cache.has("b"), "the lifetimes are over");
  const given = [];
  const waitUntil = (refresh) => void given.push(refresh);
  const load = (key, other) => cache.fetch(key, async () => `new ${key} of ${(await load(other, key)).value}`, { waitUntil });
  assert.equal((await load("a", "b")).value, "old a");
  await Promise.all(given);
  assert.equal(cache.get("a"), "new a of old b");
  assert.equal(cache.get("b"), "new b of old a");
  await cache.close();
});

both("within a handler a refresh goes on, and the handler's end waits for it", async ({ Cache }) => {
  const cache = await past(Cache, REVALIDATE);
  const load = gate();
  const error = new Error("mine");
  const read = [];
  const handler = cache.handler(async () => {
    read.push((await cache.fetch("a", () => load.promise)).value);
    throw error;
  });
  const handling = handler();
  await eventually(() => read.length > 0, "the reader does not wait");
  assert.equal(await settled(handling), false);
  load.open("new");
  await assert.rejects(handling, (thrown) => thrown === error);
  assert.deepEqual([read[0], cache.get("a")], ["old", "new"]);
  await cache.close();
});

both("of handlers that overlap none can tell whose a reader is: it waits", async ({ Cache }) => {
  const cache = await past(Cache, REVALIDATE);
  const load = gate();
  const rest = gate();
  const other = cache.handler(() => rest.promise)();
  const handling = cache.handler(() => cache.fetch("a", () => load.promise))();
  assert.equal(await settled(handling), false);
  rest.open();
  await other;
  load.open("new");
  assert.deepEqual(await handling, { value: "new", how: "loaded" });
  await cache.close();
});

both("a handler's end waits for a refresh no longer than its reader would", async ({ Cache }) => {
  const cache = await past(Cache, { ...REVALIDATE, softLoadTimeout: "30ms" });
  const load = gate();
  assert.equal(await cache.handler(() => cache.getOrLoad("a", () => load.promise))(), "old");
  load.open("new");
  await eventually(() => cache.get("a") === "new", "it went on");
  await cache.close();
  const hanging = await past(Cache, { ...REVALIDATE, loadTimeout: "30ms" });
  assert.equal(await hanging.handler(() => hanging.getOrLoad("a", () => new Promise(() => {})))(), "old");
  await hanging.close();
});

both("a refresh that a freeze cut off is revoked, and the next reader refreshes", async ({ Cache }) => {
  const cache = await past(Cache, { ...REVALIDATE, waitUntil: () => {} });
  const [lost, load] = [gate(), gate()];
  const handler = cache.handler((loader) => cache.getOrLoad("a", loader));
  assert.equal(await handler(() => lost.promise), "old");
  assert.equal(await handler(() => load.promise), "old");
  lost.open("from before the freeze");
  await pause(5);
  assert.equal(cache.has("a"), false);
  load.open("new");
  await eventually(() => cache.get("a") === "new", "the second one is stored");
  assert.equal(cache.stats().refreshes, 2);
  await cache.close();
});

both("the end of a cache during a refresh: the hook's promise is fulfilled, and nothing is stored", async ({ Cache }) => {
  for (const how of ["open", "fail"]) {
    const given = [];
    const cache = await past(Cache, { ...REVALIDATE, ...IF_ERROR, waitUntil: (refresh) => void given.push(refresh) });
    const load = gate();
    assert.equal(await cache.getOrLoad("a", () => load.promise), "old");
    await cache.close();
    load[how](new Error("late"));
    assert.equal(await given[0], undefined);
  }
  const cache = await past(Cache, IF_ERROR);
  const load = gate();
  const reading = cache.fetch("a", () => load.promise);
  await cache.close();
  load.fail(new Error("down"));
  await assert.rejects(reading, { message: "down" });
});

both("wrapped functions have the policies too", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: "5ms", ...QUIET });
  const given = [];
  let calls = 0;
  const wrapped = cache.wrap(() => (calls += 1), { key: () => "a", staleWhileRevalidate: LONG, waitUntil: (refresh) => void given.push(refresh) });
  assert.equal(await wrapped(), 1);
  await eventually(() => !cache.has("a"), "the lifetime is over");
  assert.equal(await wrapped(), 1);
  await given[0];
  assert.equal(calls, 2);
  await cache.close();
});

both("a refresh that nobody waits for keeps no process alive, and fails in silence", async (_, __, build) => {
  const run = async ({ Cache }) => {
    const cache = new Cache({ stream: "none", ttl: "5ms", staleWhileRevalidate: "10m", softLoadTimeout: "20s", waitUntil: () => {} });
    await cache.getOrLoad("a", () => 1);
    await cache.getOrLoad("b", () => 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await cache.getOrLoad("a", () => Promise.reject(new Error("unhandled?")));
    console.log(await cache.getOrLoad("b", () => new Promise(() => {})));
  };
  const { code, stdout, stderr, took } = await child(run, { build });
  assert.deepEqual([code, stdout, stderr], [0, "1\n", ""]);
  assert.ok(took < 15_000, `${took} ms`);
});

both("what a call says wrongly is refused before anything is loaded", async ({ Cache, SnowmeltError }) => {
  const cache = new Cache({ stream: "none", ...QUIET });
  const wrong = [
    ["ttl", "5 minutes"], ["staleWhileRevalidate", 30], ["staleIfError", "-1s"], ["softLoadTimeout", {}],
    ["refreshAhead", 1], ["refreshAhead", -0.1], ["refreshAhead", "0.5"], ["refreshAhead", Number.NaN], ["waitUntil", {}],
  ];
  for (const [option, value] of wrong) {
    const refused = (error) => {
      assert.ok(error instanceof SnowmeltError, error.stack);
      assert.deepEqual([error.code, error.option ?? option], ["INVALID_OPTION", option], error.message);
      assert.match(error.message, new RegExp(`\`${option}\``));
      return true;
    };
    await assert.rejects(cache.fetch("a", assert.fail, { [option]: value }), refused);
    await assert.rejects(cache.getMany(["a"], assert.fail, { [option]: value }), refused);
    if (option in { softLoadTimeout: 1, waitUntil: 1 }) continue;
    await assert.rejects(cache.fetch("a", () => 1, { [option]: () => value }), refused);
    assert.throws(() => cache.set("a", 1, { [option]: value }), refused);
  }
  assert.equal(cache.size, 0);
  await cache.close();
});
