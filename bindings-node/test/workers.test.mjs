/** Threads: each with caches of its own, all of them on the process's embedded streams (napi). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { api, child, libraries, ownStream } from "./both.mjs";

/** A thread that runs `run(api, port, data)`, and is sent things. */
function thread(run, data, build = "napi") {
  const source = `const { parentPort, workerData } = require("node:worker_threads");
    (${run})(require(${JSON.stringify(libraries[build])}), parentPort, workerData).catch((error) => { throw error; });`;
  const worker = new Worker(source, { eval: true, workerData: data });
  return {
    worker,
    ended: once(worker, "exit").then(([code]) => code),
    async ask(message) {
      const answer = once(worker, "message");
      worker.postMessage(message);
      return (await answer)[0];
    },
  };
}

const answering = async ({ Cache }, port, stream) => {
  const cache = new Cache({ stream, report: "off", onEvent() {} });
  const calls = {
    load: (key) => cache.getOrLoad(key, () => `loaded by ${require("node:worker_threads").threadId}`),
    has: (key) => cache.has(key),
    invalidate: (key) => cache.invalidate(key),
    catchUp: (atLeast) => cache.catchUp({ atLeast, within: "2s" }),
  };
  port.on("message", async ([name, argument]) => {
    if (name === "end") return cache.close().then(() => port.close());
    port.postMessage((await calls[name](argument)) ?? null);
  });
};

test("an invalidation in one thread is seen in all others", async () => {
  const stream = ownStream();
  const threads = [thread(answering, stream), thread(answering, stream), thread(answering, stream)];
  const all = (...message) => Promise.all(threads.map(({ ask }) => ask(message)));
  const cache = new (api("napi").Cache)({ stream, report: "off", onEvent() {} });
  await cache.getOrLoad("a", () => 1);
  assert.equal(new Set(await all("load", "a")).size, 3, "each has its own");
  const token = await threads[0].ask(["invalidate", "a"]);
  await all("catchUp", token);
  await cache.catchUp({ atLeast: token });
  assert.deepEqual(await all("has", "a"), [false, false, false]);
  assert.equal(cache.has("a"), false);
  await all("load", "b");
  await all("catchUp", await cache.invalidate("b"));
  assert.deepEqual(await all("has", "b"), [false, false, false]);
  for (const { worker } of threads) worker.postMessage(["end"]);
  assert.deepEqual(await Promise.all(threads.map(({ ended }) => ended)), [0, 0, 0]);
  await cache.close();
});

for (const build of Object.keys(libraries)) {
  test(`twenty threads come and go (${build})`, async () => {
    const work = async ({ Cache }, port, stream) => {
      const caches = Array.from({ length: 3 }, () => new Cache({ stream, report: "off" }));
      for (const cache of caches) {
        for (let index = 0; index < 100; index += 1) cache.set(`${index}`, { index });
        await cache.invalidate("5");
        await cache.catchUp();
      }
      port.postMessage(caches.map(({ size }) => size));
      // The last one is left open.
      await caches[0].close();
    };
    const stream = ownStream();
    for (let round = 0; round < 4; round += 1) {
      const started = Array.from({ length: 5 }, () => thread(work, stream, build));
      const sizes = await Promise.all(started.map(({ worker }) => once(worker, "message")));
      assert.deepEqual(sizes.map(([size]) => size.length), [3, 3, 3, 3, 3]);
      assert.deepEqual(await Promise.all(started.map(({ ended }) => ended)), [0, 0, 0, 0, 0]);
    }
  });
}

test("a thread that is ended during calls to Kinesis takes nobody with it", async () => {
  const sockets = new Set();
  const server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const env = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" };
  const { code, signal, stdout, stderr } = await child(
    async ({ Cache }, endpoint, library) => {
      const { Worker } = require("node:worker_threads");
      const { once } = require("node:events");
      const work = `const { Cache } = require(${JSON.stringify(library)});
        const cache = new Cache({ stream: "orders", endpoint: ${JSON.stringify(endpoint)}, callTimeout: "300ms", report: "off", onEvent() {} });
        cache.set("a", 1);
        cache.catchUp().catch(() => {});
        cache.invalidate("b").catch(() => {});
        setTimeout(() => require("node:worker_threads").parentPort.postMessage("under way"), 30);`;
      for (let round = 0; round < 5; round += 1) {
        const worker = new Worker(work, { eval: true });
        await once(worker, "message");
        await worker.terminate();
      }
      // Until the answers to the dead have come.
      await new Promise((resolve) => setTimeout(resolve, 600));
      const cache = new Cache({ stream: "orders", endpoint, callTimeout: "100ms", report: "off", onEvent() {} });
      cache.set("a", 1);
      const outcome = await cache.catchUp().catch(({ code }) => code);
      process.stdout.write(`${outcome} ${cache.get("a")}`);
    },
    { env, args: [`http://127.0.0.1:${server.address().port}`, libraries.napi] },
  );
  for (const socket of sockets) socket.destroy();
  server.close();
  assert.ok(sockets.size > 0, "they did call");
  assert.deepEqual([code, signal, stdout], [0, null, "CATCH_UP_FAILED 1"], stderr);
});
