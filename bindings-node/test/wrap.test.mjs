/** Cached functions. Their types are in types.test.mjs. */
import assert from "node:assert/strict";

import { both, gate, ownStream, pause } from "./both.mjs";

const QUIET = { report: "off", onEvent() {} };

both("calls with one key share one call, also afterwards", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const calls = [];
  const load = gate();
  const user = cache.wrap(async (tenant, id) => {
    calls.push([tenant, id]);
    await load.promise;
    return { tenant, id };
  }, { key: (tenant, id) => `${tenant}/${id}` });
  const calling = [user("t", 1), user("t", 1), user("t", 2)];
  load.open();
  const [first, second, third] = await Promise.all(calling);
  assert.equal(first, second);
  assert.deepEqual([first, third], [{ tenant: "t", id: 1 }, { tenant: "t", id: 2 }]);
  assert.equal(await user("t", 1), first);
  assert.equal(cache.get("t/1"), first);
  assert.deepEqual(calls, [["t", 1], ["t", 2]]);
  await cache.close();
});

both("`this` is the caller's, also as a method", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  class Users {
    table = "users";
    async load(id) {
      return `${this.table}/${id}`;
    }
  }
  Users.prototype.load = cache.wrap(Users.prototype.load, { key: (id) => `load/${id}` });
  assert.equal(await new Users().load(5), "users/5");
  await cache.close();
});

both("tags: a list, or made from the arguments", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  let calls = 0;
  const load = async () => (calls += 1);
  const fixed = cache.wrap(load, { key: (id) => `fixed/${id}`, tags: ["all users"] });
  const made = cache.wrap(load, { key: (tenant, id) => `made/${id}`, tags: (tenant, id) => [`tenant:${tenant}`, `user:${id}`] });
  await Promise.all([fixed(1), made("t", 1), made("t", 2), made("u", 3)]);
  assert.equal(calls, 4);
  await cache.invalidate({ tags: ["tenant:t"] });
  assert.deepEqual(cache.keys().sort(), ["fixed/1", "made/3"]);
  await cache.invalidate({ tags: ["user:3", "all users"] });
  assert.equal(cache.size, 0);
  await cache.close();
});

both("lifetime, weight and signal", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), maxWeight: 10, ...QUIET });
  const short = cache.wrap(() => 1, { key: () => "short", ttl: "20ms" });
  assert.equal(await short(), 1);
  assert.equal(cache.has("short"), true);
  await pause(40);
  assert.equal(cache.has("short"), false);
  const heavy = cache.wrap(() => 1, { key: () => "heavy", weight: 11 });
  assert.equal(await heavy(), 1);
  assert.equal(cache.has("heavy"), false);
  const slow = cache.wrap((_) => pause(20, "slow"), { key: () => "slow", signal: (signal) => signal });
  const controller = new AbortController();
  const [aborted, patient] = [slow(controller.signal), slow()];
  controller.abort("enough");
  await assert.rejects(aborted, (reason) => reason === "enough");
  assert.equal(await patient, "slow");
  await cache.close();
});

both("errors are fn's own, thrown or rejected; a key that fails is an error of its call", async ({ Cache }) => {
  const cache = new Cache({ stream: ownStream(), ...QUIET });
  const error = new Error("mine");
  for (const fn of [() => Promise.reject(error), () => { throw error; }]) {
    await assert.rejects(cache.wrap(fn, { key: () => "a" })(), (thrown) => thrown === error);
  }
  const throwing = () => { throw error; };
  for (const options of [{ key: throwing }, { key: () => "a", tags: throwing }, { key: () => "a", signal: throwing }]) {
    const wrapped = cache.wrap(() => 1, options);
    await assert.rejects(wrapped(), (thrown) => thrown === error);
  }
  await assert.rejects(cache.wrap(() => 1, { key: () => undefined })(), { code: "INVALID_NAME" });
  assert.deepEqual([cache.size, cache.stats().leases], [0, 0]);
  await cache.close();
});
