/** What handlers can rely on while their response is held: Node's `res`, and bodies that do not end. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import http from "node:http";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";

import { api, both, eventually, gate, pause } from "./both.mjs";
import { ask, cacheHttp, listen, raw, setUp } from "./http/servers.mjs";

const require = createRequire(import.meta.url);

/** An Express app with the cache; `add` says what else it has. */
async function served(context, add, express = require("express")) {
  const app = express();
  add(app);
  return listen(context, http.createServer(app));
}

for (const version of ["express", "express4"]) {
  both(`${version}: what middlewares set around the cache stays as it is for each request`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    let [requests, calls] = [0, 0];
    const url = await served(context, (app) => {
      app.use((_, res, next) => {
        res.set({ "x-request": `${(requests += 1)}`, "x-both": "outer", "access-control-allow-origin": "*" });
        next();
      });
      app.use("/api", cache.express());
      app.get("/api/:name", (req, res) => res.set("x-both", "own").json({ name: req.params.name, calls: (calls += 1) }));
    }, require(version));
    for (const [request, way] of [["1", "miss"], ["2", "hit"], ["3", "hit"]]) {
      const { headers, cache: got, text } = await ask(`${url}/api/a`);
      assert.deepEqual([got, headers.get("x-request"), headers.get("x-both"), headers.get("access-control-allow-origin"), text], [way, request, "own", "*", '{"name":"a","calls":1}']);
    }
    assert.equal((await ask(`${url}/api/b`)).text, '{"name":"b","calls":2}', "a mounted path is part of the key");
  });

  both(`${version}: streams, files and pieces are collected`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    let calls = 0;
    const url = await served(context, (app) => {
      app.use(cache.express());
      app.use((_, __, next) => {
        calls += 1;
        next();
      });
      app.get("/pipe", (_, res) => Readable.from(["a", "b", "c"]).pipe(res.type("text")));
      app.get("/file", (_, res) => res.sendFile(new URL("http/events/alb.json", import.meta.url).pathname, { maxAge: "1m" }));
      app.get("/pieces", (_, res) => {
        res.writeHead(203, "Mostly", ["X-One", "1", "X-One", "2"]);
        res.write("latin: \xe9", "latin1");
        setTimeout(() => res.end(new Uint8Array([33])), 20);
      });
      app.get("/redirect", (_, res) => res.redirect(301, "/pipe"));
      app.get("/empty", (_, res) => res.status(204).end());
    }, require(version));
    for (const [path, status] of [["/pipe", 200], ["/file", 200], ["/pieces", 203], ["/redirect", 301], ["/empty", 204]]) {
      const [made, found] = [await raw(url + path), await raw(url + path)];
      assert.deepEqual([made.status, made.cache, found.status, found.cache], [status, "miss", status, "hit"], path);
      assert.equal(found.text, made.text);
    }
    assert.deepEqual([(await raw(`${url}/pipe`)).text, (await raw(`${url}/pieces`)).headers["x-one"], (await raw(`${url}/redirect`)).headers.location], ["abc", "1, 2", "/pipe"]);
    assert.equal(calls, 5);
  });

  both(`${version}: the first client goes away while a stream is piped, and the others have all of it`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    const source = new PassThrough();
    const [entered, told] = [gate(), []];
    let calls = 0;
    const url = await served(context, (app) => {
      app.use(cache.express());
      app.get("/", async (_, res) => {
        calls += 1;
        for (const event of ["close", "finish"]) res.on(event, () => told.push(event));
        source.write("begun ");
        entered.open();
        // It is told in the end that its own client has gone.
        await pipeline(source, res).catch(() => {});
      });
    }, require(version));
    const client = new AbortController();
    const first = ask(url, { signal: client.signal });
    await entered.promise;
    const second = ask(url);
    client.abort();
    await assert.rejects(first);
    await pause(100);
    assert.deepEqual(told, [], "the handler is not told before it is done");
    source.end("and ended");
    assert.deepEqual(await second.then(({ status, text }) => [status, text]), [200, "begun and ended"]);
    assert.equal(calls, 1);
    await eventually(() => told.includes("close"), "it is told in the end");
  });

  both(`${version}: a handler reads back what it wrote`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    const seen = gate();
    const url = await served(context, (app) => {
      app.use(cache.express());
      app.get("/", (_, res) => {
        const states = [];
        const state = () => states.push([res.headersSent, res.writableEnded].map(Number).join(""));
        state();
        res.setHeader("X-One", ["1", "2"]).append("X-Two", "3");
        states.push(res.getHeader("x-one").join(), res.hasHeader("X-TWO"), res.getHeaderNames().includes("x-two"));
        assert.throws(() => res.setHeader("bad name", "1"), { code: "ERR_INVALID_HTTP_TOKEN" });
        assert.throws(() => res.setHeader("x-bad", "a\r\nb"), { code: "ERR_INVALID_CHAR" });
        res.write("x");
        state();
        assert.throws(() => res.setHeader("x-late", "1"), { code: "ERR_HTTP_HEADERS_SENT" });
        res.end("y", () => states.push("told"));
        res.end("twice");
        state();
        seen.open(states);
      });
    }, require(version));
    assert.equal((await raw(url)).text, "xy");
    assert.deepEqual((await seen.promise).slice(0, 6), ["00", "1,2", true, true, "10", "11"]);
  });
}

both("a write's backpressure is the client's once it streams through", async (api, context) => {
  const { http: cache } = setUp(context, api, { ttl: "1m", maxBody: "64kb" });
  let written = 0;
  const url = await served(context, (app) => {
    app.use(cache.express());
    app.get("/", (_, res) => {
      const chunk = Buffer.alloc(64 * 1024);
      const source = new Readable({
        read() {
          written += chunk.length;
          this.push(written > 400 * chunk.length ? null : chunk);
        },
      });
      source.pipe(res);
    });
  });
  await new Promise((resolve, reject) => {
    http.get(url, async (response) => {
      response.pause();
      await pause(300);
      const ahead = written;
      let got = 0;
      response.on("data", (part) => void (got += part.length)).on("error", reject);
      response.on("end", () => {
        assert.ok(ahead < 20 << 20, `${ahead >> 10} KiB were made ahead of a client that reads nothing`);
        assert.equal(got, 400 * 64 * 1024);
        resolve();
      });
      response.resume();
    }).on("error", reject);
  });
});

both("nobody waits for ever for a body that does not end", async (api, context) => {
  const { http: cache } = setUp(context, api, { ttl: "1m", bodyTimeout: "200ms" });
  let calls = 0;
  const handler = cache.fetch(async () => {
    calls += 1;
    return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("begun")) }));
  });
  const url = await served(context, (app) => {
    app.use(cache.express());
    app.get("/", (_, res) => {
      calls += 1;
      res.write("begun");
    });
  });
  const began = Date.now();
  const request = () => new Request("http://shop.example/");
  const responses = await Promise.all([handler(request()), handler(request()), fetch(url), fetch(url)]);
  assert.ok(Date.now() - began < 15_000);
  for (const response of responses) {
    const reader = response.body.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "begun");
    assert.match(response.headers.get("cache-status"), /detail=endless$/);
    await reader.cancel();
  }
  assert.equal(calls, 4);
});

both("requests of workers: what is beside the request, who goes away, what is no response", async (api, context) => {
  const waiting = [];
  const { http: cache } = setUp(context, api, { ttl: "100ms", staleWhileRevalidate: "1m", waitUntil: (promise, env, ctx) => ctx.waitUntil(promise) });
  const seen = [];
  const worker = cache.fetch(async (request, env, ctx) => {
    seen.push([request.signal.aborted, env, ctx, request.headers.get("if-none-match")]);
    return Response.json({ call: seen.length });
  });
  const [env, ctx] = [{ KEY: "k" }, { waitUntil: (promise) => waiting.push(promise) }];
  const gone = AbortSignal.abort();
  const first = await worker(new Request("https://shop.example/a?b#c", { headers: { "if-none-match": '"x"' }, signal: gone }), env, ctx);
  assert.deepEqual([await first.json(), seen], [{ call: 1 }, [[false, env, ctx, null]]]);
  await pause(200);
  const stale = await worker(new Request("https://shop.example/a?b"), env, ctx);
  assert.deepEqual([stale.headers.get("x-cache"), await stale.json(), waiting.length], ["stale", { call: 1 }, 1]);
  await Promise.all(waiting);
  const broken = cache.fetch(async () => Response.error());
  assert.equal((await broken(new Request("https://shop.example/error"), env, ctx)).type, "error");
});

both("what is skipped needs no key, and a promise does not say whether it is", async (api, context) => {
  const { cache, http } = setUp(context, api, { ttl: "1m", skip: ({ path }) => path === "/health", key: ({ header }) => header("x-tenant").toLowerCase() });
  const server = http.fetch(async () => new Response("up"));
  assert.equal((await server(new Request("http://shop.example/health"))).headers.get("x-cache"), "bypass");
  const to = (tenant) => server(new Request("http://shop.example/", { headers: { "x-tenant": tenant } })).then(({ headers }) => headers.get("x-cache"));
  assert.deepEqual([await to("A"), await to("a"), await to("b")], ["miss", "hit", "miss"]);
  const late = cacheHttp(cache, { ttl: "1m", skip: async () => false }).fetch(async () => new Response());
  await assert.rejects(late(new Request("http://shop.example/")), { code: "INVALID_ARGUMENT", message: /`skip` gave a promise/ });
});

both("the windows for old responses are the cache's, unless others are given", async (api, context) => {
  const { cache } = setUp(context, api, {}, { staleWhileRevalidate: "1m", staleIfError: "1m" });
  const hooked = [];
  const ways = async (options) => {
    let calls = 0;
    const server = cacheHttp(cache, { ttl: "50ms", key: () => JSON.stringify(options), waitUntil: (promise) => hooked.push(promise), ...options }).fetch(async () => {
      calls += 1;
      if (calls > 1) throw new Error("the origin is away");
      return new Response("old");
    });
    const way = async () => (await server(new Request("http://shop.example/"))).headers.get("x-cache");
    assert.equal(await way(), "miss");
    await pause(120);
    return way().catch(({ message }) => message);
  };
  assert.deepEqual([await ways({}), hooked.length], ["stale", 1]);
  assert.deepEqual([await ways({ staleWhileRevalidate: 0 }), hooked.length], ["stale", 1]);
  assert.equal(await ways({ staleWhileRevalidate: 0, staleIfError: 0 }), "the origin is away");
  await Promise.all(hooked);
});

test("what is wrong is said, with the names of JavaScript", async () => {
  for (const build of ["napi", "wasm"]) {
    const { Cache, SnowmeltError } = api(build);
    const cache = new Cache({ stream: "none" });
    const wrong = [
      [{ ttl: 5 }, "ttl", /`ttl` is 5: /],
      [{ ttl: { "6xx": "1m" } }, "ttl.6xx", /`ttl.6xx`/],
      [{ max_body: "1mb" }, "max_body", /did you mean `maxBody`\?/],
      [{ maxBody: "much" }, "maxBody", /`maxBody` is "much": /],
      [{ bodyTimeout: 5 }, "bodyTimeout", /`bodyTimeout` is 5: /],
      [{ query: "random" }, "query", /ordered.*sorted/],
      [{ store5xx: 1 }, "store5xx", /`store5xx` is 1: /],
      [{ methods: ["DELETE"] }, "methods", /GET, HEAD, POST and QUERY/],
      [{ methods: ["POST"] }, "methods", /`keyBody`/],
      [{ skip: true }, "skip", /give a function \(request\) => boolean/],
      [{ keyHeaders: ["a b"] }, "keyHeaders", /"a b"/],
    ];
    for (const [options, option, message] of wrong) {
      assert.throws(() => cacheHttp(cache, options), (error) => {
        assert.ok(error instanceof SnowmeltError);
        assert.deepEqual([error.code, error.option], ["INVALID_OPTION", option], error.message);
        assert.match(error.message, message);
        return true;
      });
    }
    for (const given of [undefined, null, {}, new Map()]) assert.throws(() => cacheHttp(given), { code: "INVALID_ARGUMENT" });
    assert.throws(() => cacheHttp(cache, null), { code: "INVALID_ARGUMENT" });
    assert.throws(() => cacheHttp(cache).express({}, {}, () => {}), { code: "INVALID_ARGUMENT", message: /app\.use\(http\.express\(\)\)/ });
    await assert.rejects(cacheHttp(cache, { key: () => 7 }).fetch(async () => new Response())(new Request("http://a.example")), { code: "INVALID_ARGUMENT" });
    await cache.close();
  }
});
