/** The end of a cache, and what is left of it: nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { both, child, gate, libraries, ownStream, pause } from "./both.mjs";
import { FakeKinesis } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };
const CLOSED = { name: "SnowmeltError", code: "CLOSED" };

both("every method throws or rejects with CLOSED after the end", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const token = await cache.invalidate("x");
  cache.set("a", 1);
  const handler = cache.handler(async () => "still works");
  const wrapped = cache.wrap(() => 1, { key: () => "a" });
  await cache.close();
  const calls = {
    get: () => cache.get("a"),
    "get of a long key": () => cache.get("x".repeat(600)),
    "get of no key": () => cache.get(5),
    has: () => cache.has("a"),
    getOrLoad: () => cache.getOrLoad("a", () => assert.fail("loads nothing")),
    "getOrLoad of a long key": () => cache.getOrLoad("x".repeat(600), () => assert.fail("loads nothing")),
    set: () => cache.set("a", 1),
    "set with options": () => cache.set("a", 1, { tags: ["t"] }),
    "set of a long key": () => cache.set("x".repeat(600), 1),
    delete: () => cache.delete("a"),
    clear: () => cache.clear(),
    begin: () => cache.begin("a"),
    invalidate: () => cache.invalidate("a"),
    catchUp: () => cache.catchUp(),
    "catchUp to a token": () => cache.catchUp({ atLeast: token }),
    warm: () => cache.warm(),
    restored: () => cache.restored(),
    stats: () => cache.stats(),
    size: () => cache.size,
    keys: () => cache.keys(),
    "a wrapped function": () => wrapped(),
  };
  for (const [name, call] of Object.entries(calls)) await assert.rejects(async () => call(), CLOSED, name);
  assert.equal(await handler(), "still works", "an invocation does not fail for it");
  await cache.close();
});

both("closing twice is closing once", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  await Promise.all([cache.close(), cache.close(), cache[Symbol.asyncDispose]()]);
  await cache.close();
});

both("await using", async ({ Cache }) => {
  // Node 20 has the symbol and not the syntax.
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  await cache[Symbol.asyncDispose]();
  assert.throws(() => cache.get("a"), CLOSED);
  const { transformSync } = await import("esbuild");
  const source = 'async (make) => { let kept; { await using cache = make(); kept = cache; cache.set("a", 1); } return kept; }';
  const { code } = transformSync(`export default ${source}`, { target: "node20", format: "cjs" });
  const module = { exports: {} };
  new Function("module", "exports", code)(module, module.exports);
  const kept = await module.exports.default(() => new Cache({ stream: ownStream(), ...QUIET }));
  assert.throws(() => kept.get("a"), CLOSED);
});

both("a load under way at the end goes on for who waits, and is not stored", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const [load, failing] = [gate(), gate()];
  const readings = [cache.getOrLoad("a", () => load.promise), cache.getOrLoad("b", () => failing.promise)];
  const lease = cache.begin("c");
  await cache.close();
  load.open(1);
  const error = new Error("no database");
  failing.fail(error);
  assert.equal(await readings[0], 1);
  await assert.rejects(readings[1], (thrown) => thrown === error);
  assert.equal(cache.fill(lease, 1), "fenced");
  cache.begin === undefined || lease.abandon();
});

both("who waits for another's load at the end is served or told, and never hangs", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const leader = cache.getOrLoad("a", () => load.promise);
  const joined = cache.getOrLoad("a", () => load.promise);
  await cache.close();
  load.open(1);
  assert.equal(await leader, 1);
  const [{ status, value, reason }] = await Promise.allSettled([joined]);
  assert.ok(status === "fulfilled" ? value === 1 : reason.code === "CLOSED");
});

both("the end waits for invalidations under way, and their tokens are good", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const written = gate();
  kinesis.before = (operation) => (operation === "putRecords" ? written.promise : undefined);
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, ...QUIET });
  cache.set("a", 1);
  const invalidating = [cache.invalidate("a"), cache.invalidate({ all: true })];
  let over = false;
  const closing = cache.close().then(() => (over = true));
  assert.throws(() => cache.get("a"), CLOSED, "for all others it is over");
  await assert.rejects(cache.invalidate("a"), CLOSED);
  await pause(20);
  assert.equal(over, false);
  written.open();
  await closing;
  for (const token of await Promise.all(invalidating)) assert.match(token, /^sm1\./);
  assert.equal(kinesis.shards[0].records.length, 2);
});

both("the end during a catch-up: who waits is told, the late answer harms nobody", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const answer = gate();
  kinesis.before = () => answer.promise;
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, catchUpBudget: "10s", ...QUIET });
  cache.set("a", 1);
  await pause(6);
  const waiting = [cache.catchUp(), cache.catchUp({ atLeast: await new Cache({ stream: "orders", transport: new FakeKinesis().transport, ...QUIET }).invalidate("b") })];
  const invocation = cache.invocation();
  const reading = cache.getOrLoad("a", () => 2);
  await pause(5);
  const settled = Promise.allSettled([...waiting, reading]);
  await cache.close();
  for (const { status, reason } of await settled) assert.deepEqual([status, reason?.code], ["rejected", "CLOSED"]);
  assert.equal(await (await invocation)(), undefined);
  answer.open();
  await pause(10);
});

for (const build of Object.keys(libraries)) {
  test(`10,000 caches made and closed leave nothing behind (${build})`, async () => {
    const { code, stdout, stderr } = await child(
      async ({ Cache }) => {
        const round = async (count, stream) => {
          for (let made = 0; made < count; made += 1) {
            const cache = new Cache({ stream: stream(made), report: "off", onEvent() {} });
            cache.set(`key/${made}`, { made, text: "x".repeat(100) });
            cache.get(`key/${made}`);
            void cache.getOrLoad("loaded", () => made);
            if (made % 10 === 0) void cache.invalidate("other");
            await cache.close();
          }
          // Finalizers run between turns.
          for (let turn = 0; turn < 3; turn += 1) {
            globalThis.gc();
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          return { rss: process.memoryUsage().rss, heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length };
        };
        const stream = (made) => `memory:cycle-${made % 7}`;
        const own = (made) => `memory:own-${made}`;
        await round(2_000, stream);
        const before = await round(500, own);
        await round(3_500, stream);
        const after = await round(4_000, own);
        process.stdout.write(JSON.stringify([before, after]));
      },
      { build, flags: ["--expose-gc", "--max-semi-space-size=1"] },
    );
    assert.equal(code, 0, stderr);
    const [before, after] = JSON.parse(stdout);
    const grown = (what) => (after[what] - before[what]) / 2 ** 20;
    assert.ok(grown("heap") < 2, `the heap grew by ${grown("heap")} MiB`);
    assert.ok(grown("rss") < 20, `RSS grew by ${grown("rss")} MiB`);
    assert.ok(after.handles <= before.handles, `${before.handles} handles, then ${after.handles}`);
  });

  test(`caches that nobody closes are collected, with their values (${build})`, async () => {
    const { code, stdout, stderr } = await child(
      async ({ Cache }) => {
        let collected = 0;
        const registry = new FinalizationRegistry(() => (collected += 1));
        const fill = async () => {
          for (let made = 0; made < 200; made += 1) {
            const cache = new Cache({ stream: "memory:left", report: "off", onEvent() {} });
            const value = { big: "x".repeat(1_000) };
            registry.register(cache, 0);
            registry.register(value, 0);
            cache.set("a", value);
            await cache.getOrLoad("b", () => value);
            await cache.catchUp();
          }
        };
        await fill();
        for (let turn = 0; turn < 20 && collected < 400; turn += 1) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        process.stdout.write(String(collected));
      },
      { build, flags: ["--expose-gc"] },
    );
    assert.equal(code, 0, stderr);
    // The last one may still be on the stack.
    assert.ok(Number(stdout) >= 396, `${stdout} of 400`);
  });
}
