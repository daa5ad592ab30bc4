/** A transport of one's own: the AWS SDK's shapes, and whatever may go wrong. */
import assert from "node:assert/strict";

import { both, eventually, gate, pause } from "./both.mjs";
import { FakeKinesis, refusal } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };

/** Two caches on one fake stream, and what they were told. */
function pair(Cache, kinesis, options) {
  const events = [];
  const make = () => new Cache({ stream: "orders", transport: kinesis.transport, report: "off", onEvent: (event) => events.push(event), ...options });
  const [reader, writer] = [make(), make()];
  return { reader, writer, events, close: () => Promise.all([reader.close(), writer.close()]) };
}

both("invalidations travel; inputs are the SDK's", async ({ Cache }) => {
  const kinesis = new FakeKinesis(3);
  const inputs = [];
  kinesis.before = async (operation, input, { signal }) => {
    assert.ok(signal instanceof AbortSignal && !signal.aborted);
    inputs.push([operation, input]);
  };
  const { reader, writer, close } = pair(Cache, kinesis);
  const keys = Array.from({ length: 40 }, (_, index) => `users/${index}/å😀`);
  for (const key of keys) await reader.getOrLoad(key, () => key, { tags: [`tag of ${key}`] });
  for (const [index, key] of keys.entries()) {
    const token = await writer.invalidate(index % 2 === 0 ? key : { tags: [`tag of ${key}`] });
    if (index % 10 === 9) await reader.catchUp({ atLeast: token });
  }
  await reader.catchUp();
  assert.equal(reader.size, 0);
  const [, list] = inputs.find(([operation]) => operation === "listShards");
  assert.equal(list.StreamName, "orders");
  assert.ok(list.ShardFilter.Timestamp instanceof Date);
  const [, iterator] = inputs.find(([operation]) => operation === "getShardIterator");
  assert.ok(iterator.Timestamp instanceof Date && Math.abs(iterator.Timestamp - Date.now()) < 60_000);
  await close();
});

both("an ARN is given as one", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";
  kinesis.before = async (_, input) => assert.deepEqual([input.StreamARN, input.StreamName], [arn, undefined]);
  const cache = new Cache({ stream: arn, transport: kinesis.transport, ...QUIET });
  cache.set("a", 1);
  await cache.invalidate("a");
  cache.set("a", 1);
  await cache.catchUp();
  await cache.close();
});

both("resharding loses nothing", async ({ Cache }) => {
  const kinesis = new FakeKinesis(1);
  const { reader, writer, events, close } = pair(Cache, kinesis);
  let open = [0];
  for (let round = 0; round < 5; round += 1) {
    const keys = Array.from({ length: 12 }, (_, index) => `${round}/${index}`);
    for (const key of keys) await reader.getOrLoad(key, () => 1);
    for (const key of keys.slice(0, 6)) await writer.invalidate(key);
    const split = open.shift();
    kinesis.split(split);
    open.push(kinesis.shards.length - 2, kinesis.shards.length - 1);
    for (const key of keys.slice(6)) await writer.invalidate(key);
    await reader.catchUp();
    assert.deepEqual(reader.keys(), []);
  }
  assert.equal(events.filter(({ type }) => type === "gap").length, 0);
  assert.equal(reader.stats().gaps, 0);
  await close();
});

both("throttles, faults and expired iterators cost time, and lose nothing", async ({ Cache }) => {
  const kinesis = new FakeKinesis(2);
  const { reader, writer, close } = pair(Cache, kinesis, { catchUpEvery: "5ms", maxLag: "30s" });
  const faults = [
    () => refusal("ProvisionedThroughputExceededException"),
    () => refusal("LimitExceededException"),
    () => refusal("InternalFailure", "", 500),
    () => new TypeError("fetch failed"),
    () => "not even an error",
    () => undefined,
  ];
  let calls = 0;
  kinesis.before = async (operation) => {
    calls += 1;
    if (calls % 3 !== 0) return;
    if (operation === "getRecords" && calls % 2 === 0) throw refusal("ExpiredIteratorException");
    throw faults[calls % faults.length]();
  };
  for (let round = 0; round < 10; round += 1) {
    await reader.getOrLoad(`${round}`, () => round);
    await writer.invalidate(`${round}`).catch(({ code }) => assert.equal(code, "WRITE_FAILED"));
    assert.doesNotThrow(() => reader.get(`${round}`));
  }
  kinesis.before = async () => undefined;
  await eventually(() => reader.catchUp().then(() => true, () => false), "the catch-up works again");
  assert.deepEqual(reader.keys(), []);
  await close();
});

both("a call that never answers is given up after callTimeout, and its signal aborted", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const signals = [];
  const late = gate();
  kinesis.before = (_, __, { signal }) => {
    signals.push(signal);
    return late.promise;
  };
  const { reader, writer, close } = pair(Cache, kinesis, { callTimeout: "50ms" });
  await reader.getOrLoad("a", () => 1);
  const began = performance.now();
  await assert.rejects(reader.catchUp(), ({ code, message }) => code === "CATCH_UP_FAILED" && message.includes("within 50ms"));
  assert.ok(performance.now() - began < 1_000);
  await eventually(() => signals[0].aborted, "the call's signal is aborted");
  assert.equal(reader.get("a"), 1);
  const pending = reader.catchUp().catch(() => {});
  kinesis.before = async () => undefined;
  late.open();
  await pending;
  await writer.invalidate("a");
  await eventually(() => reader.catchUp().then(() => true, () => false), "the catch-up works again");
  assert.equal(reader.has("a"), false, "late answers broke nothing");
  await close();
});

both("who is not told what the stream refused is told it clearly", async ({ Cache }) => {
  for (const [name, expected] of [["AccessDeniedException", /kinesis:ListShards/], ["ResourceNotFoundException", /orders/]]) {
    const kinesis = new FakeKinesis();
    kinesis.before = () => Promise.reject(refusal(name, "said by the service"));
    const { reader, close } = pair(Cache, kinesis);
    reader.set("a", 1);
    await assert.rejects(reader.catchUp(), ({ code, message }) => {
      assert.equal(code, "CATCH_UP_FAILED");
      assert.match(message, expected);
      assert.doesNotMatch(message, /`[a-z]+_[a-z_]+`/);
      return true;
    });
    await close();
  }
});

both("a clock that is off leads to a gap", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const { reader, events, close } = pair(Cache, kinesis);
  await reader.getOrLoad("a", () => 1);
  await reader.catchUp();
  assert.equal(reader.get("a"), 1);
  kinesis.skew = 60_000;
  await reader.catchUp().catch(() => {});
  assert.equal(reader.get("a"), undefined);
  assert.deepEqual(events.filter(({ type }) => type === "gap"), [{ type: "gap", reason: "clock_skew" }]);
  await close();
});

both("foreign records are skipped, counted and told once; newer ones flush", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const { reader, writer, events, close } = pair(Cache, kinesis);
  await reader.getOrLoad("a", () => 1);
  await reader.getOrLoad("b", () => 1);
  for (const data of ["", "not json", "{}", "[1]", new Uint8Array([0xff, 0x00]), new Uint8Array(100_000), '{"keys":5}', '{"snowmelt":1,"ns":"other","keys":["b"]}']) kinesis.put(data);
  await writer.invalidate("a");
  await reader.catchUp();
  assert.deepEqual([reader.has("a"), reader.has("b")], [false, true]);
  assert.ok(reader.stats().undecodable >= 6);
  assert.equal(events.filter(({ type }) => type === "undecodable").length, 1);
  kinesis.put('{"snowmelt":99,"keys":["x"]}');
  await reader.catchUp();
  assert.deepEqual(reader.keys(), []);
  assert.equal(events.filter(({ type }) => type === "flushed").length, 1);
  await close();
});

both("data may be base64 text, and times numbers, as the API's JSON has them", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const sdk = kinesis.transport;
  const transport = {
    ...sdk,
    async getRecords(input, options) {
      const output = await sdk.getRecords(input, options);
      const Records = output.Records.map(({ Data, ApproximateArrivalTimestamp: time, ...rest }) => ({ ...rest, Data: Buffer.from(Data).toString("base64"), ApproximateArrivalTimestamp: time.getTime() / 1000 }));
      return { ...output, Records };
    },
  };
  const [cache, writer] = [transport, sdk].map((way) => new Cache({ stream: "orders", transport: way, ...QUIET }));
  await cache.getOrLoad("a", () => 1);
  await writer.invalidate("a");
  await cache.catchUp();
  assert.equal(cache.has("a"), false);
  await Promise.all([cache.close(), writer.close()]);
});

/** Numbers that a seed makes, so that what fails can be had again. */
function random(seed) {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

const NAMES = ["Shards", "Records", "ShardId", "HashKeyRange", "StartingHashKey", "EndingHashKey", "SequenceNumberRange", "StartingSequenceNumber", "NextToken", "ShardIterator", "NextShardIterator", "MillisBehindLatest", "ChildShards", "ParentShards", "SequenceNumber", "Data", "ApproximateArrivalTimestamp", "date", "$metadata", "__proto__", "toJSON"];
const LEAVES = [undefined, null, true, 0, -1, 1.5, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY, "", "0", "49", "9".repeat(200), "shardId-000000000000", "\ud800", "AAAA", "!", new Date(), new Date(Number.NaN), new Uint8Array([1, 2]), new Uint8Array(20_000), new Map(), new Set(), Symbol("s"), 5n, () => 1, /x/, new Error("e"), Promise.resolve(1)];

function junk(pick, depth) {
  const kind = pick(depth > 3 ? 3 : 6);
  if (kind < 3) return LEAVES[pick(LEAVES.length)];
  if (kind === 3) return Array.from({ length: pick(4) }, () => junk(pick, depth + 1));
  const made = {};
  for (let count = pick(6); count > 0; count -= 1) Object.defineProperty(made, NAMES[pick(NAMES.length)], { value: junk(pick, depth + 1), enumerable: true, configurable: true, writable: true });
  return made;
}

/** A good output with a part of it replaced. */
function spoilt(pick, value) {
  if (pick(3) === 0 || typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return junk(pick, 2);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  if (keys.length === 0) return junk(pick, 2);
  const key = keys[pick(keys.length)];
  copy[key] = spoilt(pick, copy[key]);
  return copy;
}

both("junk for an answer never throws to a reader, nor hangs one", async ({ Cache }) => {
  const fed = async (seed) => {
    const pick = random(seed);
    const kinesis = new FakeKinesis(1 + pick(2));
    kinesis.before = async (operation, input) => {
      const turn = pick(4);
      if (turn === 0) return undefined;
      if (turn === 1) throw junk(pick, 0);
      return turn === 2 ? (junk(pick, 0) ?? undefined) : spoilt(pick, kinesis[operation](input));
    };
    const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, catchUpBudget: "40ms", callTimeout: "30ms", maxLag: "60s", ...QUIET });
    const work = async () => {
      for (let round = 0; round < 4; round += 1) {
        await cache.handler(async () => {
          assert.equal(await cache.getOrLoad("a", () => "value"), "value");
          assert.ok([undefined, "value"].includes(cache.get("a")));
        })();
        await cache.catchUp().catch(({ name }) => assert.equal(name, "SnowmeltError"));
        if (round === 2) void cache.invalidate("b").catch(({ name }) => assert.equal(name, "SnowmeltError"));
      }
    };
    const hangs = pause(5_000, "hangs", { ref: false });
    assert.notEqual(await Promise.race([work(), hangs]), "hangs", `seed ${seed}`);
    void cache.close();
  };
  await Promise.all(Array.from({ length: 60 }, (_, index) => fed(index + 1)));
});

both("a transport that throws at once, or answers nothing, is a failed call", async ({ Cache }) => {
  const ways = { throws: () => { throw new Error("at once"); }, undefined: () => undefined, null: async () => null, text: async () => "text", "a getter that throws": async () => ({ get Shards() { throw new Error("getter"); } }) };
  for (const [name, way] of Object.entries(ways)) {
    const cache = new Cache({ stream: "orders", transport: { listShards: way, getShardIterator: way, getRecords: way, putRecords: way }, callTimeout: "100ms", ...QUIET });
    cache.set("a", 1);
    await assert.rejects(cache.catchUp(), { name: "SnowmeltError", code: "CATCH_UP_FAILED" }, name);
    assert.equal(cache.get("a"), 1);
    void cache.close();
  }
});
