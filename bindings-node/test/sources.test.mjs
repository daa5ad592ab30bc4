/** Change logs beside invalidations, and keys that count as tags: what falls, what stays, and what `stats` says of it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, both, gate, libraries, ownStream } from "./both.mjs";
import { builds } from "./builds.mjs";
import { change, parameterChange, put, secretCall, secretRotated } from "./kinesis/changes.mjs";
import { BUILDS } from "./kinesis/program.mjs";
import { Double, stopAll, variables } from "./kinesis/servers.mjs";

let double;
let streams = 0;

before(async () => {
  double = await Double.start();
  Object.assign(process.env, variables(double.endpoint));
}, { timeout: 300_000 });
after(stopAll);

/** A cache of each build on a stream of its own, which others write to. */
function overStream(name, options, run) {
  for (const build of Object.keys(libraries)) {
    test(`${name} (${build})`, async () => {
      const stream = await double.createStream(`changes-${(streams += 1)}`, 2);
      const { Cache, needs } = await BUILDS[build](double.environment);
      const events = [];
      const cache = new Cache({ stream, catchUpBudget: "10s", maxLag: "60s", report: "off", onEvent: (event) => void events.push(event), ...options, ...needs });
      const written = async (...records) => {
        await put(double, stream, ...records);
        await cache.catchUp();
      };
      await run({ cache, written, events, keyPart: api(build).keyPart });
      await cache.close();
    });
  }
}

/** Caches each of these keys, with its tags. */
async function fill(cache, entries) {
  for (const [key, tags] of Object.entries(entries)) await cache.getOrLoad(key, () => `value of ${key}`, { tags });
  await cache.catchUp();
}

const left = (cache) => cache.keys().sort();

const USERS = { dynamodb: { table: "users", key: "users/{id}", tag: "tenant:{tenant}" } };

overStream("a table's change drops the key and the tags of the item, as it is and as it was", { source: USERS }, async ({ cache, written, events, keyPart }) => {
  const id = "a b/c!'()*é😀";
  await fill(cache, { [`users/${keyPart(id)}`]: [], "users/2": [], list7: ["tenant:7"], list8: ["tenant:8"], list9: ["tenant:9"] });
  await written(change("users", { id: { S: id } }, { NewImage: { id: { S: id }, tenant: { N: "8" } }, OldImage: { id: { S: id }, tenant: { N: "7" } } }));
  assert.deepEqual(left(cache), ["list9", "users/2"]);
  const { records, undecodable, invalidatedByKey, invalidatedByTag, gaps } = cache.stats();
  assert.deepEqual([records, undecodable, invalidatedByKey, invalidatedByTag, gaps], [1, 0, 1, 2, 0]);
  await written(change("users", { id: { S: "2" } }, { OldImage: { id: { S: "2" }, tenant: { N: "9" } } }));
  assert.deepEqual(left(cache), [], "a REMOVE has the old image only");
  await fill(cache, { "users/3": [], "users/4": [] });
  await written(change("users", { id: { S: "3" } }, { NewImage: { id: { S: "3" }, tenant: { N: "1" } } }));
  assert.deepEqual(left(cache), ["users/4"], "an INSERT has the new image only");
  assert.equal(events.filter(({ type }) => type !== "catchUpEnded").length, 0);
});

overStream("a source may name prefixes, several templates, and a table by its ARN", {
  source: { dynamodb: { table: "arn:aws:dynamodb:us-east-1:123456789012:table/orders", key: ["orders/{pk}/{sk}", "newest"], prefix: "lists/{region}/{account}/" } },
}, async ({ cache, written }) => {
  const all = { "orders/Bob%20Lee/3": [], newest: [], "lists/us-east-1/123456789012/open": [], "lists/eu-west-1/": [] };
  await fill(cache, all);
  const key = { pk: { S: "Bob Lee" }, sk: { N: "3" } };
  await written({ ...change("orders", key), awsRegion: "eu-west-1" });
  assert.equal(cache.size, 4, "of a replica in another region");
  await written(change("orders", key));
  assert.deepEqual(left(cache), ["lists/eu-west-1/"]);
  assert.equal(cache.stats().invalidatedByPrefix, 1);
});

overStream("what EventBridge tells of parameters and secrets drops their keys", {
  source: [{ parameterStore: { key: "config/{name}" } }, { secretsManager: { key: "secrets/{id}", tag: "secrets-of:{account}" } }],
}, async ({ cache, written, keyPart }) => {
  const [rate, db, arn] = [`config/${keyPart("/shop/rate")}`, "secrets/db", `secrets/${keyPart("arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3")}`];
  await fill(cache, { [rate]: [], "config/other": [] });
  await written(parameterChange("/shop/rate"));
  assert.deepEqual(left(cache), ["config/other"]);
  for (const told of [secretCall("db"), secretRotated("db")]) {
    await fill(cache, { [db]: [], [arn]: [], "secrets/other": [], tagged: ["secrets-of:123456789012"] });
    await written(secretCall("db", "GetSecretValue"));
    assert.equal(cache.size, 5, "a call that reads changes nothing");
    await written(told);
    assert.deepEqual(left(cache), ["config/other", "secrets/other"]);
  }
  assert.equal(cache.stats().undecodable, 0);
});

const STRANGERS = [change("orders", { id: { S: "1" } }), parameterChange("users/1"), secretCall("users/1")];

for (const [name, source] of [["without a source", undefined], ["with one", USERS]]) {
  overStream(`other tables and services concern nobody ${name}, not even where what is undecodable flushes`, { source, onUndecodable: "flush" }, async ({ cache, written, events }) => {
    await fill(cache, { "users/1": [] });
    await written(...STRANGERS);
    assert.deepEqual(left(cache), ["users/1"]);
    const { records, undecodable, gaps } = cache.stats();
    assert.deepEqual([records, undecodable, gaps], [3, 0, 0]);
    assert.deepEqual(events.filter(({ type }) => type !== "catchUpEnded"), []);
  });
}

const LACKING = change("users", { id: { S: "1" } });

overStream("a change that lacks an attribute is counted and told by its name; the other templates hold", { source: USERS }, async ({ cache, written, events }) => {
  await fill(cache, { "users/1": [], "users/2": [] });
  await written(LACKING, LACKING);
  assert.deepEqual(left(cache), ["users/2"]);
  const { records, undecodable } = cache.stats();
  assert.deepEqual([records, undecodable], [2, 2]);
  const told = events.filter(({ type }) => type === "undecodable");
  assert.equal(told.length, 1);
  assert.match(told[0].why, /table `users` lacks the attribute `tenant`, which the template "tenant:\{tenant\}" names/);
});

overStream("it empties the cache where that is asked for", { source: USERS, onUndecodable: "flush" }, async ({ cache, written, events }) => {
  await fill(cache, { "users/1": [], "users/2": [] });
  await written(LACKING);
  assert.deepEqual(left(cache), []);
  assert.deepEqual(events.filter(({ type }) => type !== "catchUpEnded").map(({ type }) => type), ["flushed"]);
});

overStream("a load that a change overtakes is not stored", { source: USERS }, async ({ cache, written }) => {
  await fill(cache, { anchor: [] });
  const loads = [gate(), gate()];
  const readings = [cache.getOrLoad("users/1", () => loads[0].promise), cache.getOrLoad("list", () => loads[1].promise, { tags: () => ["tenant:7"] })];
  await written(change("users", { id: { S: "1" } }, { NewImage: { tenant: { S: "7" } } }));
  loads.forEach((load) => load.open("old"));
  assert.deepEqual(await Promise.all(readings), ["old", "old"], "who loaded it gets it");
  assert.deepEqual(left(cache), ["anchor"]);
  assert.equal(cache.stats().fenced, 2);
});

// --- keys as tags ---

overStream("with keysAsTags all that bear a key go with it, whichever record names it", { source: USERS, keysAsTags: true }, async ({ cache, written }) => {
  const variants = { "users/1": [], "users/1?lang=de": ["users/1"], "users/1?lang=en": ["users/1"], "users/2?lang=de": ["users/2"] };
  const ways = [
    () => written(change("users", { id: { S: "1" } }, { NewImage: { tenant: { S: "7" } } })),
    () => written({ snowmelt: 1, keys: ["users/1"] }),
    () => written({ keys: ["users/1"], ts: "2018-05-01T10:00:00Z" }),
    () => cache.invalidate("users/1"),
  ];
  for (const [number, way] of ways.entries()) {
    await fill(cache, variants);
    await way();
    assert.deepEqual(left(cache), ["users/2?lang=de"], `way ${number}`);
  }
  assert.equal(cache.stats().invalidatedByTag, 2 * ways.length);
});

both("without it a key is a key, and a tag a tag", async ({ Cache }) => {
  for (const keysAsTags of [undefined, false, true]) {
    const cache = new Cache({ stream: ownStream(), report: "off", keysAsTags });
    const load = gate();
    cache.set("b", 1, { tags: ["a"] });
    const reading = cache.getOrLoad("c", () => load.promise, { tags: () => ["a"] });
    await cache.invalidate({ prefixes: ["a"] });
    assert.equal(cache.has("b"), true, "a prefix is no tag");
    await cache.invalidate("a");
    load.open(1);
    await reading;
    assert.deepEqual([cache.has("b"), cache.has("c")], keysAsTags ? [false, false] : [true, true]);
    await cache.close();
  }
});

// --- parts of keys ---

test("keyPart writes values as templates do", () => {
  const characters = [..."azAZ09-._~!'()*/?&=+%{}[]\"\\ \0\n\x7f\x80éß下😀\u{10ffff}\ufffd\ufeff"];
  const random = (most) => Math.floor(Math.random() * most);
  const values = [...characters, ...Array.from({ length: 200 }, () => Array.from({ length: 1 + random(20) }, () => characters[random(characters.length)]).join(""))];
  for (const { name, load } of builds) {
    const { keyPart } = api(name);
    for (const value of values) {
      const record = Buffer.from(JSON.stringify(change("users", { id: { S: value } }))).toString("base64");
      const { apply } = load().decode(record, "", { dynamodb: { table: "users", key: "users/{id}" } });
      assert.deepEqual(apply.keys, [`users/${keyPart(value)}`], JSON.stringify(value));
      assert.equal(decodeURIComponent(keyPart(value)), value);
    }
    assert.equal(keyPart(""), "");
  }
});

both("what is no part of a key", ({ keyPart }) => {
  for (const value of [undefined, null, 5, 5n, true, {}, ["a"], () => "a", Symbol("s"), "\ud800", "a\udfffb"]) {
    assert.throws(() => keyPart(value), ({ name, code, message }) => name === "SnowmeltError" && code === "INVALID_NAME" && /part of a key .*(give a string|leave)/.test(message));
  }
});
