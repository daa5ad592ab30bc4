/** Values stay what they are, by reference, unless one asks for copies. */
import assert from "node:assert/strict";

import { both, ownStream } from "./both.mjs";

const QUIET = { report: "off", onEvent() {} };

const VALUES = {
  undefined,
  null: null,
  NaN: Number.NaN,
  "-0": -0,
  false: false,
  "an empty text": "",
  "a bigint": 10n ** 30n,
  "a symbol": Symbol("value"),
  "a function": () => 1,
  "a class": class {},
  "an object": { deep: { inside: [1] } },
  "an object without a prototype": Object.assign(Object.create(null), { a: 1 }),
  "an array": [1, , 3],
  "a map": new Map([[{}, new WeakMap()]]),
  "bytes": new Uint8Array(3),
  "a proxy": new Proxy({}, { get: () => assert.fail("nobody looks inside") }),
  "an error": new Error("a value like any other"),
};

for (const [name, value] of Object.entries(VALUES)) {
  both(`${name} as a value`, async ({ Cache }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const never = () => assert.fail("it is cached");
    assert.equal(cache.set("set", value), "stored");
    assert.equal(cache.set("set with options", value, { tags: ["t"], ttl: "1m", weight: 2 }), "stored");
    // A proxy that is awaited is asked for its `then`.
    const loaded = name === "a proxy" ? undefined : await cache.getOrLoad("loaded", () => value);
    const lease = cache.begin("filled");
    assert.equal(cache.fill(lease, value), "stored");
    for (const key of ["set", "set with options", "filled", ...(name === "a proxy" ? [] : ["loaded"])]) {
      assert.equal(cache.has(key), true, key);
      assert.ok(Object.is(cache.get(key), value), key);
      if (name !== "a proxy") assert.ok(Object.is(await cache.getOrLoad(key, never), value), key);
    }
    assert.ok(name === "a proxy" || Object.is(loaded, value));
    assert.equal(cache.delete("set"), true);
    assert.equal(cache.has("set"), false);
    assert.equal(cache.delete("set"), false);
    await cache.close();
  });
}

both("a promise that is set stays one; one that a loader returns is awaited", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const promise = Promise.resolve(1);
  cache.set("set", promise);
  assert.equal(cache.get("set"), promise);
  assert.equal(await cache.getOrLoad("set", () => assert.fail("it is cached")), 1);
  assert.equal(await cache.getOrLoad("loaded", () => promise), 1);
  assert.equal(cache.get("loaded"), 1);
  await cache.close();
});

both("freeze: whoever changes a value gets an error, however deep", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), freeze: true, ...QUIET });
  const circular = { list: [{ a: 1 }], map: new Map([["k", {}]]), date: new Date(0) };
  circular.self = circular;
  const got = await cache.getOrLoad("a", () => circular);
  assert.equal(got, circular, "by reference");
  assert.throws(() => (got.list[0].a = 2), TypeError);
  assert.throws(() => got.list.push(1), TypeError);
  got.map.set("k", 2);
  got.date.setTime(1);
  cache.set("b", [[1]]);
  assert.throws(() => cache.get("b")[0].push(2), TypeError);
  for (const value of [undefined, null, 5, "text", Symbol("s"), () => 1]) assert.equal(cache.set("c", value), "stored");
  await cache.close();
});

both("copy: what one reader changes is nobody else's", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), copy: structuredClone, ...QUIET });
  const own = { list: [1] };
  const gate = Promise.resolve();
  const loader = () => gate.then(() => own);
  const all = await Promise.all([cache.getOrLoad("a", loader), cache.getOrLoad("a", loader), cache.getOrLoad("a", loader)]);
  all.push(cache.get("a"), await cache.getOrLoad("a", loader));
  assert.equal(new Set([...all, own]).size, 6, "to each its own");
  for (const one of [...all, own]) one.list.push("changed");
  assert.deepEqual(cache.get("a"), { list: [1] });
  const [set, filled] = [{ list: [1] }, { list: [1] }];
  cache.set("b", set);
  cache.fill(cache.begin("c"), filled);
  const lease = cache.begin("d");
  const joined = cache.begin("d").wait();
  cache.fill(lease, filled);
  (await joined).value.list.push("changed");
  set.list.push("changed");
  filled.list.push("changed");
  assert.deepEqual([cache.get("b"), cache.get("c"), cache.get("d")], [{ list: [1] }, { list: [1] }, { list: [1] }]);
  await cache.close();
});

both("freeze and copy together: readers get copies that they may change", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), freeze: true, copy: structuredClone, ...QUIET });
  const own = { list: [1] };
  const got = await cache.getOrLoad("a", () => own);
  got.list.push(2);
  assert.deepEqual(cache.get("a"), { list: [1] });
  assert.throws(() => own.list.push(3), TypeError, "the loader's own object is frozen");
  await cache.close();
});

both("a value that cannot be copied fails who brought it, and leaves nothing behind", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), copy: structuredClone, ...QUIET });
  assert.throws(() => cache.set("a", () => 1), { name: "DataCloneError" });
  await assert.rejects(cache.getOrLoad("a", () => () => 1), { name: "DataCloneError" });
  const lease = cache.begin("a");
  const joined = cache.begin("a").wait();
  assert.throws(() => cache.fill(lease, () => 1), { name: "DataCloneError" });
  assert.equal(await joined, undefined, "who waited is told to load in their own way");
  assert.deepEqual([cache.has("a"), cache.stats().leases], [false, 0]);
  assert.equal(await cache.getOrLoad("a", () => 1), 1);
  await cache.close();
});
