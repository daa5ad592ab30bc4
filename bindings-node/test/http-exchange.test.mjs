/** What the Rust core holds of a request is let go when the request is over, however it ends. */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "node:test";

import { both, eventually } from "./both.mjs";
import { builds } from "./builds.mjs";
import { cacheHttp, setUp } from "./http/servers.mjs";

const BINDING = Symbol.for("snowmelt.binding");
const CLOSE = 9;
const REQUEST = ["GET", "https", "shop.example", "/", ""].join("\n");

for (const { name, load } of builds) {
  test(`a closed exchange is never taken for the next one (${name})`, () => {
    const policy = load().createHttpPolicy([]);
    const say = (exchange, what) => policy.say(exchange, what, "", 0, 0, new Uint8Array(0));
    const numbers = [1, 2, 3].map(() => {
      const exchange = policy.open(REQUEST, 5, undefined);
      assert.match(say(exchange, 1), /^shared/);
      say(exchange, CLOSE);
      say(exchange, CLOSE);
      assert.throws(() => say(exchange, 1), /was closed/);
      return exchange;
    });
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal(new Set(numbers.map((number) => number % 2 ** 20)).size, 1, "a place is used again");
    const open = [policy.open(REQUEST, 5, undefined), policy.open(REQUEST, 5, undefined)];
    assert.equal(new Set([...numbers, ...open]).size, 5);
  });
}

/** An HTTP cache, and the numbers of the exchanges that are open. */
function counted(context, api, options) {
  const { cache } = setUp(context, api);
  const binding = cache[BINDING]();
  const open = new Set();
  const counting = (policy) => ({
    open(...given) {
      const number = policy.open(...given);
      open.add(number);
      return number;
    },
    say(number, what, ...given) {
      const said = policy.say(number, what, ...given);
      if (what === CLOSE) open.delete(number);
      return said;
    },
  });
  const real = binding.createHttpPolicy;
  binding.createHttpPolicy = (settings) => counting(real(settings));
  context.after(() => void (binding.createHttpPolicy = real));
  return { http: cacheHttp(cache, options), open };
}

both("every request closes its exchange", async (api, context) => {
  let opened = 0;
  const { http, open } = counted(context, api, {
    ttl: "1m",
    keyBody: "1kb",
    methods: ["GET", "POST"],
    skip: ({ path }) => {
      if (path === "/skip-throws") throw new Error("skip");
      return path === "/skip";
    },
  });
  const handler = http.fetch(async (request) => {
    const { pathname } = new URL(request.url);
    opened = Math.max(opened, open.size);
    if (pathname === "/throws") throw new Error("handler");
    const headers = pathname === "/vary" ? { vary: "accept-language" } : pathname === "/private" ? { "cache-control": "private" } : {};
    return new Response("body", { status: pathname === "/503" ? 503 : 200, headers });
  });
  const ask = (path, init) => handler(new Request(`https://shop.example${path}`, init)).then((response) => response.text(), (error) => error.message);
  for (const path of ["/", "/", "/skip", "/skip-throws", "/throws", "/503", "/private", "/vary", "/vary"]) {
    await Promise.all([ask(path), ask(path), ask(path, { headers: { "accept-language": "de", "cache-control": "no-cache" } })]);
  }
  await ask("/", { headers: { "cache-control": "only-if-cached" } });
  await ask("/form", { method: "POST", body: "a=1" });
  await ask("/form", { method: "PUT", body: "a=1" });
  assert.ok(opened > 0);
  assert.equal(open.size, 0);
});

both("a handler that never ends is forgotten with its request", async (api, context) => {
  const { http, open } = counted(context, api, { ttl: "1m" });
  const handler = http.fetch(() => new Promise(() => {}));
  for (let at = 0; at < 10; at += 1) void handler(new Request(`https://shop.example/${at}`, { method: "PUT" }));
  assert.equal(open.size, 10);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  await eventually(() => {
    collect();
    return open.size === 0;
  }, "all exchanges are closed", 20_000);
});
