/** Many keys with one load. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";

import { both, eventually, gate, ownStream, pause, settled } from "./both.mjs";
import { FakeKinesis } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };
const LONG = "10m";
const made = (keys) => keys.map((key) => [key, `${key}!`]);

/** A loader that notes what it was asked for. */
function noting(load = made) {
  const asked = [];
  const loader = ({ keys }) => (asked.push([...keys]), load(keys));
  return { asked, loader };
}

const inTime = (promise) => Promise.race([promise, pause(2_000, undefined, { ref: false }).then(() => assert.fail("it hangs"))]);

both("one call for what is missing, the rest from memory, in the order of the keys", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  cache.set("b", "cached");
  const { asked, loader } = noting((keys) => new Map(made(keys).reverse()));
  const found = await cache.getMany(["c", "b", "a", "c"], loader);
  assert.deepEqual([...found], [["c", "c!"], ["b", "cached"], ["a", "a!"]]);
  assert.deepEqual(asked, [["c", "a"]]);
  assert.deepEqual([...(await cache.getMany(new Set(["a", "b", "c"]), assert.fail))], [["a", "a!"], ["b", "cached"], ["c", "c!"]]);
  assert.equal((await cache.getMany([], assert.fail)).size, 0);
  assert.equal(cache.stats().loads, 2);
  await cache.close();
});

both("the loader may be slow, give pairs of any kind, and more than was asked for", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const loader = async ({ keys, signal }) => {
    assert.equal(signal.aborted, false);
    await pause(5);
    return Object.entries({ ...Object.fromEntries(made(keys)), other: "not asked for" });
  };
  const keys = Array.from({ length: 2_000 }, (_, number) => `key/${number}`);
  const found = await cache.getMany(keys, loader, { tags: (value, key) => [key, value, "all"], ttl: (value) => (value === "key/7!" ? 0 : undefined) });
  assert.equal(found.size, 2_000);
  assert.equal(cache.has("other"), false);
  assert.equal(cache.has("key/7"), false, "its lifetime is 0");
  assert.equal(cache.has("key/1999"), true);
  await cache.invalidate({ tags: ["key/1999!"] });
  assert.equal(cache.has("key/1999"), false);
  await cache.close();
});

both("keys that others load are joined, however the readings overlap", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { asked, loader } = noting((keys) => pause(10, made(keys)));
  const one = cache.getOrLoad("b", () => pause(5, "b, alone"));
  const [first, second, third] = await inTime(Promise.all([
    cache.getMany(["a", "b", "c"], loader),
    cache.getMany(["d", "c", "b"], loader),
    cache.getMany(["c", "d", "a"], loader),
  ]));
  assert.equal(await one, "b, alone");
  assert.deepEqual(asked, [["a", "c"], ["d"]]);
  assert.deepEqual([...first], [["a", "a!"], ["b", "b, alone"], ["c", "c!"]]);
  assert.deepEqual([...second], [["d", "d!"], ["c", "c!"], ["b", "b, alone"]]);
  assert.deepEqual([...third.keys()], ["c", "d", "a"]);
  const joins = cache.getMany(["e"], loader);
  assert.deepEqual(await cache.fetch("e", assert.fail), { value: "e!", how: "coalesced" });
  await joins;
  await cache.close();
});

both("what a batch leaves out is not there: for batches; others load it in their own way", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { asked, loader } = noting((keys) => pause(10, made(keys.filter((key) => key !== "none"))));
  const reading = cache.getMany(["a", "none"], loader);
  const joined = cache.getMany(["none"], loader);
  const other = cache.fetch("none", () => "mine");
  assert.deepEqual([...(await reading)], [["a", "a!"]]);
  assert.deepEqual([...(await joined)], []);
  assert.deepEqual(await other, { value: "mine", how: "loaded" });
  assert.deepEqual(asked, [["a", "none"]]);
  assert.equal(cache.stats().loadFailures, 0);
  cache.delete("none");
  assert.equal((await cache.getMany(["none"], loader)).size, 0);
  assert.equal(cache.has("none"), false);
  assert.equal((await cache.getMany(["none"], loader)).size, 0);
  assert.equal(asked.length, 3, "asked for each time");
  await cache.close();
});

both("with a negativeTtl what was left out is remembered, and what was there before goes", async ({ Cache }) => {
  const copy = (value) => ({ ...value, copied: value.copied ?? true });
  const cache = new Cache({ stream: ownStream(), ttl: LONG, negativeTtl: LONG, staleWhileRevalidate: LONG, copy, sizeOf: (value) => value.size, ...QUIET });
  cache.set("a", { size: 3 }, { ttl: "5ms" });
  await eventually(() => !cache.has("a"), "the lifetime is over");
  assert.equal((await cache.getMany(["a"], () => [])).size, 0);
  assert.equal(cache.has("a"), true);
  assert.equal((await cache.getMany(["a"], assert.fail)).size, 0);
  assert.deepEqual(await cache.fetch("a", assert.fail), { value: undefined, how: "hit" });
  assert.equal(cache.get("a"), undefined);
  await cache.close();

  const without = new Cache({ stream: ownStream(), ttl: LONG, staleIfError: LONG, ...QUIET });
  without.set("a", "old", { ttl: "5ms" });
  await eventually(() => !without.has("a"), "the lifetime is over");
  assert.equal((await without.getMany(["a"], () => new Map())).size, 0);
  await assert.rejects(without.getOrLoad("a", () => Promise.reject(new Error("down"))), { message: "down" }, "nothing is left to stand in");
  await without.close();
});

both("a batch that fails, fails those who wait for its keys, and nothing is stored", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  cache.set("cached", 1);
  const load = gate();
  const readings = [
    cache.getMany(["cached", "a", "b"], () => load.promise),
    cache.getOrLoad("a", assert.fail),
    cache.getMany(["b", "c"], ({ keys }) => made(keys)),
  ];
  const error = new Error("down");
  load.fail(error);
  for (const reading of readings) await assert.rejects(reading, (thrown) => thrown === error);
  assert.deepEqual([cache.stats().leases, cache.stats().loadFailures], [0, 2]);
  assert.deepEqual([...(await cache.getMany(["a", "b"], ({ keys }) => made(keys))).keys()], ["a", "b"]);
  const thrown = () => {
    throw error;
  };
  await assert.rejects(cache.getMany(["x", "y"], thrown), (at) => at === error);
  await cache.close();
});

both("old values stand in for a batch that fails, if there are some for all its keys", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: LONG, staleIfError: LONG, ...QUIET });
  for (const key of ["a", "b"]) cache.set(key, `old ${key}`, { ttl: "5ms" });
  await eventually(() => !cache.has("a") && !cache.has("b"), "the lifetimes are over");
  const down = () => Promise.reject(new Error("down"));
  assert.deepEqual([...(await cache.getMany(["a", "b"], down))], [["a", "old a"], ["b", "old b"]]);
  assert.equal(cache.stats().rescued, 2);
  await assert.rejects(cache.getMany(["a", "b", "c"], down), { message: "down" });
  const soft = await cache.getMany(["a", "b"], () => pause(40, []), { softLoadTimeout: "5ms" });
  assert.deepEqual([...soft.values()], ["old a", "old b"]);
  await pause(60);
  await cache.close();
});

both("one value that cannot be stored as its options say fails alone", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const tags = (value) => (value === "b!" ? [5] : ["t"]);
  await assert.rejects(cache.getMany(["a", "b", "c"], ({ keys }) => made(keys), { tags }), { code: "INVALID_NAME" });
  assert.deepEqual(["a", "b", "c"].map((key) => cache.has(key)), [true, false, true]);
  assert.equal(cache.stats().leases, 0);
  await cache.close();
});

both("each key has a lease of its own: an invalidation concerns one", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const reading = cache.getMany(["a", "b"], () => load.promise);
  await cache.invalidate("a");
  load.open(made(["a", "b"]));
  assert.deepEqual([...(await reading)], made(["a", "b"]), "who loaded it has it");
  assert.deepEqual([cache.has("a"), cache.has("b")], [false, true]);
  await cache.close();
});

both("old values at once, if there are some for all keys that are loaded, and a hook", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: LONG, staleWhileRevalidate: LONG, ...QUIET });
  for (const key of ["a", "b"]) cache.set(key, `old ${key}`, { ttl: "5ms" });
  await eventually(() => !cache.has("a") && !cache.has("b"), "the lifetimes are over");
  const given = [];
  const waitUntil = (refresh) => void given.push(refresh);
  const load = gate();
  assert.deepEqual([...(await cache.getMany(["a", "b"], () => load.promise, { waitUntil })).values()], ["old a", "old b"]);
  assert.equal(given.length, 1);
  assert.deepEqual([...(await cache.getMany(["b", "a", "c"], () => [["c", "c!"]])).values()], ["old b", "old a", "c!"]);
  load.open(made(["a", "b"]));
  await given[0];
  assert.deepEqual([cache.get("a"), cache.get("b"), cache.stats().stale], ["a!", "b!", 4]);
  cache.set("a", "old", { ttl: "5ms" });
  await eventually(() => !cache.has("a"), "the lifetime is over");
  assert.deepEqual([...(await cache.getMany(["a", "z"], ({ keys }) => made(keys), { waitUntil })).values()], ["a!", "z!"], "who has to wait has all of them new");
  assert.equal(given.length, 1);
  await cache.close();
});

both("one catch-up for all keys", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const [cache, writer] = [0, 1].map(() => new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "20ms", catchUpBudget: "10s", maxLag: "60s", ...QUIET }));
  const keys = Array.from({ length: 50 }, (_, number) => `key/${number}`);
  await cache.getMany(keys, ({ keys }) => made(keys));
  await cache.catchUp();
  await writer.invalidate(["key/3", "key/4"]);
  await pause(60);
  const calls = kinesis.calls.getRecords;
  const { asked, loader } = noting();
  assert.equal((await cache.getMany(keys, loader)).size, 50);
  assert.deepEqual(asked, [["key/3", "key/4"]]);
  assert.equal(kinesis.calls.getRecords, calls + 1);
  await Promise.all([cache.close(), writer.close()]);
});

both("who is aborted stops waiting, and leaves no listener; the load goes on", async ({ Cache }) => {
  const warnings = [];
  const note = (warning) => void warnings.push(warning);
  process.on("warning", note);
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const controller = new AbortController();
  const keys = Array.from({ length: 100 }, (_, number) => `key/${number}`);
  const load = gate();
  const reading = cache.getMany(keys, () => load.promise, { signal: controller.signal });
  assert.equal(await settled(reading), false);
  controller.abort(new Error("enough"));
  await assert.rejects(reading, { message: "enough" });
  load.open(made(keys));
  await eventually(() => cache.has("key/99"), "it is stored");
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  await assert.rejects(cache.getMany(["a"], assert.fail, { signal: controller.signal }), { message: "enough" });
  process.off("warning", note);
  assert.deepEqual(warnings, []);
  await cache.close();
});

both("batches that wait for each other in a circle fail, and do not hang", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const own = async ({ keys }) => {
    await pause(1);
    return cache.getMany(keys, own);
  };
  await assert.rejects(inTime(cache.getMany(["a", "b"], own)), { code: "LOAD_CYCLE" });
  const crossing = (keys, other) => cache.getMany(keys, async () => {
    await pause(5);
    await cache.getOrLoad(other, () => "never asked");
    return made(keys);
  });
  for (const { status, reason } of await inTime(Promise.allSettled([crossing(["c", "d"], "f"), crossing(["e", "f"], "c")]))) {
    assert.deepEqual([status, reason?.code], ["rejected", "LOAD_CYCLE"]);
  }
  assert.equal(cache.stats().leases, 0);
  await cache.close();
});

both("what cannot be read or loaded is refused", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  for (const keys of [undefined, null, "abc", 5, {}]) await assert.rejects(cache.getMany(keys, made), { code: "INVALID_ARGUMENT" }, String(keys));
  for (const keys of [[5], [""], ["a", "\ud800"], [undefined]]) await assert.rejects(cache.getMany(keys, made), { code: "INVALID_NAME" });
  await assert.rejects(cache.getMany(["a"]), { code: "INVALID_ARGUMENT" });
  for (const loaded of [undefined, null, "abc", 5, { a: 1 }]) await assert.rejects(cache.getMany(["a"], () => loaded), ({ code, message }) => code === "INVALID_ARGUMENT" && message.includes("Map"), String(loaded));
  await assert.rejects(cache.getMany(["a"], () => [5]), TypeError);
  assert.equal(cache.stats().leases, 0);
  await cache.close();
  await assert.rejects(cache.getMany(["a"], made), { code: "CLOSED" });
});

both("the end of a cache: who waits for a batch has what it brings, and nothing is stored", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const reading = cache.getMany(["a", "b"], () => load.promise);
  await cache.close();
  load.open(made(["a"]));
  assert.deepEqual([...(await reading)], [["a", "a!"]]);
});
