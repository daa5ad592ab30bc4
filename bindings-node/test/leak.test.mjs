/** What has left the cache can be collected, and what goes through it leaves no trace. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { child, libraries } from "./both.mjs";

/** With a young generation that does not grow, RSS tells. */
const FLAGS = ["--expose-gc", "--max-semi-space-size=1"];

const run = async (build, work) => {
  const { code, stdout, stderr } = await child(work, { build, flags: FLAGS, most: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

for (const build of Object.keys(libraries)) {
  test(`a million sets over a thousand entries keep heap and RSS flat (${build})`, async () => {
    const [before, after, size] = await run(build, async ({ Cache }) => {
      const cache = new Cache({ stream: "memory:", maxEntries: 1_000, report: "off" });
      const sets = (from, to) => {
        for (let index = from; index < to; index += 1) cache.set(`users/${index}`, { index });
      };
      const measured = async () => {
        for (let turn = 0; turn < 3; turn += 1) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const { heapUsed, rss } = process.memoryUsage();
        return { heap: heapUsed, rss };
      };
      sets(0, 200_000);
      const before = await measured();
      sets(200_000, 1_200_000);
      process.stdout.write(JSON.stringify([before, await measured(), cache.size]));
    });
    assert.equal(size, 1_000);
    const grown = (what) => (after[what] - before[what]) / 2 ** 20;
    assert.ok(grown("heap") < 1, `the heap grew by ${grown("heap")} MiB`);
    assert.ok(grown("rss") < 16, `RSS grew by ${grown("rss")} MiB`);
  });

  test(`a hundred thousand loads keep heap and RSS flat, and signals without listeners (${build})`, async () => {
    const [before, after, listeners, leases] = await run(build, async ({ Cache }) => {
      const cache = new Cache({ stream: "memory:", maxEntries: 1_000, report: "off" });
      const { signal } = new AbortController();
      const loads = async (from, to) => {
        for (let index = from; index < to; index += 10) {
          const keys = Array.from({ length: 10 }, (_, place) => `users/${index + place}`);
          await Promise.all(keys.map((key) => cache.getOrLoad(key, async () => ({ key }), { signal, tags: [key.slice(0, 8)] })));
          // What is native is let go between turns.
          if (index % 1_000 === 0) await new Promise(setImmediate);
        }
      };
      const measured = async () => {
        for (let turn = 0; turn < 3; turn += 1) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const { heapUsed, rss } = process.memoryUsage();
        return { heap: heapUsed, rss };
      };
      await loads(0, 20_000);
      const before = await measured();
      await loads(20_000, 120_000);
      const listeners = require("node:events").getEventListeners(signal, "abort").length;
      process.stdout.write(JSON.stringify([before, await measured(), listeners, cache.stats().leases]));
    });
    const grown = (what) => (after[what] - before[what]) / 2 ** 20;
    assert.ok(grown("heap") < 1, `the heap grew by ${grown("heap")} MiB`);
    assert.ok(grown("rss") < 24, `RSS grew by ${grown("rss")} MiB`);
    assert.deepEqual([listeners, leases], [0, 0]);
  });

  test(`whatever leaves the cache can be collected (${build})`, async () => {
    const left = await run(build, async ({ Cache }) => {
      const quiet = { report: "off", onEvent() {} };
      const cache = new Cache({ stream: "memory:leak", maxWeight: 100, ...quiet });
      const small = new Cache({ stream: "none", maxEntries: 2, ...quiet });
      const other = new Cache({ stream: "memory:leak", ...quiet });
      const alive = new Map();
      const registry = new FinalizationRegistry((name) => alive.delete(name));
      const value = (name) => {
        const made = { name };
        registry.register(made, name);
        alive.set(name, true);
        return made;
      };
      const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
      const ways = {
        deleted: (name) => {
          cache.set(name, value(name));
          cache.delete(name);
        },
        replaced: (name) => {
          cache.set(name, value(name));
          cache.set(name, 1);
        },
        "replaced with options": (name) => {
          cache.set(name, value(name), { tags: ["t"] });
          cache.set(name, 1, { tags: ["t"] });
        },
        "replaced by a load": async (name) => {
          cache.set(name, value(name), { ttl: "5ms" });
          await pause(20);
          await cache.getOrLoad(name, () => 1);
        },
        evicted: (name) => {
          small.set(name, value(name));
          for (let index = 0; index < 10; index += 1) small.set(`${index}`, index);
        },
        "invalidated by key": (name) => {
          cache.set(name, value(name));
          return cache.invalidate(name);
        },
        "invalidated by tag": (name) => {
          cache.set(name, value(name), { tags: ["a tag"] });
          return cache.invalidate({ tags: ["a tag"] });
        },
        "invalidated by prefix": (name) => {
          cache.set(name, value(name));
          return cache.invalidate({ prefixes: ["invalidated by"] });
        },
        "invalidated over the stream": async (name) => {
          cache.set(name, value(name));
          await cache.catchUp({ atLeast: await other.invalidate(name) });
        },
        "fenced load": async (name) => {
          const loading = cache.getOrLoad(name, async () => {
            await pause(1);
            return value(name);
          });
          await cache.invalidate(name);
          await loading;
        },
        "fenced set": (name) => cache.set(name, value(name), { asOf: 0 }),
        "fenced lease": async (name) => {
          const lease = cache.begin(name);
          await cache.invalidate(name);
          cache.fill(lease, value(name));
        },
        "too heavy": (name) => cache.set(name, value(name), { weight: 101 }),
        "too heavy load": (name) => cache.getOrLoad(name, () => value(name), { weight: 101 }),
        "set with a key that is none": (name) => {
          try {
            cache.set(5, value(name));
          } catch {}
        },
        "set with options that are none": (name) => {
          try {
            cache.set(name, value(name), { ttl: "soon" });
          } catch {}
        },
        "expired, then read": async (name) => {
          cache.set(name, value(name), { ttl: "5ms" });
          await pause(20);
          if (cache.get(name) !== undefined) throw new Error("it has not expired");
          await cache.getOrLoad(name, () => Promise.reject(new Error("no"))).catch(() => {});
        },
        cleared: (name) => {
          small.set(name, value(name));
          small.clear();
        },
        closed: async (name) => {
          const closing = new Cache({ stream: "memory:leak", ...quiet });
          closing.set(name, value(name));
          globalThis.closedOne = closing;
          await closing.close();
        },
      };
      for (const [name, way] of Object.entries(ways)) await way(name);
      const kept = value("kept");
      cache.set("kept", kept);
      for (let turn = 0; turn < 50 && alive.size > 1; turn += 1) {
        globalThis.gc();
        await pause(10);
      }
      if (cache.get("kept") !== kept) throw new Error("the one that is cached is gone");
      process.stdout.write(JSON.stringify([...alive.keys()]));
    });
    assert.deepEqual(left, ["kept"]);
  });
}
