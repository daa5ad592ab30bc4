/** Who is aborted stops waiting; the load and the others go on. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";

import { both, gate, ownStream, pause, settled } from "./both.mjs";
import { FakeKinesis } from "./fake-kinesis.mjs";

const QUIET = { report: "off", onEvent() {} };
const listeners = (signal) => getEventListeners(signal, "abort").length;

both("an aborted waiter rejects with the reason, at once; the others have the value", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const controller = new AbortController();
  const leader = cache.getOrLoad("a", () => load.promise);
  const aborted = cache.getOrLoad("a", () => 2, { signal: controller.signal });
  const patient = cache.getOrLoad("a", () => 3);
  const reason = { my: "reason" };
  controller.abort(reason);
  await assert.rejects(aborted, (error) => error === reason);
  load.open(1);
  assert.deepEqual(await Promise.all([leader, patient]), [1, 1]);
  assert.equal(cache.get("a"), 1);
  await cache.close();
});

both("a leader who is aborted leaves the load to the others, and it is stored", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const controller = new AbortController();
  let loads = 0;
  let told;
  const loader = ({ signal }) => {
    loads += 1;
    told = signal;
    return load.promise;
  };
  const leader = cache.getOrLoad("a", loader, { signal: controller.signal });
  const joined = cache.getOrLoad("a", loader);
  controller.abort();
  await assert.rejects(leader, { name: "AbortError" });
  assert.equal(told.aborted, false, "the loader is not the waiter's");
  const later = cache.getOrLoad("a", loader);
  load.open("value");
  assert.deepEqual(await Promise.all([joined, later]), ["value", "value"]);
  assert.equal(loads, 1);
  assert.equal(cache.get("a"), "value");
  await cache.close();
});

both("a load that fails after its only waiter was aborted bothers nobody", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const load = gate();
  const controller = new AbortController();
  const reading = cache.getOrLoad("a", () => load.promise, { signal: controller.signal });
  controller.abort();
  await assert.rejects(reading, { name: "AbortError" });
  load.fail(new Error("unhandled?"));
  await pause(10);
  assert.equal(await cache.getOrLoad("a", () => 1), 1);
  await cache.close();
});

both("who is aborted already neither loads nor waits, even where it is cached", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const signal = AbortSignal.abort("late");
  let loads = 0;
  await assert.rejects(cache.getOrLoad("a", () => (loads += 1), { signal }), (error) => error === "late");
  assert.equal(loads, 0);
  const joined = cache.begin("b");
  const waiting = cache.begin("b").wait(signal);
  await assert.rejects(waiting, (error) => error === "late");
  joined.abandon();
  await cache.close();
});

both("who is aborted during a catch-up does not wait for it, and begins no load", async ({ Cache }) => {
  const kinesis = new FakeKinesis();
  const cache = new Cache({ stream: "orders", transport: kinesis.transport, catchUpEvery: 0, catchUpBudget: "10s", callTimeout: "20s", ...QUIET });
  cache.set("a", 1);
  await pause(6);
  const answer = gate();
  kinesis.before = () => answer.promise;
  const end = await Promise.race([cache.invocation(), pause(20)]);
  assert.equal(end, undefined, "the catch-up is under way");
  const controller = new AbortController();
  let loads = 0;
  const reading = cache.getOrLoad("a", () => (loads += 1), { signal: controller.signal });
  assert.equal(await settled(reading), false);
  controller.abort(new Error("enough"));
  await assert.rejects(Promise.race([reading, pause(500)]), { message: "enough" });
  answer.open();
  await pause(20);
  assert.equal(loads, 0);
  assert.equal(listeners(controller.signal), 0);
  await cache.close();
});

both("the loader's signal is aborted after loadTimeout, and not before", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), loadTimeout: "50ms", ...QUIET });
  let told;
  const reading = cache.getOrLoad("a", ({ key, signal }) => {
    assert.equal(key, "a");
    told = signal;
    return new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await pause(20);
  assert.equal(told.aborted, false);
  await assert.rejects(reading, ({ name, message }) => name === "TimeoutError" && message.includes("loadTimeout"));
  const quick = await cache.getOrLoad("b", ({ signal }) => signal);
  await pause(80);
  assert.equal(quick.aborted, false, "a load that is over is not late");
  const lease = cache.begin("c");
  await pause(80);
  assert.equal(lease.signal.aborted, true);
  await cache.close();
});

both("no listener stays on a signal", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const { signal } = new AbortController();
  for (let round = 0; round < 20; round += 1) {
    const load = gate();
    const options = { signal };
    const readings = [cache.getOrLoad(`${round}`, () => load.promise, options), cache.getOrLoad(`${round}`, () => 0, options)];
    await pause(1);
    assert.equal(listeners(signal), 2);
    if (round % 2 === 0) load.open(1);
    else load.fail(new Error("failed"));
    await Promise.allSettled(readings);
    await cache.getOrLoad("cached", () => 1, options);
  }
  await pause(1);
  assert.equal(listeners(signal), 0);
  await cache.close();
});
