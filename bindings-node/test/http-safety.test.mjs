/** Nobody is given what is another's, and nobody decides what others are given. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import http from "node:http";
import http2 from "node:http2";

import { both, pause } from "./both.mjs";
import { listen, raw, setUp } from "./http/servers.mjs";

const require = createRequire(import.meta.url);

/** A page for each user, told apart by `Vary`. `answer(user)` gives status and cache control. */
function perUser(cache, answer) {
  const handler = cache.fetch(async (request) => {
    const user = request.headers.get("cookie");
    const { status = 200, control = "max-age=1, stale-while-revalidate=60, stale-if-error=60" } = (await answer(user)) ?? {};
    return new Response(`of ${user}`, { status, headers: { "cache-control": control, vary: "cookie" } });
  });
  return async (cookie, headers = {}) => {
    const response = await handler(new Request("https://shop.example/me", { headers: { cookie, ...headers } }));
    return [response.status, response.headers.get("x-cache"), await response.text()];
  };
}

both("who refreshes another's old page in the background is not given it", async (api, context) => {
  const waiting = [];
  const { http: cache } = setUp(context, api, { waitUntil: (promise) => void waiting.push(promise) });
  const ask = perUser(cache, () => {});
  assert.deepEqual(await ask("alice"), [200, "miss", "of alice"]);
  await pause(1_100);
  assert.deepEqual(await ask("bob"), [200, "miss", "of bob"]);
  await Promise.all(waiting);
  assert.equal(waiting.length, 1);
  assert.equal((await ask("bob"))[2], "of bob");
});

both("another's old page does not stand in for a failure", async (api, context) => {
  const { http: cache } = setUp(context, api, {});
  const ask = perUser(cache, (user) => (user === "bob" ? { status: 500 } : undefined));
  assert.deepEqual(await ask("alice"), [200, "miss", "of alice"]);
  await pause(1_100);
  assert.deepEqual(await ask("bob"), [500, "miss", "of bob"]);
  // (The own one does.)
  const own = perUser(cache, () => ({ status: 500 }));
  assert.deepEqual(await own("alice"), [200, "stale", "of alice"]);
});

both("another's old page does not stand in for a handler that throws", async (api, context) => {
  const { http: cache } = setUp(context, api, {});
  const ask = perUser(cache, (user) => {
    if (user === "bob") throw new Error("down");
  });
  assert.deepEqual(await ask("alice"), [200, "miss", "of alice"]);
  await pause(1_100);
  await assert.rejects(ask("bob"), /down/);
});

for (const background of [false, true]) {
  both(`an old page goes when the new one is not shared${background ? ", in the background" : ""}`, async (api, context) => {
    const waiting = [];
    const { http: cache } = setUp(context, api, background ? { waitUntil: (promise) => void waiting.push(promise) } : {});
    let calls = 0;
    const handler = cache.fetch(async () => {
      calls += 1;
      const control = calls > 1 ? "no-store" : "max-age=1, stale-while-revalidate=3600, stale-if-error=3600";
      return new Response(`call ${calls}`, { status: calls > 3 ? 502 : 200, headers: { "cache-control": control } });
    });
    const ask = async () => (await handler(new Request("https://shop.example/"))).text();
    assert.equal(await ask(), "call 1");
    await pause(1_100);
    assert.equal(await ask(), background ? "call 1" : "call 2");
    await Promise.all(waiting);
    assert.deepEqual([await ask(), await ask()], ["call 3", "call 4"]);
  });
}

for (const version of ["express", "express4"]) {
  both(`${version}: what is set around the cache for one request is not replayed to another`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    const app = require(version)();
    app.use((req, res, next) => {
      if (req.headers["x-login"] !== undefined) res.set("x-user", req.headers["x-login"]);
      next();
    });
    app.use(cache.express());
    app.get("/", (_, res) => res.send("page"));
    const url = await listen(context, http.createServer(app));
    const seen = [];
    for (const headers of [{ "x-login": "alice" }, { "x-login": "bob" }, {}]) {
      const answer = await raw(url, { headers });
      seen.push([answer.cache, answer.text, answer.headers["x-user"]]);
    }
    assert.deepEqual(seen, [["miss", "page", "alice"], ["hit", "page", "bob"], ["hit", "page", undefined]]);
  });

  both(`${version}: the host is the one that the application sees`, async (api, context) => {
    const { http: cache } = setUp(context, api, { ttl: "1m" });
    const express = require(version);
    const page = (req, res) => res.send(`http://${req.hostname}/`);
    const [trusting, other] = [express(), express()];
    trusting.set("trust proxy", true);
    for (const app of [trusting, other]) app.use(cache.express()).get("/", page);
    const ask = async (url, forwarded) => {
      const { cache, text } = await raw(url, { headers: { host: "shop.example", ...(forwarded && { "x-forwarded-host": forwarded }) } });
      return [cache, text];
    };
    const url = await listen(context, http.createServer(trusting));
    assert.deepEqual(await ask(url, "evil.example"), ["miss", "http://evil.example/"]);
    assert.deepEqual(await ask(url), ["miss", "http://shop.example/"]);
    assert.deepEqual(await ask(url, "shop.example, inner.example"), ["hit", "http://shop.example/"]);
    // Where nobody is trusted, the header changes nothing.
    assert.deepEqual(await ask(await listen(context, http.createServer(other)), "evil.example"), ["hit", "http://shop.example/"]);
  });
}

both("HTTP/2: hosts do not collide", async (api, context) => {
  const { http: cache } = setUp(context, api, { ttl: "1m" });
  const middleware = cache.express();
  const server = http2.createServer((req, res) => middleware(req, res, () => res.end(`of ${req.headers[":authority"]} ${req.headers.host}`)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = http2.connect(`http://127.0.0.1:${server.address().port}`);
  context.after(() => {
    session.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const ask = async (headers) => {
    const stream = session.request({ ":path": "/", ...headers });
    stream.setTimeout(20_000, () => stream.destroy(new Error("no answer")));
    const [head] = await once(stream, "response");
    let text = "";
    for await (const part of stream.setEncoding("utf8")) text += part;
    return [head["x-cache"], text];
  };
  assert.deepEqual(await ask({ ":authority": "a.example" }), ["miss", "of a.example undefined"]);
  assert.deepEqual(await ask({ ":authority": "b.example" }), ["miss", "of b.example undefined"]);
  assert.deepEqual(await ask({ ":authority": "a.example", host: "b.example" }), ["bypass", "of a.example b.example"]);
  assert.deepEqual(await ask({ ":authority": "a.example" }), ["hit", "of a.example undefined"]);
});
