/** Handlers for Lambda: everything of `fn` passes through as it is. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { test } from "node:test";

import { both, child, gate, libraries, ownStream, pause, settled } from "./both.mjs";
import { FakeKinesis } from "./fake-kinesis.mjs";

const require = createRequire(import.meta.url);
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const QUIET = { report: "off", onEvent() {} };

/** What Lambda's runtime does. */
const awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = "response";
    if (options?.highWaterMark) handler[HIGH_WATER_MARK] = options.highWaterMark;
    return handler;
  },
};

both("result, error, this, arguments and name are fn's", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const result = { statusCode: 200 };
  async function readUser(...given) {
    assert.equal(this, self);
    assert.deepEqual(given, [event, context]);
    return result;
  }
  const [self, event, context] = [{}, { userId: 1 }, { awsRequestId: "r" }];
  const handler = cache.handler(readUser);
  assert.equal(handler.name, "readUser");
  assert.ok(handler.length <= 2, "the runtime does not take it for callback-style");
  assert.equal(await handler.call(self, event, context), result);
  for (const error of [new Error("mine"), "text", undefined, null]) {
    await assert.rejects(cache.handler(async () => { throw error; })(), (thrown) => thrown === error);
    await assert.rejects(cache.handler(() => { throw error; })(), (thrown) => thrown === error, "thrown at once");
  }
  assert.equal(await cache.handler(() => 5)(), 5);
  assert.equal(await cache.handler(() => undefined)(), undefined);
  assert.equal(await cache.handler(() => ({ then: (resolve) => void resolve(6) }))(), 6);
  await cache.close();
});

both("catches up before fn if that is due; with catchUpEvery 0 once in each invocation", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, ...QUIET });
  const writer = new Cache({ stream: "orders", transport: kinesis.transport, ...QUIET });
  await cache.handler(async () => {})();
  assert.equal(kinesis.calls.getRecords + kinesis.calls.listShards, 0, "cold costs nothing");
  let version = 0;
  const read = () => cache.getOrLoad("a", async () => (version += 1));
  const handler = cache.handler(async () => [await read(), await read(), cache.get("a")]);
  assert.deepEqual(await handler(), [1, 1, 1]);
  await pause(6);
  for (let round = 2; round <= 4; round += 1) {
    const before = kinesis.calls.getRecords;
    assert.deepEqual(await handler(), [round - 1, round - 1, round - 1]);
    assert.equal(kinesis.calls.getRecords, before + 1);
    await writer.invalidate("a");
    await pause(2);
    assert.deepEqual(await handler(), [round, round, round]);
    await pause(6);
  }
  const seldom = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: "1m", maxLag: "2m", ...QUIET });
  await seldom.getOrLoad("a", () => 1);
  const calls = { ...kinesis.calls };
  await seldom.handler(async () => seldom.getOrLoad("a", () => 2))();
  assert.deepEqual(kinesis.calls, calls, "not due, not done");
  await Promise.all([cache.close(), writer.close(), seldom.close()]);
});

both("an invocation waits no longer than the budget for a stream that does not answer", async ({ Cache }) => {
  const never = () => new Promise(() => {});
  const transport = { listShards: never, getShardIterator: never, getRecords: never, putRecords: never };
  const cache = new Cache({ stream: "orders", transport, catchUpEvery: 0, catchUpBudget: "50ms", callTimeout: "100ms", ...QUIET });
  cache.set("a", 1);
  await pause(6);
  const began = performance.now();
  assert.equal(await cache.handler(async () => cache.get("a"))(), 1);
  const took = performance.now() - began;
  assert.ok(took > 40 && took < 200, `${took} ms`);
  await cache.close();
});

both("waits after fn for invalidations that it left pending", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const written = gate();
  kinesis.before = (operation) => (operation === "putRecords" ? written.promise : undefined);
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, ...QUIET });
  for (const fails of [false, true]) {
    const error = new Error("mine");
    const handling = cache.handler(async () => {
      void cache.invalidate("a");
      if (fails) throw error;
      return "done";
    })();
    assert.equal(await settled(handling), fails && kinesis.shards[0].records.length > 1);
    written.open();
    assert.equal(await handling.catch((thrown) => thrown), fails ? error : "done");
  }
  assert.equal(kinesis.shards[0].records.length, 2);
  kinesis.before = () => Promise.reject(Object.assign(new Error("no"), { name: "AccessDeniedException" }));
  assert.equal(await cache.handler(async () => void cache.invalidate("a"))(), undefined, "one that fails is not fn's failure");
  await cache.close();
});

both("reports as one line of JSON, as EMF, or not", async ({ Cache }) => {
  const lines = [];
  const run = async (options) => {
    const cache = new Cache({ stream: "memory:reported", reportTo: (line) => lines.push(line), onEvent() {}, ...options });
    const handler = cache.handler(async () => {
      await cache.getOrLoad("a", () => pause(5));
      await cache.getOrLoad("a", () => assert.fail("it is cached"));
    });
    await handler();
    await cache.close();
    return lines.splice(0);
  };
  for (const options of [{}, { report: "json" }]) {
    const [line, ...more] = await run(options);
    assert.deepEqual(more, []);
    assert.ok(!line.includes("\n"));
    const { snowmelt, ...rest } = JSON.parse(line);
    const report = typeof snowmelt === "object" ? snowmelt : rest;
    assert.deepEqual([report.hits, report.misses, report.loads], [1, 1, 1], line);
  }
  const [emf, ...more] = await run({ report: { emf: "Shop" } });
  assert.deepEqual(more, []);
  assert.equal(JSON.parse(emf)._aws.CloudWatchMetrics[0].Namespace, "Shop");
  assert.deepEqual(await run({ report: "off" }), []);
});

both("a reportTo that throws is no reason to fail, and neither is an onEvent", async ({ Cache }) => {
  const throws = () => {
    throw new Error("nobody");
  };
  const kinesis = new FakeKinesis();
  kinesis.before = throws;
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, reportTo: throws, onEvent: throws, catchUpEvery: 0 });
  cache.set("a", 1);
  await pause(6);
  assert.equal(await cache.handler(async () => cache.get("a"))(), 1);
  await cache.close();
});

both("reports go to the standard output, and nowhere else", async (_, __, build) => {
  const { code, stdout, stderr } = await child(
    async ({ Cache }) => {
      const cache = new Cache({ stream: "memory:" });
      await cache.handler(async () => {})();
    },
    { build },
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.trim().split("\n").length, 1);
  assert.equal(JSON.parse(stdout).hits ?? JSON.parse(stdout).snowmelt.hits, 0);
});

both("callback-style handlers are refused where they are wrapped, with the remedy", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const callbackStyle = {
    old: function (event, context, callback) { callback(null, 1); },
    arrow: (event, context, callback) => callback(null, 1),
  };
  for (const [name, fn] of Object.entries(callbackStyle)) {
    assert.throws(() => cache.handler(fn), ({ code, message }) => {
      assert.equal(code, "UNSUPPORTED_HANDLER");
      assert.match(message, /callback.*async \(event, context\).*streamifyResponse/s);
      return message.includes(name);
    });
  }
  assert.throws(() => cache.handler((...[]) => 1 && undefined) && cache.handler((a, b, c) => a), { code: "UNSUPPORTED_HANDLER" });
  await cache.close();
});

both("handlers that stream their response keep their marks, wrapped in either order", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const written = [];
  const fn = async (event, stream, context) => {
    stream.write(`${event.id} ${context.awsRequestId}`);
    await pause(1);
    stream.end();
  };
  const sync = (event, stream, context) => {
    stream.write(`${event.id} ${context.awsRequestId}`);
    stream.end();
  };
  const handlers = {
    "the cache outside": cache.handler(awslambda.streamifyResponse(fn.bind(null), { highWaterMark: 9 })),
    "the cache inside": awslambda.streamifyResponse(cache.handler(async (event, stream, context) => fn(event, stream, context)), { highWaterMark: 9 }),
    "a sync one": cache.handler(awslambda.streamifyResponse(sync, { highWaterMark: 9 })),
  };
  for (const [name, handler] of Object.entries(handlers)) {
    assert.deepEqual([handler[STREAMING], handler[HIGH_WATER_MARK]], ["response", 9], name);
    const stream = { write: (text) => written.push(text), end: () => written.push("end") };
    assert.equal(await handler({ id: name }, stream, { awsRequestId: "r" }), undefined);
    assert.deepEqual(written.splice(0), [`${name} r`, "end"]);
  }
  await cache.close();
});

// --- the event loop ---

both("a process ends right after its handler", async (_, __, build) => {
  const { code, stdout, stderr } = await child(
    async ({ Cache }) => {
      const cache = new Cache({ stream: "memory:", ttl: "1h", report: "off" });
      const handler = cache.handler(async () => {
        await cache.getOrLoad("a", () => 1);
        void cache.invalidate("b");
        // A load that nobody waits for, and that never ends.
        void cache.getOrLoad("c", () => new Promise(() => {}));
        return "done";
      });
      await handler();
      await cache.catchUp();
      const began = performance.now();
      process.on("exit", () => process.stdout.write(`${performance.now() - began}`));
    },
    { build },
  );
  assert.equal(code, 0, stderr);
  assert.ok(Number(stdout) < 500, `it lived on for ${stdout} ms`);
});

both("a process ends within the budget where the transport never answers", async (_, __, build) => {
  const { code, stdout, stderr } = await child(
    async ({ Cache }) => {
      const never = () => new Promise(() => {});
      const transport = { listShards: never, getShardIterator: never, getRecords: never, putRecords: never };
      const cache = new Cache({ stream: "orders", transport, catchUpEvery: 0, report: "off", onEvent() {} });
      cache.set("a", 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const began = performance.now();
      const result = await cache.handler(async () => cache.get("a"))();
      process.on("exit", () => process.stdout.write(`${result} ${performance.now() - began}`));
    },
    { build },
  );
  assert.equal(code, 0, stderr);
  const [result, lived] = stdout.split(" ");
  assert.equal(result, "1");
  assert.ok(Number(lived) < 700, `it lived on for ${lived} ms`);
});

test("a process ends within the budget where Kinesis never answers (napi)", async () => {
  const sockets = new Set();
  const server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { code, stdout, stderr } = await child(
    async ({ Cache }, endpoint) => {
      const cache = new Cache({ stream: "orders", endpoint, catchUpEvery: 0, report: "off", onEvent() {} });
      cache.set("a", 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const began = performance.now();
      const result = await cache.handler(async () => cache.get("a"))();
      process.on("exit", () => process.stdout.write(`${result} ${performance.now() - began}`));
    },
    { args: [`http://127.0.0.1:${server.address().port}`], env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" } },
  );
  for (const socket of sockets) socket.destroy();
  server.close();
  assert.equal(code, 0, stderr);
  const [result, lived] = stdout.split(" ");
  assert.equal(result, "1");
  assert.ok(Number(lived) > 200 && Number(lived) < 700, `it lived on for ${lived} ms`);
});

// --- middy ---

const middleware = () => require("../lib/middy.cjs");
const { default: middy } = await import("@middy/core");

both("middy's middleware does what handler does", async ({ Cache }) => {
  const lines = [];
  const kinesis = new FakeKinesis();
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, reportTo: (line) => lines.push(line), onEvent() {} });
  const handler = middy().use(middleware().snowmelt(cache)).handler(async (event) => {
    void cache.invalidate("other");
    return cache.getOrLoad("a", () => event.value);
  });
  assert.equal(await handler({ value: 1 }, {}), 1);
  assert.equal(kinesis.shards[0].records.length, 1, "it waited for the invalidation");
  assert.equal(lines.length, 1);
  await pause(6);
  const before = kinesis.calls.getRecords;
  assert.equal(await handler({ value: 2 }, {}), 1);
  assert.ok(kinesis.calls.getRecords > before, "it caught up");
  assert.equal(lines.length, 2);
  await cache.close();
});

both("middy: errors pass through, of the handler and of other middlewares, and each invocation ends", async ({ Cache }) => {
  const lines = [];
  const kinesis = new FakeKinesis();
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, reportTo: (line) => lines.push(line), onEvent() {} });
  const error = new Error("mine");
  const failing = async () => {
    void cache.invalidate("a");
    throw error;
  };
  const handlers = [
    middy().use(middleware().snowmelt(cache)).handler(failing),
    middy().use(middleware().snowmelt(cache)).use({ before: failing }).handler(async () => 1),
    middy().use({ before: failing }).use(middleware().snowmelt(cache)).handler(async () => 1),
    middy().use(middleware().snowmelt(cache)).use({ after: failing }).handler(async () => 1),
  ];
  for (const [index, handler] of handlers.entries()) await assert.rejects(handler({}, {}), (thrown) => thrown === error, `${index}`);
  assert.equal(lines.length, 3, "one did not reach it");
  await cache.close();
  assert.equal(kinesis.shards[0].records.length, 4);
});

both("middy: where another middleware answers early, the invocation ends with the next", async ({ Cache }) => {
  const lines = [];
  const cache = new Cache({ stream: ownStream(), reportTo: (line) => lines.push(line), onEvent() {} });
  let early = true;
  const handler = middy().use(middleware().snowmelt(cache)).use({ before: () => (early ? "early" : undefined) }).handler(async () => "handled");
  assert.equal(await handler({}, {}), "early");
  assert.equal(await handler({}, {}), "early");
  early = false;
  assert.equal(await handler({}, {}), "handled");
  assert.equal(lines.length, 3);
  await cache.close();
});

assert.equal(Object.keys(libraries).length, 2);
