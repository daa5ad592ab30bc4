/** Bad input: refused where it comes in, with what it was and a remedy. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";

import { api, both, ownStream } from "./both.mjs";
import { builds } from "./builds.mjs";

const QUIET = { report: "off", onEvent() {} };
const TRANSPORT = { listShards() {}, getShardIterator() {}, getRecords() {}, putRecords() {} };
const KIB = 1024;

// --- options ---

const NO_DURATION = ["", "5", "5 minutes", "-5s", "1e3s", 30, 999, 0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, null, true, {}, [], () => 1, 5n, Symbol("s")];
const NO_COUNT = ["", "5", "many", -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, true, {}, [5], () => 1, 5n];
const NO_SIZE = ["", "64", "mb", "1tb", -1, 1.5, Number.NaN, null, true, {}, [], () => 1];
const NO_FUNCTION = [null, "text", 5, true, {}, []];
const NO_TEXT = [null, "", 5, true, {}, [], () => 1];
const ENDLESS = {};
ENDLESS.dynamodb = [ENDLESS];

const users = (fields) => ({ dynamodb: { table: "users", ...fields } });
const NO_TEMPLATE = [null, "", "users/{", "users/}", "{}", "{ id}", "{a{b}", 5, true, {}, { other: "text" }, () => 1, ["k", 5], ["k", "{"], [["k"]], new Map(), "\ud800", Symbol("s")];
const NO_SOURCE = [
  "users", 5, true, null, () => 1, Symbol("s"), new Map([["dynamodb", {}]]), new Date(), new Uint8Array(1 << 20), {}, { dynamodb: undefined },
  { ...users({ key: "k" }), parameterStore: { key: "k" } }, [null], [[users({ key: "k" })]], [users({ key: "k" }), "x"], [users({ key: "k" }), {}], [, users({ key: "k" })],
  ENDLESS, { dynamodb: ENDLESS }, users({ key: ENDLESS }), users({ key: [[[[["k"]]]]] }), Array(1001).fill(users({ key: "k" })),
  ...["dynamodb", "parameterStore", "secretsManager"].flatMap((origin) => [null, "users", 5, [], () => 1, {}].map((value) => ({ [origin]: value }))),
  ...[undefined, null, "", "ab", "a b", "x".repeat(256), 5, {}, ["users"], "arn:aws:dynamodb:us-east-1:1:table/a b"].map((table) => users({ key: "k", table })),
  users({}), users({ key: [] }), users({ key: undefined, tag: [] }), { parameterStore: { key: "{id}" } }, { secretsManager: { tag: "{name}" } },
  ...["key", "tag", "prefix"].flatMap((name) => NO_TEMPLATE.map((template) => users({ [name]: template }))),
];

/** Every option, with what it cannot be. */
const BAD_OPTIONS = {
  stream: [null, "", " ", "undefined", "null", "NaN", "[object Object]", "memory:undefined", 5, true, {}, [], () => 1, Symbol("s")],
  region: NO_TEXT,
  endpoint: NO_TEXT,
  transport: [null, "text", 5, {}, { ...TRANSPORT, putRecords: undefined }, [], () => 1],
  ttl: [...NO_DURATION, 0, "0s", "50d", { min: "1s" }, { max: "1s" }, { min: "2s", max: "1s" }, { min: "1s", max: "2s", mid: "1s" }, { min: 5, max: "1s" }, { min: "0s", max: "1s" }],
  catchUpEvery: [...NO_DURATION, "11s"],
  maxLag: [...NO_DURATION, 0, "50d"],
  margin: [...NO_DURATION, 0, "999ms", "2h"],
  settle: [...NO_DURATION, "2h"],
  retention: [...NO_DURATION, 0, "59s", "367d"],
  catchUpBudget: [...NO_DURATION, 0, "61s"],
  callTimeout: [...NO_DURATION, 0, "61s"],
  loadTimeout: [...NO_DURATION, 0, "16m"],
  softLoadTimeout: [...NO_DURATION, 0, "31s"],
  staleWhileRevalidate: [...NO_DURATION, "50d"],
  staleIfError: [...NO_DURATION, "50d"],
  refreshAhead: ["", "0.8", "80%", 0, 1, -0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, true, {}, [0.5], () => 1, 5n],
  negativeTtl: [...NO_DURATION, "50d"],
  absent: NO_FUNCTION,
  waitUntil: NO_FUNCTION,
  maxEntries: [...NO_COUNT, 0, 2 ** 31 + 1],
  maxWeight: [...NO_SIZE, 0],
  sizeOf: NO_FUNCTION,
  maxLeases: [...NO_COUNT, 0, 2 ** 24 + 1],
  maxFences: [...NO_COUNT, 0, 2 ** 24 + 1],
  lanes: [...NO_COUNT, 0, 501],
  namespace: [null, 5, true, {}, [], () => 1, "n".repeat(257), "\ud800"],
  onUndecodable: [null, "", "Skip", "drop", 5, true, {}, () => 1],
  recordFormat: [null, "", "json", 5, true, {}, () => 1],
  source: NO_SOURCE,
  keysAsTags: [null, "", "true", "yes", 0, 1, {}, [], [true], () => true],
  giveUpRecords: [...NO_COUNT, 0],
  giveUpBytes: [...NO_SIZE, 0],
  pageRecords: [...NO_COUNT, 0, 10_001],
  onEvent: NO_FUNCTION,
  report: [null, "", "JSON", "xml", 5, true, {}, { emf: "" }, { emf: 5 }, []],
  reportTo: NO_FUNCTION,
  freeze: [null, "yes", 0, 1, {}],
  copy: [null, "text", true, {}],
};

/** Options that were written as no option is called. */
const UNKNOWN = { max_lag: "maxLag", maxlag: "maxLag", ttlMin: undefined, ttl_min: undefined, segments: undefined, onevent: "onEvent", flavour: undefined, constructor: undefined, toString: undefined, __proto: undefined };

const show = (value) => (typeof value === "object" ? inspect(value, { breakLength: Infinity }) : String(value)).slice(0, 120);

/** What a message must not have: the core's own spelling, Rust's words, or nothing to go by. */
function readable(message) {
  assert.doesNotMatch(message, /[a-z]_[a-z]/, "no snake_case");
  assert.doesNotMatch(message, /ttlM(in|ax)|Some\(|None\b|Err\(|\[object Object\](?!")/, "as users write it");
  assert.doesNotMatch(message, /^\{/, "no JSON of the core's");
}

for (const [option, values] of Object.entries(BAD_OPTIONS)) {
  both(`option ${option}`, ({ Cache, SnowmeltError }) => {
    for (const value of values) {
      const options = { stream: "memory:input", ...QUIET, [option]: value };
      assert.throws(
        () => new Cache(options),
        (error) => {
          assert.ok(error instanceof SnowmeltError, `${show(value)}: ${error.stack}`);
          assert.deepEqual([error.name, error.code, error.option], ["SnowmeltError", "INVALID_OPTION", option], `${show(value)}: ${error.message}`);
          readable(error.message);
          const [, named, was, remedy] = /^option `(\w+)(?:\[\d+\])?(?:\.\w+)*(?:\[\d+\])?` (?:is|=) (.+?): (.+)$/s.exec(error.message) ?? assert.fail(error.message);
          assert.equal(named, option);
          assert.ok(was.length > 0 && was.length <= 130, error.message); // the core cuts at 128 bytes
          assert.match(remedy, /give|use|write|make|leave|longer|there are|usual cause/, error.message);
          return true;
        },
        `${option}: ${show(value)}`,
      );
    }
    // Undefined is as good as left out.
    if (option !== "stream") new Cache({ stream: "memory:input", ...QUIET, [option]: undefined }).close();
  });
}

both("options that do not fit together", ({ Cache }) => {
  for (const [options, named, other] of [
    [{ maxLag: "500ms" }, "catchUpEvery", "500ms"],
    [{ catchUpEvery: "20s" }, "catchUpEvery", "10s"],
    [{ retention: "1m", margin: "1m" }, "retention", "`margin`"],
    [{ softLoadTimeout: "6s", loadTimeout: "5s" }, "softLoadTimeout", "`loadTimeout`"],
    [{ ttl: { min: "2s", max: "1s" } }, "ttl", "`ttl.max`"],
    [{ lanes: 3, source: users({ key: "k" }) }, "lanes", "`source`"],
  ]) {
    assert.throws(() => new Cache({ stream: "none", ...options }), ({ code, option, message }) => {
      readable(message);
      return code === "INVALID_OPTION" && option === named && message.includes(other);
    });
  }
});

const EXAMPLE = "give an object with one of `dynamodb`, `parameterStore` and `secretsManager`, such as { dynamodb: { table: \"users\", key: \"users/{pk}\" } }, or a list of such objects";

/** What is said of a source: always the place, the value and the remedy. */
const OF_SOURCES = [
  ["users", `option \`source\` is "users": ${EXAMPLE}`],
  [new Map(), `option \`source\` is of type Map: ${EXAMPLE}`],
  [{}, `option \`source\` is an object without a field: ${EXAMPLE}`],
  [[users({ key: "k" }), 5], `option \`source[1]\` is 5: ${EXAMPLE}`],
  [{ parameterStore: "config" }, "option `source.parameterStore` is \"config\": give an object, such as { key: \"config/{name}\" }"],
  [{ parameterStore: {} }, "option `source.parameterStore` is without a template: give a `key`, a `tag` or a `prefix`, such as \"users/{pk}\""],
  [users({ key: "k", table: undefined }), "option `source.dynamodb.table` is not given: give the table's name or its ARN"],
  [users({ key: { other: "text" } }), "option `source.dynamodb.key` is an object: give a template, such as \"users/{pk}\", or a list of them"],
  [users({ key: ["k", "users/{pk"] }), "option `source.dynamodb.key[1]` is \"users/{pk\": at character 7, `{` is not closed: write `}` after the name, or `{{` for a brace itself"],
  [[{ secretsManager: { key: "{name}" } }, users({ key: "k" })], "option `source[0].secretsManager.key` is \"{name}\": {name} is nothing that these events have: there are {id}, {region}, {account}"],
  [{ parameter_stores: {} }, "option `source.parameterStores` is unknown: did you mean `parameterStore`?"],
  [{ other: "text" }, "option `source.other` is unknown: there are `dynamodb`, `parameterStore`, `secretsManager`"],
  [[users({ key: "k" }), { secretsManager: { key: "k", my_key: 1 } }], "option `source[1].secretsManager.my_key` is unknown: there are `key`, `tag`, `prefix`"],
  [users({ keys: "k" }), "option `source.dynamodb.keys` is unknown: did you mean `key`?"],
];

both("what is wrong with a source is named with its place", ({ Cache }) => {
  for (const [source, message] of OF_SOURCES) {
    assert.throws(() => new Cache({ stream: "memory:", source }), { name: "SnowmeltError", code: "INVALID_OPTION", option: "source", message }, show(source));
  }
  for (const source of [[], users({ key: "k", tag: undefined, prefix: undefined }), Object.assign(Object.create(null), users({ key: ["{{{id}}}"] })), Array(1000).fill(users({ key: "k" }))]) {
    new Cache({ stream: "memory:", ...QUIET, source }).close();
  }
});

both("a stream that is undefined, or that nobody gave, is told with its usual cause", ({ Cache }) => {
  for (const options of [{ stream: undefined }, {}, { ttl: "5m" }]) {
    assert.throws(() => new Cache(options), ({ code, option, message }) => code === "INVALID_OPTION" && option === "stream" && message.includes("environment variable"));
  }
});

both("what is no object of options", ({ Cache }) => {
  for (const options of [undefined, null, "orders", 5, () => 1]) {
    assert.throws(() => new Cache(options), ({ code, message }) => code === "INVALID_OPTION" && message.includes("stream"), show(options));
  }
});

both("unknown options are refused, and told what was meant", ({ Cache }) => {
  for (const [option, meant] of Object.entries(UNKNOWN)) {
    assert.throws(
      () => new Cache({ stream: "memory:", [option]: "5s" }),
      (error) => {
        assert.deepEqual([error.code, error.option], ["INVALID_OPTION", option], error.message);
        assert.ok(error.message.includes(`\`${option}\` is unknown`), error.message);
        const remedy = error.message.split("is unknown: ")[1];
        readable(remedy);
        if (meant !== undefined) assert.ok(remedy.includes(`did you mean \`${meant}\``), error.message);
        else for (const known of Object.keys(BAD_OPTIONS)) assert.ok(remedy.includes(`\`${known}\``), `${known}: ${error.message}`);
        return true;
      },
      option,
    );
  }
});

/** What a message lists after "there are". */
const listed = (message) => [...message.split("there are ")[1].matchAll(/`(\w+)`/g)].map(([, name]) => name);

test("every option of the core is an option here, in the README and in the types", async () => {
  const caught = (call) => {
    try {
      call();
    } catch (error) {
      return error.message;
    }
    return assert.fail("it should be refused");
  };
  const file = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  const explained = new Set(file("README.md").split("\n## Options\n")[1].split("\n## ")[0].match(/(?<=^\|.*`)\w+(?=`.*\|)/gm));
  for (const { name, load } of builds) {
    const { Cache } = api(name);
    const options = listed(caught(() => new Cache({ stream: "none", flavour: 1 })));
    assert.deepEqual(options.toSorted(), Object.keys(BAD_OPTIONS).sort());
    const camel = (option) => option.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    const core = listed(JSON.parse(caught(() => load().checkConfig([["flavour", 1]]))).message).map(camel);
    assert.ok(core.length > 20 && core.includes("keysAsTags"), String(core));
    for (const option of core.filter((option) => !/^ttlM(in|ax)$/.test(option))) assert.ok(options.includes(option), option);
    for (const option of options) {
      assert.ok(explained.has(option), `the README's table lacks ${option}`);
      assert.match(file("lib/types/options.d.ts"), new RegExp(`\\n    ${option}\\??: `), `the types lack ${option}`);
    }
  }
});

test("Kinesis without a transport is refused in the wasm build, with the remedy", () => {
  assert.throws(() => new (api("wasm").Cache)({ stream: "orders" }), ({ code, option, message }) => code === "INVALID_OPTION" && option === "transport" && message.includes("kinesisTransport"));
});

test("kinesisTransport names the variable that is missing", () => {
  const given = { region: "eu-west-1", accessKeyId: "a", secretAccessKey: "b" };
  for (const option of Object.keys(given)) {
    for (const value of [undefined, null, "", 5]) {
      assert.throws(() => api("wasm").kinesisTransport({ ...given, [option]: value }), { code: "INVALID_OPTION", option });
    }
  }
});

// --- keys ---

const NO_KEYS = [undefined, null, 5, 5n, true, Symbol("k"), {}, [], ["a"], () => "a", new String("a"), Number.NaN];
const NO_NAMES = {
  "an empty text": "",
  "a lone high surrogate": "\ud83d",
  "a lone low surrogate": "\ude00",
  "one in the middle": `users/\ud83d/${"x".repeat(10)}`,
  "one at the end": "users/\ud83d",
  "two in the wrong order": "\ude00\ud83d",
  "one in a long text": `${"x".repeat(600)}\udfff${"y".repeat(600)}`,
  "one beyond a mebibyte": `${"x".repeat(KIB * KIB)}\ud800`,
  "64 KiB and a byte": "x".repeat(64 * KIB + 1),
  "64 KiB and a byte, in fewer characters": `${"é".repeat(32 * KIB)}x`,
  "64 KiB and two bytes of emoji": `${"😀".repeat(16 * KIB)}xy`,
  "a mebibyte": "x".repeat(KIB * KIB),
};

const METHODS = {
  get: (cache, key) => cache.get(key),
  has: (cache, key) => cache.has(key),
  set: (cache, key) => cache.set(key, 1),
  "set with options": (cache, key) => cache.set(key, 1, { ttl: "1s" }),
  delete: (cache, key) => cache.delete(key),
  begin: (cache, key) => cache.begin(key),
  getOrLoad: (cache, key) => cache.getOrLoad(key, () => 1),
  wrap: (cache, key) => cache.wrap(() => 1, { key: () => key })(),
  invalidate: (cache, key) => cache.invalidate([key]),
  "invalidate keys": (cache, key) => cache.invalidate({ keys: ["fine", key] }),
};

for (const [method, call] of Object.entries(METHODS)) {
  both(`keys that are none, to ${method}`, async ({ Cache, SnowmeltError }) => {
    const cache = new Cache({ stream: ownStream(), ...QUIET });
    const tried = [...NO_KEYS.map((key) => [typeof key, key]), ...Object.entries(NO_NAMES)];
    for (const [name, key] of tried) {
      await assert.rejects(
        async () => call(cache, key),
        (error) => {
          assert.ok(error instanceof SnowmeltError, `${name}: ${error.stack}`);
          assert.equal(error.code, "INVALID_NAME", name);
          assert.match(error.message, /key/, name);
          assert.ok(error.message.length < 300, `${name}: ${error.message.length} characters`);
          readable(error.message);
          return true;
        },
        name,
      );
    }
    assert.deepEqual([cache.size, cache.stats().leases], [0, 0]);
    await cache.close();
  });
}

const FINE_KEYS = {
  "one letter": "a",
  "U+FFFD": "\ufffd",
  "U+FFFD in between": "users/\ufffd/1",
  "no ASCII": "användare/åäö",
  "Chinese": "用户/一",
  "emoji": "😀",
  "a family of emoji": "👨‍👩‍👧",
  "NUL": "\0",
  "NUL in between": "a\0b",
  "before NUL": "a",
  "blanks": "   ",
  "a line end": "\n",
  "__proto__": "__proto__",
  "constructor": "constructor",
  "hasOwnProperty": "hasOwnProperty",
  "the highest": "\u{10ffff}",
  "private use": "\ue000",
  "the byte order mark": "\ufeffa",
  "composed": "é",
  "decomposed": "e\u0301",
  "64 KiB": "x".repeat(64 * KIB),
  "64 KiB less a byte": "x".repeat(64 * KIB - 1),
  "64 KiB of two bytes each": "é".repeat(32 * KIB),
  "64 KiB of emoji": "😀".repeat(16 * KIB),
};
for (const units of [509, 510, 511, 512, 513, 1023, 1024, 1025]) {
  FINE_KEYS[`${units} units`] = "x".repeat(units);
  FINE_KEYS[`${units} units, not ASCII`] = "é".repeat(units);
  FINE_KEYS[`${units} units, the last an emoji`] = `${"x".repeat(units - 2)}😀`;
}

both("keys that look odd are keys, each its own", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const keys = new Set(Object.values(FINE_KEYS));
  const value = (key) => `value of ${key}`;
  for (const key of keys) {
    assert.equal(cache.get(key), undefined);
    assert.equal(cache.has(key), false);
    assert.equal(cache.set(key, value(key)), "stored");
  }
  assert.equal(cache.size, keys.size);
  assert.deepEqual(new Set(cache.keys()), keys);
  for (const key of keys) {
    assert.equal(cache.get(key), value(key));
    assert.equal(cache.has(key), true);
    assert.equal(await cache.getOrLoad(key, () => assert.fail("it is cached")), value(key));
    cache.set(key, "with options", { tags: [key], ttl: "1m" });
    assert.equal(cache.get(key), "with options");
  }
  for (const key of keys) {
    await cache.invalidate({ tags: [key] });
    assert.equal(cache.has(key), false);
    assert.equal(await cache.getOrLoad(key, () => value(key)), value(key));
    assert.equal(cache.delete(key), true);
    cache.fill(cache.begin(key), 1);
    await cache.invalidate(key);
    assert.equal(cache.get(key), undefined);
  }
  assert.equal(cache.size, 0);
  assert.equal({}.polluted, undefined);
  await cache.close();
});

both("odd keys travel over the stream as they are", async ({ Cache }) => {
  const stream = ownStream();
  const [writer, reader] = [new Cache({ stream, ...QUIET }), new Cache({ stream, ...QUIET })];
  for (const key of new Set(Object.values(FINE_KEYS))) {
    await reader.getOrLoad(key, () => 1);
    await reader.getOrLoad("other", () => 1);
    await reader.catchUp({ atLeast: await writer.invalidate(key) });
    assert.deepEqual([reader.has(key), reader.has("other")], [false, true]);
  }
  await Promise.all([writer.close(), reader.close()]);
});

// --- everything else ---

const refuses = (codes) => (error) => {
  assert.equal(error.name, "SnowmeltError", error.stack);
  assert.ok([codes].flat().includes(error.code), `${error.code}: ${error.message}`);
  readable(error.message);
  return true;
};

both("tags that are none", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const lists = [5, true, null, {}, new Set(["a"]), [5], [null], ["fine", undefined], [[]], ...Object.values(NO_NAMES).map((name) => [name])];
  for (const tags of lists) {
    const note = show(tags)?.slice(0, 40);
    assert.throws(() => cache.set("a", 1, { tags }), refuses("INVALID_NAME"), note);
    await assert.rejects(cache.getOrLoad("a", () => 1, { tags }), refuses("INVALID_NAME"), note);
    await assert.rejects(cache.getOrLoad("a", () => 1, { tags: () => tags }), refuses("INVALID_NAME"), note);
    const lease = cache.begin("a");
    assert.throws(() => cache.fill(lease, 1, { tags }), refuses("INVALID_NAME"), note);
    for (const what of ["tags", "prefixes"]) await assert.rejects(cache.invalidate({ [what]: tags }), refuses("INVALID_NAME"), note);
  }
  assert.deepEqual([cache.size, cache.stats().leases], [0, 0]);
  assert.equal(cache.set("a", 1, { tags: Array.from({ length: 256 }, (_, index) => `t${index}`) }), "stored");
  await cache.close();
});

both("what is none to invalidate", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  cache.set("a", 1);
  for (const what of [undefined, null, 5, true, () => 1, { tag: "a" }, { keys: "a", also: 1 }, { all: "yes" }, { all: 1 }, { keys: [5] }, { keys: {} }, { keys: null }]) {
    await assert.rejects(cache.invalidate(what), refuses("INVALID_NAME"), show(what));
  }
  for (const what of [{}, [], { keys: [] }, { keys: [], tags: [], prefixes: [], all: false }, { all: undefined }]) {
    await assert.rejects(cache.invalidate(what), refuses("NOTHING_TO_INVALIDATE"), show(what));
  }
  assert.equal(cache.get("a"), 1, "nothing was removed");
  await cache.close();
});

both("lifetimes, weights and times that are none", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  for (const ttl of [30, -1, "", "5", "soon", Number.NaN, null, true, {}, []]) {
    assert.throws(() => cache.set("a", 1, { ttl }), refuses("INVALID_OPTION"), show(ttl));
    await assert.rejects(cache.getOrLoad("a", () => assert.fail("not loaded for nothing"), { ttl }), refuses("INVALID_OPTION"), show(ttl));
    assert.throws(() => cache.fill(cache.begin("a"), 1, { ttl }), refuses("INVALID_OPTION"), show(ttl));
  }
  for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, "5", true, {}, []]) {
    assert.throws(() => cache.set("a", 1, { weight }), refuses("INVALID_ARGUMENT"), show(weight));
    await assert.rejects(cache.getOrLoad("a", () => 1, { weight }), refuses("INVALID_ARGUMENT"), show(weight));
    const sized = new Cache({ stream: "none", sizeOf: () => weight, ...QUIET });
    assert.throws(() => sized.set("a", 1), refuses("INVALID_ARGUMENT"), show(weight));
    await assert.rejects(sized.getOrLoad("a", () => 1), refuses("INVALID_ARGUMENT"), show(weight));
    assert.equal(sized.stats().leases, 0);
  }
  for (const asOf of [new Date(Number.NaN), Number.NaN, "now", "2020-01-01", {}, [], null, true, Symbol("s")]) {
    assert.throws(() => cache.set("a", 1, { asOf }), refuses("INVALID_ARGUMENT"), show(asOf));
  }
  for (const asOf of [0, -1, Date.now(), new Date(), Date.now() + 1e9, Number.POSITIVE_INFINITY]) cache.set("b", 1, { asOf });
  assert.deepEqual([cache.has("a"), cache.has("b")], [false, true]);
  for (const within of [30, -1, "", "soon", Number.NaN, true, {}]) {
    await assert.rejects(cache.catchUp({ atLeast: await cache.invalidate("c"), within }), refuses("INVALID_OPTION"), show(within));
  }
  for (const atLeast of [5, null, true, {}, [], Symbol("s")]) {
    await assert.rejects(cache.catchUp({ atLeast }), refuses(["INVALID_NAME", "INVALID_TOKEN"]), show(atLeast));
  }
  await cache.close();
});

both("loaders and functions that are none", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  for (const loader of [undefined, null, 5, "text", {}, Promise.resolve(1)]) {
    await assert.rejects(cache.getOrLoad("a", loader), refuses("INVALID_ARGUMENT"), show(loader));
    assert.throws(() => cache.wrap(loader, { key: () => "a" }), refuses("INVALID_ARGUMENT"), show(loader));
    assert.throws(() => cache.handler(loader), refuses("UNSUPPORTED_HANDLER"), show(loader));
  }
  for (const options of [undefined, null, {}, { key: "a" }, "a"]) {
    assert.throws(() => cache.wrap(() => 1, options), refuses("INVALID_ARGUMENT"), show(options));
  }
  assert.equal(cache.stats().leases, 0);
  await cache.close();
});

both("data ids", ({ DataId }) => {
  const id = new DataId("db.table.id", "12345");
  assert.equal(String(id), "id=12345&s=db.table.id&t=data.ID");
  assert.deepEqual({ ...DataId.parse(String(id)) }, { source: "db.table.id", id: "12345" });
  for (const [source, value] of [["a&b=c", "=&%+ "], ["å", "😀"], ["", ""]]) {
    assert.deepEqual({ ...DataId.parse(`${new DataId(source, value)}`) }, { source, id: value });
  }
  for (const text of [undefined, 5, "", "users/1", "id=5"]) assert.throws(() => DataId.parse(text), refuses("INVALID_NAME"), show(text));
  for (const bad of [undefined, null, 5, {}]) {
    assert.throws(() => new DataId(bad, "1"), refuses("INVALID_NAME"));
    assert.throws(() => new DataId("a", bad), refuses("INVALID_NAME"));
  }
});
