/** Processes that share a stream of a real Kinesis API on the loopback: each hears of what the others invalidate. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { change, parameterChange, put } from "./kinesis/changes.mjs";
import { Peer } from "./kinesis/peers.mjs";
import { BUILDS } from "./kinesis/program.mjs";
import { KinesisLocal, stopAll, variables } from "./kinesis/servers.mjs";

let kinesis;
const peers = [];

before(async () => {
  kinesis = await KinesisLocal.start();
  Object.assign(process.env, variables(kinesis.endpoint));
}, { timeout: 300_000 });

after(stopAll);

/** Two of Node, one of Rust, and both ways of WebAssembly. */
async function everyone(stream) {
  const arn = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
  const all = await Promise.all([
    Peer.node("node 1", kinesis, "napi", { stream }),
    Peer.node("node 2", kinesis, "napi", { stream }),
    Peer.rust("rust", kinesis, { stream }),
    Peer.node("wasm over fetch", kinesis, "wasm", { stream }),
    Peer.node("wasm over the AWS SDK", kinesis, "sdk", { stream: arn }),
  ]);
  peers.push(...all);
  return all;
}

const KINDS = {
  key: { what: (at) => ({ keys: [`${at}/key`] }), gone: ["key"] },
  tag: { what: (at) => ({ tags: [`${at}:tag`] }), gone: ["tagged"] },
  prefix: { what: (at) => ({ prefixes: [`${at}/under/`] }), gone: ["under/1", "under/2"] },
  several: { what: (at) => ({ keys: [`${at}/key`], tags: [`${at}:tag`], prefixes: [`${at}/under/1`] }), gone: ["key", "tagged", "under/1"] },
  all: { what: () => ({ all: true }), gone: ["key", "tagged", "under/1", "under/2", "stays"] },
};
const NAMES = KINDS.all.gone;

/** One invalidates; the others catch up, by its token or just so. */
async function round(everyone, writer, kind, number) {
  const at = `${number}`;
  for (const name of NAMES) {
    const load = { key: `${at}/${name}`, value: `${name} of ${at}`, tags: name === "tagged" ? [`${at}:tag`] : [] };
    await Promise.all(everyone.map(async (peer) => assert.equal(await peer.ask("get_or_load", load), load.value)));
  }
  const token = await writer.ask("invalidate", KINDS[kind].what(at));
  await Promise.all(everyone.map(async (peer) => {
    // Read your writes holds for the writer at once.
    if (peer !== writer) await (number % 2 === 0 ? peer.ask("catch_up") : peer.ask("catch_up_to", { token }));
    for (const name of NAMES) {
      const found = await peer.ask("peek", { key: `${at}/${name}` });
      const expected = KINDS[kind].gone.includes(name) ? null : `${name} of ${at}`;
      assert.equal(found, expected, `${peer.name}, after ${writer.name} invalidated by ${kind}: ${name}`);
    }
  }));
}

test("processes of Node, Rust and WebAssembly hear of each other's invalidations", { timeout: 60_000 }, async (t) => {
  const stream = await kinesis.createStream("shared", 2);
  const all = await everyone(stream);
  let number = 0;
  // Everything last: such a record, read again, may drop what is younger.
  for (const kind of Object.keys(KINDS)) {
    for (const writer of all) await t.test(`by ${kind}, from ${writer.name}`, () => round(all, writer, kind, number++));
  }
  for (const peer of all) {
    const { gaps, undecodable, records } = await peer.ask("stats");
    assert.deepEqual([gaps, undecodable], [0, 0], peer.name);
    assert.ok(records >= 20, `${peer.name} read ${records} records`);
  }
  assert.equal(await kinesis.records(stream), number, "each invalidation is one record");
});

test("a token of another stream, and one that is none, are refused by name", async () => {
  const [node, , rust, wasm] = peers;
  const elsewhere = await Peer.node("elsewhere", kinesis, "napi", { stream: await kinesis.createStream("elsewhere", 1) });
  const token = await elsewhere.ask("invalidate", { keys: ["k"] });
  for (const peer of [node, rust, wasm]) {
    await assert.rejects(peer.ask("catch_up_to", { token }), /another stream/, peer.name);
    await assert.rejects(peer.ask("catch_up_to", { token: "sm2.?" }), /token/, peer.name);
  }
});

test("a table's changes and EventBridge's events reach every build", { timeout: 60_000 }, async () => {
  const stream = await kinesis.createStream("changes", 2);
  const source = [{ dynamodb: { table: "users", key: "users/{id}" } }, { parameterStore: { key: "config/{name}" } }];
  for (const build of Object.keys(BUILDS)) {
    const { Cache, needs } = await BUILDS[build](process.env);
    const cache = new Cache({ stream, endpoint: kinesis.endpoint, source, catchUpBudget: "10s", callTimeout: "10s", maxLag: "60s", ...needs });
    for (const key of ["users/a%20b", "users/2", "config/rate"]) await cache.getOrLoad(key, () => key);
    await cache.catchUp();
    // By now the stream has what the builds before read; that is mostly not read again.
    await put(kinesis, stream, change("users", { id: { S: "a b" } }), change("orders", { id: { N: "2" } }), parameterChange("rate"));
    await cache.catchUp();
    assert.deepEqual(cache.keys(), ["users/2"], build);
    const { undecodable, gaps, records, invalidatedByKey } = cache.stats();
    assert.deepEqual([undecodable, gaps, invalidatedByKey], [0, 0, 2], build);
    assert.ok(records >= 3, `${build}: ${records} records`);
    await cache.close();
  }
});

// --- while shards come and go ---

const ROWS = 16;

/** A database, whose writers invalidate after each commit; it is what caches are compared with. */
class World {
  rows = Array.from({ length: ROWS }, () => ({ version: 1, told: 1, token: undefined }));
  recent = 0;
  written = 0;
  checked = 0;
  hits = 0;
  running = true;

  key = (row) => `rows/${row}`;

  async load(cache, row) {
    const loader = async () => {
      const { version } = this.rows[row];
      await sleep(1);
      return version;
    };
    return cache.getOrLoad(this.key(row), loader, { tags: [`group${row % 4}`] });
  }

  async write(invalidate, random) {
    const row = random % ROWS;
    const version = (this.rows[row].version += 1);
    const ways = [{ keys: [this.key(row)] }, { keys: [this.key(row)] }, { tags: [`group${row % 4}`] }, { prefixes: [this.key(row)] }];
    const token = await invalidate(ways[(random >> 8) % ways.length]);
    this.written += 1;
    if (this.rows[row].told < version) Object.assign(this.rows[row], { told: version, token });
    this.recent = row;
  }

  /** One read after a catch-up: mostly of what changed last. */
  async check(cache, random) {
    const row = random % 4 === 0 ? (random >> 8) % ROWS : this.recent;
    const { told, token } = this.rows[row];
    await cache.catchUp(random % 2 === 0 && token !== undefined ? { atLeast: token, within: "20s" } : {});
    const found = cache.get(this.key(row));
    if (found !== undefined) {
      assert.ok(found >= told, `row ${row}: version ${found} served, ${told} was told before`);
      this.hits += 1;
    }
    const loaded = await this.load(cache, row);
    assert.ok(loaded >= told, `row ${row}: version ${loaded} loaded, ${told} was told before`);
    this.checked += 1;
  }
}

/** The same numbers each time. */
function randoms(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
}

test("nothing is lost and nothing stale is served while shards come and go", { timeout: 60_000 }, async () => {
  const stream = await kinesis.createStream("reshard", 1);
  const world = new World();
  const open = async (build) => {
    const { Cache, needs } = await BUILDS[build](process.env);
    return new Cache({ stream, endpoint: kinesis.endpoint, catchUpBudget: "10s", callTimeout: "10s", maxLag: "60s", ...needs });
  };
  // The last one sleeps from change to change.
  const readers = await Promise.all(["napi", "wasm", "sdk", "napi"].map(open));
  const sleeper = readers.at(-1);
  const writer = await open("napi");
  const other = await Peer.rust("writer", kinesis, { stream });
  for (const cache of readers) {
    for (let row = 0; row < ROWS; row += 1) await world.load(cache, row);
    await cache.catchUp();
  }

  const repeat = async (seed, pause, step) => {
    const random = randoms(seed);
    while (world.running) {
      await step(random());
      await sleep(pause(random()));
    }
  };
  const tasks = [
    repeat(1, () => 20, (random) => world.write((what) => writer.invalidate(what), random)),
    repeat(2, () => 20, (random) => world.write((what) => other.ask("invalidate", what), random)),
    ...readers.slice(0, -1).map((cache, n) => repeat(10 + n, (random) => random % 80, (random) => world.check(cache, random))),
  ];
  let failed;
  const over = Promise.all(tasks).catch((error) => {
    world.running = false;
    failed = error;
  });

  const changes = [
    () => kinesis.updateShardCount(stream, 2),
    () => kinesis.updateShardCount(stream, 4),
    () => kinesis.mergeFirstTwo(stream),
    () => kinesis.splitFirst(stream),
    async () => {
      await kinesis.updateShardCount(stream, 2);
      await kinesis.updateShardCount(stream, 1);
    },
  ];
  for (const change of [async () => {}, ...changes]) {
    if (failed) break;
    const before = world.written;
    await change();
    await sleep(700);
    assert.ok(failed !== undefined || world.written > before, "the writers stand still");
    for (let n = 0; n < 4; n += 1) await world.check(sleeper, n);
  }
  world.running = false;
  await over;
  if (failed) throw failed;

  for (const cache of readers) {
    await cache.catchUp();
    for (const [row, { version }] of world.rows.entries()) {
      const found = cache.get(world.key(row));
      assert.ok(found === undefined || found === version, `row ${row}: ${found}, ${version} is true`);
    }
    const { gaps, undecodable, records } = cache.stats();
    // Each began on an empty stream and never let go of it.
    assert.deepEqual([gaps, undecodable, records], [0, 0, world.written]);
    await cache.close();
  }
  await writer.close();
  assert.ok(world.checked > 50 && world.hits > 10, `${world.checked} checks, ${world.hits} of them served from memory`);
});
