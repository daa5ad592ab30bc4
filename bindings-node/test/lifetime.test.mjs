/** How long entries are served: lifetimes, and the bounds on staleness. */
import assert from "node:assert/strict";

import { both, child, eventually, ownStream, pause } from "./both.mjs";
import { FakeKinesis, refusal } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };

both("an entry is served for its lifetime, from the start of its load", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ttl: "150ms", ...QUIET });
  const began = performance.now();
  await cache.getOrLoad("loaded slowly", () => pause(100, 1));
  cache.set("set", 1);
  cache.set("older", 1, { asOf: Date.now() - 100 });
  cache.set("short", 1, { ttl: "20ms" });
  cache.set("long", 1, { ttl: "10s" });
  assert.deepEqual(["loaded slowly", "set", "older", "short", "long"].map((key) => cache.has(key)), [true, true, true, true, true]);
  await pause(Math.max(0, 175 - (performance.now() - began)));
  assert.deepEqual(["loaded slowly", "older", "short"].map((key) => cache.get(key)), [undefined, undefined, undefined]);
  assert.equal(cache.get("set"), 1);
  await pause(110);
  assert.deepEqual(["set", "long"].map((key) => cache.get(key)), [undefined, 1]);
  assert.equal(await cache.getOrLoad("set", () => 2), 2);
  await cache.close();
});

both("lifetimes are drawn between min and max", async ({ Cache }) => {
  const cache = new Cache({ stream: "none", ttl: { min: "40ms", max: "240ms" }, ...QUIET });
  for (let index = 0; index < 200; index += 1) cache.set(`${index}`, index);
  const alive = () => cache.keys().filter((key) => cache.has(key)).length;
  assert.equal(alive(), 200);
  await pause(140);
  assert.ok(alive() > 40 && alive() < 160, `${alive()} of 200`);
  await pause(150);
  assert.equal(alive(), 0);
  await cache.close();
});

both("with the stream out of reach it is a plain cache with a lifetime of maxLag", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  kinesis.before = () => Promise.reject(refusal("InternalFailure", "out of order", 500));
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "20ms", maxLag: "200ms", ...QUIET });
  let loads = 0;
  const read = () => cache.getOrLoad("a", () => (loads += 1));
  const began = performance.now();
  assert.equal(await read(), 1);
  // Spread by up to a fifth for each entry.
  while (performance.now() - began < 140) {
    assert.equal(await read(), 1);
    assert.equal(cache.get("a"), 1);
    await pause(10);
  }
  await pause(110);
  assert.equal(cache.get("a"), undefined);
  assert.equal(await read(), 2);
  assert.equal(await read(), 2, "anew for as long");
  assert.ok(cache.stats().catchUpsFailed > 0, "and the stats say so");
  await cache.close();
});

both("a lasting failure is printed once, and once more after it worked in between", async (_, __, build) => {
  const { code, stderr } = await child(
    async ({ Cache }) => {
      let down = true;
      const call = (output) => async () => {
        if (down) throw Object.assign(new Error("no"), { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } });
        return output;
      };
      const shard = { ShardId: "shardId-000000000000", HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(2n ** 128n - 1n) }, SequenceNumberRange: { StartingSequenceNumber: "1" } };
      const transport = {
        listShards: call({ Shards: [shard] }),
        getShardIterator: call({ ShardIterator: "i" }),
        getRecords: call({ Records: [], NextShardIterator: "i", MillisBehindLatest: 0 }),
        putRecords: call({ Records: [] }),
      };
      const cache = new Cache({ stream: "orders", transport, catchUpEvery: "5ms", maxLag: "60s" });
      const reads = async (count) => {
        for (let index = 0; index < count; index += 1) {
          await cache.getOrLoad("a", () => 1);
          await cache.catchUp().catch(() => {});
        }
      };
      await reads(5);
      console.warn("-- up");
      down = false;
      await reads(3);
      console.warn("-- down");
      down = true;
      await reads(5);
    },
    { build },
  );
  assert.equal(code, 0);
  const parts = stderr.split(/-- (?:up|down)\n/).map((part) => part.trim().split("\n").filter(Boolean));
  assert.deepEqual(parts.map(({ length }) => length), [1, 0, 1], stderr);
  assert.match(parts[0][0], /^snowmelt: catching up failed.*kinesis:ListShards/);
});

both("get past catchUpEvery starts a catch-up and does not wait for it", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const [cache, writer] = [0, 1].map(() => new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "20ms", maxLag: "10s", ...QUIET }));
  await cache.getOrLoad("a", () => 1);
  assert.equal(cache.get("a"), 1);
  assert.equal(kinesis.calls.listShards, 0, "not due yet");
  await writer.invalidate("a");
  await pause(60);
  assert.equal(cache.get("a"), 1, "what is there, at once");
  assert.equal(kinesis.calls.listShards, 1);
  await eventually(() => cache.get("a") === undefined, "the catch-up applied the invalidation");
  await Promise.all([cache.close(), writer.close()]);
});

both("getOrLoad past catchUpEvery waits for the catch-up, but no longer than the budget", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const [cache, writer] = [0, 1].map(() => new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "20ms", maxLag: "10s", catchUpBudget: "60ms", ...QUIET }));
  await cache.getOrLoad("a", () => 1);
  await writer.invalidate("a");
  await pause(60);
  assert.equal(await cache.getOrLoad("a", () => 2), 2);
  await pause(60);
  kinesis.before = () => new Promise(() => {});
  const began = performance.now();
  assert.equal(await cache.getOrLoad("a", () => 3), 2, "a stream that hangs costs the budget, and nothing else");
  const took = performance.now() - began;
  assert.ok(took > 50 && took < 250, `${took} ms`);
  await Promise.all([cache.close(), writer.close()]);
});

both("the bounds hold: entries, weight, and leases", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), maxEntries: 50, maxWeight: "1kb", maxLeases: 5, sizeOf: (value) => value.length, ...QUIET });
  for (let index = 0; index < 500; index += 1) {
    cache.set(`${index}`, "x".repeat(index % 60));
    const { entries, weight } = cache.stats();
    assert.ok(entries <= 50 && weight <= 1024);
  }
  assert.equal(cache.set("heavy", "x".repeat(1025)), "too_heavy");
  const readings = Array.from({ length: 20 }, (_, index) => cache.getOrLoad(`load/${index}`, () => pause(5, `${index}`)));
  assert.ok(cache.stats().leases <= 5);
  assert.deepEqual(await Promise.all(readings), Array.from({ length: 20 }, (_, index) => `${index}`));
  assert.equal(cache.stats().fenced, 15, "the oldest lost the right to be stored");
  await cache.close();
});

both("a restored copy counts what it had as old as it is, and revokes its loads", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const reading = cache.getOrLoad("a", () => pause(10, 1));
  cache.restored();
  assert.equal(await reading, 1);
  assert.equal(cache.has("a"), false);
  await cache.close();
});
