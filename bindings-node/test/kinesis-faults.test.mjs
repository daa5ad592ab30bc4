/** What a failing stream does to a cache, and what the cache says of it: over the double, which fails on request. */
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Peer } from "./kinesis/peers.mjs";
import { BUILDS } from "./kinesis/program.mjs";
import { Double, program, stopAll, variables } from "./kinesis/servers.mjs";

const STREAM = "orders";
const servers = new Set();

before(() => {
  Object.assign(process.env, variables("http://127.0.0.1:1"));
  program("kinesis-double", "kinesis-double", ["http"]);
}, { timeout: 300_000 });
after(async () => {
  for (const server of servers) server.close();
  await stopAll();
});

/** A double of its own for each test: they run side by side. */
async function service(shards = 2) {
  const double = await Double.start("--stream", `${STREAM}=${shards}`);
  const open = async (build, options = {}) => {
    const { Cache, needs } = await BUILDS[build](double.environment);
    const where = { stream: STREAM, region: "us-east-1", endpoint: double.endpoint };
    return new Cache({ ...where, catchUpBudget: "5s", onEvent() {}, ...options, ...needs });
  };
  return { double, open };
}

/** The test machine may be slow; what a short budget leaves over, the next catch-up reads. */
async function caughtUp(cache) {
  for (let left = 50; ; left -= 1) {
    try {
      return await cache.catchUp();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** What a promise rejects with. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("it should have failed");
}

function assertNames(message, ...words) {
  for (const word of words) assert.ok(message.includes(word), `${JSON.stringify(word)} is not in: ${message}`);
}

const only = async (double, name) => (await double.calls()).filter(({ operation }) => operation === name);

describe("builds", { concurrency: 3 }, () => {
  // It takes longest, and waits most.
  test("a process that was frozen serves nothing stale, without an error, over new connections", { timeout: 60_000 }, freeze);
  for (const build of ["napi", "wasm"]) describe(build, { concurrency: 4 }, () => faults(build));
});

function faults(build) {
  // --- reads ---

  const MAX_LAG = 1000;
  const FAULTS = {
    "throttled reads": { effect: "throttle", operation: "GetRecords" },
    "throttling of everything": { effect: "throttle", except: "PutRecords" },
    "iterators that expire at once": { effect: "error", value: "ExpiredIteratorException", operation: "GetRecords" },
    "HTTP 500": { effect: "status", value: 500, operation: "GetRecords" },
    "HTTP 503": { effect: "status", value: 503, operation: "GetRecords" },
    "connections that are reset": { effect: "reset", operation: "GetRecords" },
    "answers that are no JSON": { effect: "garbage", operation: "GetRecords" },
    "denied access": { effect: "access_denied", operation: "GetRecords" },
    "answers that come too late": { effect: "delay", value: 8000, operation: "GetRecords" },
    "a tip that is never reached": { effect: "millis_behind", value: 5000, operation: "GetRecords" },
  };

  for (const [name, { effect, except, ...rest }] of Object.entries(FAULTS)) {
    test(`${name}: reads do not fail, and are stale for maxLag at most`, { timeout: 60_000 }, async () => {
      const { double, open } = await service(1);
      const reader = await open(build, { maxLag: MAX_LAG, catchUpEvery: "50ms", catchUpBudget: "100ms", callTimeout: "5s" });
      const writer = await open("napi");
      let row = "old";
      const read = () => reader.getOrLoad("row", async () => row);
      assert.equal(await read(), "old");
      await caughtUp(reader);
      const operations = except ? ["ListShards", "GetShardIterator", "GetRecords"] : [rest.operation];
      for (const operation of operations) await double.fault(effect, { ...rest, operation });
      row = "new";
      await writer.invalidate("row");
      const told = performance.now();
      let [stale, slowest] = [0, 0];
      for (let now = told; now < told + MAX_LAG + 400; now = performance.now()) {
        const found = await read();
        const after = performance.now();
        slowest = Math.max(slowest, after - now);
        // It may have been found just before.
        if (found === "old") [stale] = [Math.max(stale, now - told)];
        const sync = reader.get("row");
        assert.ok(sync === undefined || sync === "old" || sync === "new");
        if (sync === "old") stale = Math.max(stale, after - told);
        await sleep(20);
      }
      assert.ok(stale <= MAX_LAG, `stale for ${stale} ms`);
      assert.equal(await read(), "new");
      // The budget is 100 ms, a call may take 5 s; between them is room for a machine that does much else.
      assert.ok(slowest < 4000, `a read took ${slowest} ms`);
      // All is well again by itself.
      await double.clearFaults();
      await writer.invalidate("row");
      row = "newest";
      for (const end = performance.now() + 20_000; (await read()) !== "newest"; ) {
        assert.ok(performance.now() < end, "it never heard of the last change");
        await sleep(20);
      }
      await Promise.all([reader.close(), writer.close()]);
    });
  }

  test("expired iterators cost nothing but a new one", async () => {
    const { double, open } = await service();
    const [reader, writer] = [await open(build), await open("napi")];
    for (const key of ["a", "b"]) reader.set(key, 1);
    await reader.catchUp();
    await writer.invalidate("a");
    await double.expireIterators();
    await double.calls();
    await reader.catchUp();
    assert.deepEqual([reader.get("a"), reader.get("b")], [undefined, 1]);
    const calls = await double.calls();
    assert.equal(calls.filter(({ operation, error }) => operation === "GetRecords" && error === "ExpiredIteratorException").length, 2);
    assert.equal(calls.filter(({ operation }) => operation === "GetShardIterator").length, 2);
    assert.equal(reader.stats().gaps, 0);
    await Promise.all([reader.close(), writer.close()]);
  });

  test("repeats and disorder are harmless", async () => {
    const { double, open } = await service();
    await double.settings({ duplicate_per_mille: 300, overlap_per_mille: 300, empty_page_per_mille: 300, arrival_jitter_ms: 500 });
    const [reader, writer] = [await open(build), await open("napi")];
    for (let n = 0; n < 20; n += 1) reader.set(`k${n}`, n);
    await reader.catchUp();
    for (let n = 0; n < 20; n += 2) {
      const token = await writer.invalidate(`k${n}`);
      if (n % 4 === 0) await double.expireIterators();
      await reader.catchUp({ atLeast: token, within: "20s" });
      assert.equal(reader.get(`k${n}`), undefined);
    }
    assert.deepEqual(reader.keys().sort(), Array.from({ length: 10 }, (_, n) => `k${n * 2 + 1}`).sort());
    assert.equal(reader.stats().gaps, 0);
    await Promise.all([reader.close(), writer.close()]);
  });

  test("a clock that is off by more than half the margin is a gap, and by less it is none", async () => {
    for (const [skew, gaps] of [[1500, 0], [-1500, 0], [60_000, 1], [-60_000, 1]]) {
      const { double, open } = await service(1);
      const events = [];
      const cache = await open(build, { onEvent: (event) => events.push(event) });
      cache.set("k", 1);
      await cache.catchUp();
      await double.fault("date_skew", { value: skew });
      await cache.catchUp();
      assert.equal(cache.get("k"), gaps === 0 ? 1 : undefined, `${skew} ms`);
      assert.equal(cache.stats().gaps, gaps, `${skew} ms`);
      assert.equal(events.filter(({ type }) => type === "gap").length, gaps);
      assert.equal(await cache.getOrLoad("k", () => 2), gaps === 0 ? 1 : 2);
      await cache.close();
    }
  });

  // --- what errors say ---

  test("a catch-up says what is missing", async () => {
    const { double, open } = await service(1);
    const actions = ["kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords", `arn:aws:kinesis:us-east-1:ACCOUNT:stream/${STREAM}`, "allow"];
    const cases = [
      [{ effect: "throttle" }, "CATCH_UP_THROTTLED", []],
      [{ effect: "access_denied" }, "CATCH_UP_FAILED", actions],
      [{ effect: "error", value: "KMSAccessDeniedException" }, "CATCH_UP_FAILED", ["encrypted", "kms:Decrypt"]],
      [{ effect: "error", value: "UnrecognizedClientException" }, "CATCH_UP_FAILED", ["not valid in region us-east-1", "AWS_ACCESS_KEY_ID"]],
      [{ effect: "error", value: "ResourceNotFoundException" }, "CATCH_UP_FAILED", [`no stream ${STREAM} in us-east-1`, "check the name and the region"]],
      [{ effect: "status", value: 500 }, "CATCH_UP_FAILED", [STREAM, "InternalFailure"]],
      [{ effect: "reset" }, "CATCH_UP_FAILED", ["ListShards"]],
      [{ effect: "delay", value: 4000 }, "CATCH_UP_FAILED", [STREAM, double.endpoint, "no answer", "within"]],
    ];
    for (const [{ effect, ...rest }, code, words] of cases) {
      // The call ends a twentieth before the core gives it up, which can say less: so long that a busy process makes no difference.
      const cache = await open(build, { callTimeout: effect === "delay" ? "2s" : "10s" });
      cache.set("k", 1);
      await double.healthy();
      await double.fault(effect, rest);
      const error = await refusal(cache.catchUp());
      assert.deepEqual([error.name, error.code], ["SnowmeltError", code], error.message);
      assertNames(error.message, ...words);
      assert.equal(cache.get("k"), 1, "nothing that was true is lost");
      await cache.close();
    }
  });

  test("where nobody listens, or answers, the error says where that is", async () => {
    const silent = await listening(() => {});
    const gone = await listening(() => {});
    gone.close();
    for (const [endpoint, callTimeout, ...words] of [[gone.url, "10s", "REFUSED", "check that something listens"], [silent.url, "2s", "no answer", "within 2s"]]) {
      const { Cache, needs } = await BUILDS[build](variables(endpoint));
      const where = { stream: STREAM, region: "us-east-1", endpoint };
      const cache = new Cache({ ...where, callTimeout, catchUpBudget: "20s", onEvent() {}, ...needs });
      cache.set("k", 1);
      const { code, message } = await refusal(cache.catchUp());
      assert.equal(code, "CATCH_UP_FAILED");
      assertNames(message.replace("refused", "REFUSED"), endpoint, ...words);
      await cache.close();
    }
  });

  test("a token waits for what cannot be read yet", async () => {
    const { double, open } = await service(1);
    await double.settings({ put_to_get_ms: [2000, 2000] });
    const [reader, writer] = [await open(build), await open("napi")];
    reader.set("k", 1);
    await reader.catchUp();
    const token = await writer.invalidate("k");
    await reader.catchUp();
    assert.equal(reader.get("k"), 1, "it can be read too soon for this test");
    await reader.catchUp({ atLeast: token, within: "20s" });
    assert.equal(reader.get("k"), undefined);
    await Promise.all([reader.close(), writer.close()]);
  });

  test("a token that is not reached in time is an error of its own", async () => {
    const { double, open } = await service(1);
    const [reader, writer] = [await open(build), await open("napi")];
    reader.set("k", 1);
    await reader.catchUp();
    const token = await writer.invalidate("k");
    await double.fault("throttle", { operation: "GetRecords" });
    const began = performance.now();
    const { code, message } = await refusal(reader.catchUp({ atLeast: token, within: "1s" }));
    assert.equal(code, "CATCH_UP_DEADLINE");
    assertNames(message, "1000 ms");
    assert.ok(performance.now() - began < 2000);
    await double.clearFaults();
    await reader.catchUp({ atLeast: token, within: "20s" });
    assert.equal(reader.get("k"), undefined);
    await Promise.all([reader.close(), writer.close()]);
  });

  // --- writes ---

  test("only the records that were refused are put again", async () => {
    const { double, open } = await service();
    const cache = await open(build, { lanes: 4 });
    await double.fault("refuse_records", { operation: "PutRecords", value: 2, count: 1 });
    const token = await cache.invalidate("k");
    assert.equal((await only(double, "PutRecords")).length, 2);
    assert.equal(await double.records(STREAM), 4, "one for each lane");
    cache.set("other", 1);
    await cache.catchUp({ atLeast: token, within: "20s" });
    await cache.close();
  });

  test("a write outlives throttling, server errors and broken connections", async () => {
    const { double, open } = await service(1);
    const [writer, reader] = [await open(build), await open("napi")];
    for (const [effect, value] of [["throttle"], ["status", 500], ["status", 503], ["reset"]]) {
      reader.set("k", 1);
      await reader.catchUp();
      await double.healthy();
      await double.fault(effect, { operation: "PutRecords", value, count: 2 });
      const token = await writer.invalidate("k");
      assert.equal((await only(double, "PutRecords")).length, 3, effect);
      await reader.catchUp({ atLeast: token, within: "20s" });
      assert.equal(reader.get("k"), undefined);
    }
    await Promise.all([reader.close(), writer.close()]);
  });

  test("a write that cannot be made fails with its remedy, and the local removal stays", async () => {
    const { double, open } = await service(1);
    const cases = [
      [{ effect: "access_denied" }, 1, ["allow kinesis:PutRecords", `arn:aws:kinesis:us-east-1:ACCOUNT:stream/${STREAM}`]],
      [{ effect: "error", value: "KMSAccessDeniedException" }, 1, ["kms:GenerateDataKey"]],
      [{ effect: "error", value: "ResourceNotFoundException" }, 1, ["check the name and the region"]],
      [{ effect: "refuse_records", value: 1 }, 6, ["ProvisionedThroughputExceededException"]],
      [{ effect: "delay", value: 1000 }, 6, ["no answer", double.endpoint]],
    ];
    for (const [{ effect, ...rest }, tries, words] of cases) {
      const events = [];
      const cache = await open(build, { callTimeout: "100ms", onEvent: (event) => events.push(event) });
      cache.set("k", 1);
      await double.healthy();
      await double.fault(effect, { ...rest, operation: "PutRecords" });
      const written = cache.invalidate("k");
      assert.equal(cache.get("k"), undefined, "gone before the stream was asked");
      const { code, message } = await refusal(written);
      assert.equal(code, "WRITE_FAILED");
      assertNames(message, "1 invalidation record(s) could not be written", ...words);
      assert.equal((await only(double, "PutRecords")).length, tries);
      assert.equal(cache.get("k"), undefined);
      assert.deepEqual(events.filter(({ type }) => type === "writeFailed").length, 1);
      assertNames(events.find(({ type }) => type === "writeFailed").message, "other caches were not told: invalidate again");
      await cache.close();
    }
  });
}

test("kinesisTransport is told where it goes once", async () => {
  const { double } = await service(1);
  await double.fault("access_denied");
  const { Cache, needs } = await BUILDS.wasm(double.environment);
  const cache = new Cache({ stream: STREAM, catchUpBudget: "5s", onEvent() {}, ...needs });
  cache.set("k", 1);
  assertNames((await refusal(cache.catchUp())).message, `arn:aws:kinesis:us-east-1:ACCOUNT:stream/${STREAM}`);
  await cache.close();
});

/** A server of ours for raw connections. */
async function listening(connected) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    connected(socket);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const listening = { url: `http://127.0.0.1:${server.address().port}`, sockets, close };
  servers.add(listening);
  return listening;
}

// --- on the JavaScript thread ---

test("records are applied between two turns of JavaScript, never within one", async () => {
  const { double, open } = await service(2);
  const [reader, writer] = [await open("napi", { catchUpEvery: "20ms", maxLag: "60s" }), await open("napi")];
  const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
  const look = () => ({ found: keys.filter((key) => reader.get(key) !== undefined), has: keys.filter((key) => reader.has(key)), size: reader.size, records: reader.stats().records });
  for (const key of keys) reader.set(key, 1);
  await reader.catchUp();
  for (let round = 0; round < 3; round += 1) {
    for (const key of keys) reader.set(key, round);
    await reader.catchUp();
    await writer.invalidate({ all: true });
    await double.fault("delay", { value: 50, operation: "GetRecords" });
    await sleep(60);
    await double.calls();

    // One stretch: it starts a catch-up, whose answers arrive while it goes on.
    const before = look();
    for (const end = performance.now() + 300; performance.now() < end; ) look();
    const after = look();
    assert.deepEqual(after, before);
    assert.equal(before.found.length, keys.length);

    // They were there all along: it takes a turn, and no further call.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(look().found, []);
    assert.equal((await only(double, "GetRecords")).length, 2);
    await double.healthy();
  }
  await Promise.all([reader.close(), writer.close()]);
});

// --- a freeze ---

/** Passes connections on, until they are to lie dead: then nothing goes through those there are, as after a long freeze. */
async function line(to) {
  const { port } = new URL(to);
  let opened = 0;
  const proxy = await listening((socket) => {
    opened += 1;
    const onwards = net.connect(Number(port), "127.0.0.1");
    onwards.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => onwards.destroy());
    socket.on("data", (data) => socket.dead || onwards.write(data));
    onwards.on("data", (data) => socket.dead || socket.write(data));
  });
  const kill = () => proxy.sockets.forEach((socket) => (socket.dead = true));
  return { ...proxy, kill, opened: () => opened };
}

async function freeze() {
  const { double, open } = await service(2);
  const writer = await open("napi");
  const wires = await Promise.all([line(double.endpoint), line(double.endpoint)]);
  // Where `fetch` has its connections from is not ours to say: for it they live on.
  const frozen = await Promise.all(["napi", "wasm"].map((build, n) => {
    const options = { stream: STREAM, maxLag: "5s", callTimeout: "8s", catchUpBudget: "15s" };
    const at = { environment: { ...double.environment, AWS_ENDPOINT_URL_KINESIS: wires[n].url } };
    return Peer.node(build, at, build, options);
  }));
  const keys = ["changed", "tagged", "untouched"];
  for (const peer of frozen) {
    for (const key of keys) await peer.ask("get_or_load", { key, value: "old", tags: key === "tagged" ? ["t"] : [] });
    await peer.ask("catch_up");
    assert.deepEqual(await peer.ask("handle", { keys }), ["old", "old", "old"]);
    peer.signal("SIGSTOP");
  }
  await sleep(3000);
  await writer.invalidate("changed");
  await sleep(7500);
  await writer.invalidate({ tags: ["t"] });
  await double.expireIterators();
  wires[0].kill();
  const opened = wires.map((wire) => wire.opened());
  for (const [n, peer] of frozen.entries()) {
    const began = performance.now();
    peer.signal("SIGCONT");
    assert.deepEqual(await peer.ask("handle", { keys }), [null, null, "old"], peer.name);
    // Less than a call waits on a dead connection.
    assert.ok(performance.now() - began < 6000, `${peer.name} thawed for ${performance.now() - began} ms`);
    const { gaps, catchUpsFailed } = await peer.ask("stats");
    assert.deepEqual([gaps, catchUpsFailed], [0, 0], peer.name);
    if (n === 0) assert.ok(wires[n].opened() > opened[n], "the old connections were used again");
    await peer.ask("quit");
    await peer.stop();
  }
  await writer.close();
}
