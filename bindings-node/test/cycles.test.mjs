/** Loaders that ask for each other's keys: a clear error, and no hang. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import vm from "node:vm";

import { both, libraries, ownStream, pause } from "./both.mjs";

const QUIET = { report: "off", onEvent() {} };
const CYCLE = { name: "SnowmeltError", code: "LOAD_CYCLE" };
const asks = (first, second) => ({ code, message }) => code === "LOAD_CYCLE" && message.includes(JSON.stringify(first)) && message.includes(JSON.stringify(second));

/** Fails where a test would hang. */
const inTime = (promise) => Promise.race([promise, pause(2_000, undefined, { ref: false }).then(() => assert.fail("it hangs"))]);

for (const [how, turn] of Object.entries({ "at once": async () => {}, "after a while": () => pause(3) })) {
  both(`a loader that asks for its own key, ${how}`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const loader = async () => {
      await turn();
      return cache.getOrLoad("a", loader);
    };
    await assert.rejects(inTime(cache.getOrLoad("a", loader)), asks("a", "a"));
    assert.equal(await cache.getOrLoad("a", () => 1), 1, "the next one loads anew");
    await cache.close();
  });

  both(`loaders that ask in a circle of two and of three, ${how}`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const circle = (keys) => (at) => cache.getOrLoad(keys[at], async () => {
      await turn();
      return circle(keys)((at + 1) % keys.length);
    });
    await assert.rejects(inTime(circle(["a", "b"])(0)), asks("a", "b"));
    await assert.rejects(inTime(circle(["c", "d", "e"])(0)), CYCLE);
    assert.equal(cache.stats().leases, 0);
    await cache.close();
  });

  both(`requests that cross, ${how}`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const load = (key, other) => cache.getOrLoad(key, async () => {
      await turn();
      return cache.getOrLoad(other, () => pause(1).then(() => "never asked"));
    });
    const crossing = () => Promise.allSettled([load("a", "b"), load("b", "a")]);
    for (const { status, reason } of await inTime(crossing())) {
      assert.equal(status, "rejected");
      assert.equal(reason.code, "LOAD_CYCLE");
    }
    await cache.close();
  });

  both(`a circle over two caches, ${how}`, async ({ Cache }) => {
    const [one, two] = [new Cache({ stream: ownStream(), ...QUIET }), new Cache({ stream: ownStream(), ...QUIET })];
    const first = () => one.getOrLoad("a", () => turn().then(second));
    const second = () => two.getOrLoad("a", () => turn().then(first));
    await assert.rejects(inTime(first()), CYCLE);
    await Promise.all([one.close(), two.close()]);
  });

  both(`a circle through one branch of a Promise.all, ${how}`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const asked = [];
    const reading = cache.getOrLoad("page", async () => {
      await turn();
      return Promise.all(["head", "body"].map((part) => cache.getOrLoad(part, async () => {
        await turn();
        asked.push(part);
        return part === "body" ? cache.getOrLoad("page", () => "") : part;
      })));
    });
    await assert.rejects(inTime(reading), CYCLE);
    assert.deepEqual(asked.sort(), ["body", "head"]);
    assert.equal(cache.get("head"), "head");
    await cache.close();
  });

  both(`a diamond is no circle, and neither is asking twice, ${how}`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    let bottoms = 0;
    const bottom = () => cache.getOrLoad("bottom", async () => {
      await pause(20);
      return (bottoms += 1);
    });
    const side = (name) => cache.getOrLoad(name, async () => {
      await turn();
      return (await bottom()) + (await bottom());
    });
    const top = () => cache.getOrLoad("top", () => Promise.all([side("left"), side("right"), side("left"), bottom()]));
    // It comes while all of them wait for the bottom.
    const outer = cache.getOrLoad("outer", () => pause(12).then(top));
    assert.deepEqual(await inTime(Promise.all([top(), bottom(), side("right"), outer])), [[2, 2, 2, 1], 1, 2, [2, 2, 2, 1]]);
    assert.equal(bottoms, 1);
    await cache.close();
  });
}

both("what a loader leaves behind may ask for its key later", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  let later;
  await cache.getOrLoad("a", () => {
    later = pause(10).then(() => {
      cache.delete("a");
      return cache.getOrLoad("a", () => 2);
    });
    return 1;
  });
  assert.equal(await inTime(later), 2);
  await cache.close();
});

test("without AsyncLocalStorage a circle is noticed where loaders ask before they wait (wasm)", async () => {
  // A browser, as far as this is concerned: no process, and so no node:async_hooks.
  const host = { WebAssembly, TextDecoder, TextEncoder, atob, btoa, performance, console, setTimeout, clearTimeout, AbortController, AbortSignal, DOMException };
  const module = { exports: {} };
  const run = vm.runInNewContext(`(function (module, exports, require) {${readFileSync(libraries.wasm, "utf8")}\n})`, host);
  run(module, module.exports, createRequire(libraries.wasm));
  const cache = new module.exports.Cache({ stream: "memory:no-storage", report: "off", onEvent() {} });
  const loader = () => cache.getOrLoad("a", loader);
  await assert.rejects(inTime(cache.getOrLoad("a", loader)), CYCLE);
  const [b, c] = [() => cache.getOrLoad("b", c), () => cache.getOrLoad("c", b)];
  await assert.rejects(inTime(b()), CYCLE);
  const side = (name) => cache.getOrLoad(name, () => cache.getOrLoad("bottom", () => pause(1).then(() => 1)));
  assert.deepEqual(await cache.getOrLoad("top", () => Promise.all([side("left"), side("right")])).then((values) => [...values]), [1, 1]);
  await cache.close();
});
