/** `snowmelt/http` under real servers, asked by real clients, on both builds. */
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import { api, both, eventually, gate, libraries, pause } from "./both.mjs";
import { ask, KINDS, raw, setUp } from "./http/servers.mjs";

/** A test for each build and each kind of server: `run(start, setUp, context)`. */
function everywhere(name, run, kinds = Object.keys(KINDS)) {
  for (const build of Object.keys(libraries)) {
    for (const kind of kinds) {
      test(`${name} (${kind}, ${build})`, { timeout: 60_000 }, (context) => {
        const start = (cache, answer) => KINDS[kind](context, cache, answer);
        return run(start, (options, cacheOptions) => setUp(context, api(build), options, cacheOptions), context);
      });
    }
  }
}

/** A handler that counts its calls, and says which one it was. */
function counted(rest = {}, wait = 0) {
  const answer = async (request) => {
    answer.calls += 1;
    const body = `call ${answer.calls}`;
    answer.seen.push(request);
    if (wait > 0) await pause(wait);
    return { headers: { "content-type": "text/plain", ...rest.headers }, status: rest.status, body };
  };
  return Object.assign(answer, { calls: 0, seen: [] });
}

everywhere("a response is served again, and dropped by its tags", async (start, setUp) => {
  const { cache, http } = setUp({ ttl: "1m" });
  const answer = counted({ headers: { "cache-tag": "product:7, shop", "x-own": "1" } });
  const url = await start(http, answer);

  const first = await ask(`${url}/p/7`);
  assert.deepEqual([first.status, first.cache, first.text, first.headers.get("age")], [200, "miss", "call 1", null]);
  const second = await ask(`${url}/p/7`);
  assert.deepEqual([second.status, second.cache, second.text, second.headers.get("x-own")], [200, "hit", "call 1", "1"]);
  assert.match(second.headers.get("age"), /^\d$/);
  assert.match(second.headers.get("cache-status"), /^Snowmelt; hit; ttl=\d+$/);
  assert.match(second.headers.get("etag"), /^(W\/)?"/);
  assert.equal(second.headers.get("content-type").split(";")[0], "text/plain");
  assert.equal(second.headers.get("cache-tag"), null, "tags name what lies behind");

  await cache.invalidate({ tags: ["product:7"] });
  assert.equal((await ask(`${url}/p/7`)).text, "call 2");
  await cache.invalidate({ prefixes: [`GET ${url}/p/`] });
  assert.equal((await ask(`${url}/p/7`)).text, "call 3");
});

everywhere("query strings and methods never collide", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m", invalidateUnsafe: false });
  const url = await start(http, async ({ method, url: asked }) => ({ body: `${method} ${new URL(asked).search}` }));
  for (const query of ["", "?a=1", "?a=2", "?b=1", "?a=1&b=1", "?A=1"]) {
    assert.equal((await ask(`${url}/x${query}`)).text, `GET ${query}`);
    assert.equal((await ask(`${url}/x${query}`)).cache, "hit");
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { text, cache } = await ask(`${url}/x?a=1`, { method });
    assert.deepEqual([text, cache], [`${method} ?a=1`, "bypass"]);
  }
});

everywhere("1,000 at once make one call, and an invalidation exactly one more", async (start, setUp) => {
  const { cache, http } = setUp({ ttl: "1m" });
  const answer = counted({ headers: { "surrogate-key": "slow" } }, 300);
  const url = await start(http, answer);
  const agent = new (await import("node:http")).Agent({ keepAlive: true, maxSockets: 200 });
  const all = () => Promise.all(Array.from({ length: 1000 }, () => raw(`${url}/slow`, { agent })));
  for (const round of [1, 2]) {
    const answers = await all();
    assert.equal(answer.calls, round);
    assert.deepEqual([...new Set(answers.map(({ text, status }) => `${status} ${text}`))], [`200 call ${round}`]);
    const ways = Object.groupBy?.(answers, ({ cache }) => cache) ?? {};
    assert.equal(ways.miss?.length ?? 1, 1);
    await cache.invalidate({ tags: ["slow"] });
  }
  agent.destroy();
});

everywhere("the first client goes away, and the others have its response", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const [entered, goOn] = [gate(), gate()];
  let calls = 0;
  const url = await start(http, async () => {
    calls += 1;
    entered.open();
    await goOn.promise;
    return { body: "for all" };
  });
  const client = new AbortController();
  const first = ask(`${url}/`, { signal: client.signal });
  await entered.promise;
  const others = Array.from({ length: 5 }, () => ask(`${url}/`));
  client.abort();
  await assert.rejects(first);
  await pause(100);
  goOn.open();
  for (const { status, text } of await Promise.all(others)) assert.deepEqual([status, text], [200, "for all"]);
  assert.equal((await ask(`${url}/`)).cache, "hit");
  assert.equal(calls, 1);
});

everywhere("a handler that throws fails its own request, and the others run theirs", async (start, setUp, context) => {
  context.mock.method(console, "error", () => {});
  const { http } = setUp({ ttl: "1m" });
  const [entered, goOn] = [gate(), gate()];
  let calls = 0;
  const url = await start(http, async () => {
    calls += 1;
    if (calls > 1) return { body: `call ${calls}` };
    entered.open();
    await goOn.promise;
    throw new Error("the first one fails");
  });
  const first = ask(`${url}/`);
  await entered.promise;
  const others = Array.from({ length: 3 }, () => ask(`${url}/`));
  await pause(100);
  goOn.open();
  assert.equal((await first).status, 500);
  for (const { status, text } of await Promise.all(others)) assert.deepEqual([status, /^call \d$/.test(text)], [200, true]);
  assert.equal(calls, 4);
});

everywhere("validators: 304 of what is stored and of what was just made, and the handler is not asked", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const answer = counted({ headers: { etag: '"v1"' } });
  const url = await start(http, answer);
  const made = await raw(`${url}/`, { headers: { "if-none-match": '"v1"' } });
  assert.deepEqual([made.status, made.text, made.headers.etag], [304, "", '"v1"']);
  assert.equal(answer.seen[0].headers.get("if-none-match"), null);
  const found = await raw(`${url}/`, { headers: { "if-none-match": 'W/"v1", "v0"' } });
  assert.deepEqual([found.status, found.cache, found.text], [304, "hit", ""]);
  const other = await raw(`${url}/`, { headers: { "if-none-match": '"v2"' } });
  assert.deepEqual([other.status, other.text, answer.calls], [200, "call 1", 1]);
  const head = await raw(`${url}/`, { method: "HEAD" });
  assert.deepEqual([head.status, head.cache, head.text, head.headers["content-length"]], [200, "hit", "", "6"]);
});

everywhere("variants are kept apart, and each is made once", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  let calls = 0;
  const url = await start(http, async ({ headers }) => {
    calls += 1;
    return { headers: { vary: "Accept-Language" }, body: headers.get("accept-language") };
  });
  for (const language of ["de", "en", "fr", "de", "en", "fr"]) assert.equal((await raw(`${url}/`, { headers: { "accept-language": language } })).text, language);
  assert.equal(calls, 3);
});

everywhere("within staleWhileRevalidate one refreshes, and past it all wait", async (start, setUp) => {
  const { http } = setUp({ ttl: "1s", staleWhileRevalidate: "1m" });
  const answer = counted({}, 100);
  const url = await start(http, answer);
  await ask(`${url}/`);
  await pause(1_100);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(`${url}/`)));
  assert.equal(answer.calls, 2);
  const ways = answers.map(({ cache }) => cache);
  assert.equal(ways.filter((way) => way === "miss").length, 1, ways.join());
  for (const { cache, text } of answers) assert.equal(text, cache === "miss" || cache === "hit" ? "call 2" : "call 1");
});

everywhere("with waitUntil the one who refreshes has the old response at once", async (start, setUp) => {
  const waiting = [];
  const { http } = setUp({ ttl: "100ms", staleWhileRevalidate: "1m", waitUntil: (promise) => void waiting.push(promise) });
  const slow = gate();
  let calls = 0;
  const url = await start(http, async () => {
    calls += 1;
    const body = `call ${calls}`;
    if (calls > 1) await slow.promise;
    return { headers: { "x-call": `${calls}` }, body };
  });
  await ask(`${url}/`);
  await pause(200);
  for (let time = 0; time < 3; time += 1) {
    const { cache, text, headers } = await ask(`${url}/`, { headers: { "x-time": `${time}` } });
    assert.deepEqual([cache, text, headers.get("x-call")], ["stale", "call 1", "1"]);
  }
  assert.equal(calls, 2);
  slow.open();
  await Promise.all(waiting);
  assert.equal(waiting.length, 1);
  // (Its time may be over again by now.)
  assert.equal((await ask(`${url}/`)).text, "call 2");
});

everywhere("staleIfError: the old response in the place of a failure", async (start, setUp, context) => {
  context.mock.method(console, "error", () => {});
  const { http } = setUp({ ttl: "100ms", staleIfError: "1m" });
  let next = { body: "good" };
  const url = await start(http, async () => {
    if (next instanceof Error) throw next;
    return next;
  });
  await ask(`${url}/`);
  await pause(200);
  for (next of [new Error("down"), { status: 503, body: "down" }]) {
    const { status, cache, text } = await ask(`${url}/`);
    assert.deepEqual([status, cache, text], [200, "stale", "good"]);
  }
  // That the origin says something else is no failure.
  next = { status: 404, headers: { "cache-control": "no-store" }, body: "gone" };
  assert.deepEqual(await ask(`${url}/`).then(({ status, cache, text }) => [status, cache, text]), [404, "miss", "gone"]);
});

everywhere("who has credentials gets no page that was made without", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const answer = counted();
  const url = await start(http, answer);
  const cookie = { cookie: "session=1" };
  const answers = [];
  for (const headers of [{}, cookie, {}, cookie, {}]) answers.push(await ask(`${url}/`, { headers }));
  assert.deepEqual(
    answers.map(({ cache, text }) => `${cache}: ${text}`),
    ["miss: call 1", "miss: call 2", "hit: call 1", "miss: call 3", "hit: call 1"],
  );
});

everywhere("who waits in vain for one with credentials asks again", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const [entered, goOn] = [gate(), gate()];
  const answer = counted();
  const url = await start(http, async (request) => {
    entered.open();
    await goOn.promise;
    return answer(request);
  });
  const cookie = { cookie: "session=1" };
  const leader = ask(`${url}/`, { headers: cookie });
  await entered.promise;
  const others = [...Array(20).fill({}), cookie, cookie].map((headers) => ask(`${url}/`, { headers }));
  await pause(200);
  goOn.open();
  assert.equal((await leader).text, "call 1");
  const texts = (await Promise.all(others)).map(({ text }) => text);
  assert.deepEqual([answer.calls, new Set(texts.slice(0, 20)).size, new Set(texts).size], [4, 1, 3], texts.join());
});

everywhere("what may not be shared is not", async (start, setUp) => {
  const { cache, http } = setUp({ ttl: "1m" });
  const [entered, goOn] = [gate(), gate()];
  let calls = 0;
  const url = await start(http, async ({ url: asked }) => {
    calls += 1;
    const own = `${new URL(asked).pathname} ${calls}`;
    if (calls === 1) {
      entered.open();
      await goOn.promise;
    }
    const control = own.startsWith("/private") ? "private, max-age=60" : "no-store";
    return { headers: { "cache-control": control, "set-cookie": `call=${calls}` }, body: own };
  });
  const first = ask(`${url}/private`);
  await entered.promise;
  const others = Array.from({ length: 3 }, () => ask(`${url}/private`));
  await pause(100);
  goOn.open();
  const all = await Promise.all([first, ...others]);
  assert.deepEqual(all.map(({ text }) => text).sort(), [1, 2, 3, 4].map((call) => `/private ${call}`));
  for (const { headers, text } of all) assert.equal(headers.get("set-cookie"), `call=${text.split(" ")[1]}`);
  assert.match((await ask(`${url}/none`)).headers.get("cache-status"), /detail=no-store$/);
  assert.equal(cache.size, 0);
});

everywhere("a shared response keeps its cookie for the one who made it", async (start, setUp) => {
  const { http } = setUp();
  const url = await start(http, async () => ({ headers: { "cache-control": "public, s-maxage=60", "set-cookie": "a=1", "access-control-allow-origin": "https://a.example" }, body: "x" }));
  const first = await raw(`${url}/`);
  assert.deepEqual([first.cache, first.headers["set-cookie"], first.headers["access-control-allow-origin"]], ["miss", ["a=1"], "https://a.example"]);
  const second = await raw(`${url}/`);
  assert.deepEqual([second.cache, second.headers["set-cookie"], second.headers["access-control-allow-origin"]], ["hit", undefined, undefined]);
});

everywhere("coalesceOnly shares with those who wait, and stores nothing", async (start, setUp) => {
  const { cache, http } = setUp({ coalesceOnly: true });
  const answer = counted({}, 200);
  const url = await start(http, answer);
  const together = await Promise.all(Array.from({ length: 10 }, () => ask(`${url}/`)));
  assert.deepEqual([answer.calls, new Set(together.map(({ text }) => text)).size], [1, 1]);
  assert.equal((await ask(`${url}/`)).text, "call 2");
  assert.equal(cache.size, 0);
});

everywhere("skip, and keys of one's own", async (start, setUp) => {
  const seen = [];
  const { http } = setUp({
    ttl: "1m",
    key: (request) => request.header("X-Tenant"),
    skip: (request) => {
      seen.push(request);
      return request.path === "/live";
    },
  });
  const answer = counted();
  const url = await start(http, answer);
  const text = async (path, tenant) => (await raw(`${url}${path}`, { headers: tenant === undefined ? {} : { "x-tenant": tenant } })).text;
  assert.deepEqual([await text("/a", "1"), await text("/a", "2"), await text("/a", "1"), await text("/a"), await text("/a")], ["call 1", "call 2", "call 1", "call 3", "call 3"]);
  assert.deepEqual([await text("/live"), await text("/live")], ["call 4", "call 5"]);
  const { method, scheme, host, path, query, native } = seen[0];
  assert.deepEqual([method, scheme, host, path, query, typeof native], ["GET", "http", new URL(url).host, "/a", undefined, "object"]);
});

everywhere("POST with its body as part of the key", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m", methods: ["GET", "HEAD", "POST"], keyBody: "1kb" });
  let calls = 0;
  const url = await start(http, async (request) => {
    calls += 1;
    return { body: `${calls} ${(await request.text()).length}` };
  });
  const post = (body) => ask(`${url}/graphql`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const texts = [];
  for (const body of ['{"q":1}', '{"q":2}', '{"q":1}', "x".repeat(5000), "x".repeat(5000)]) texts.push((await post(body)).text);
  assert.deepEqual(texts, ["1 7", "2 7", "1 7", "3 5000", "4 5000"]);
});

everywhere("a body over the cap streams through, and nobody waits for it", async (start, setUp) => {
  const { cache, http } = setUp({ ttl: "1m", maxBody: "64kb" });
  const chunk = Buffer.alloc(16 * 1024, "x");
  const rest = gate();
  let calls = 0;
  const url = await start(http, async () => {
    calls += 1;
    return {
      chunks: (async function* () {
        for (let sent = 0; sent < 10; sent += 1) yield chunk;
        await rest.promise;
        yield chunk;
      })(),
    };
  });
  const both = [ask(`${url}/`), ask(`${url}/`)];
  await eventually(() => calls === 2, "the second one runs its own, though the first one's has not ended");
  rest.open();
  for (const { cache, text } of await Promise.all(both)) assert.deepEqual([cache, text.length], ["miss", 11 * chunk.length]);
  assert.equal(cache.size, 0);
});

everywhere("server-sent events go on their way at once", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const rest = gate();
  const url = await start(http, async () => ({
    headers: { "content-type": "text/event-stream" },
    chunks: (async function* () {
      yield "data: 1\n\n";
      await rest.promise;
      yield "data: 2\n\n";
    })(),
  }));
  const readers = await Promise.all(Array.from({ length: 3 }, async () => (await fetch(`${url}/events`, { signal: AbortSignal.timeout(10_000) })).body.getReader()));
  for (const reader of readers) assert.equal(Buffer.from((await reader.read()).value).toString(), "data: 1\n\n");
  rest.open();
  for (const reader of readers) assert.equal(Buffer.from((await reader.read()).value).toString(), "data: 2\n\n");
});

everywhere("what the client says: no-cache, no-store, only-if-cached", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m" });
  const answer = counted();
  const url = await start(http, answer);
  const said = async (control) => {
    const { status, cache, text } = await raw(`${url}/`, { headers: { "cache-control": control } });
    return `${status} ${cache} ${text}`;
  };
  assert.match(await said("only-if-cached"), /^504 /);
  assert.equal(await said("no-store"), "200 miss call 1");
  assert.equal(await said("no-cache"), "200 miss call 2");
  assert.equal(await said("max-age=60"), "200 hit call 2");
  assert.equal(await said("only-if-cached"), "200 hit call 2");
  assert.equal(await said("no-store"), "200 hit call 2");
  assert.equal((await raw(`${url}/`, { method: "HEAD" })).cache, "hit");
  assert.equal(answer.calls, 2, "what was found is the answer, and the handler is not run beside it");
});

everywhere("a successful write drops what is stored for its URL", async (start, setUp) => {
  const { http } = setUp({ ttl: "1m", invalidateUnsafe: true });
  const answer = counted();
  const url = await start(http, answer);
  await ask(`${url}/a?x=1`);
  assert.equal((await ask(`${url}/a?x=1`)).cache, "hit");
  await ask(`${url}/a?x=1`, { method: "PUT", body: "new" });
  assert.deepEqual(await ask(`${url}/a?x=1`).then(({ cache, text }) => [cache, text]), ["miss", "call 3"]);
});

everywhere("a cache that was closed is no reason to fail", async (start, setUp) => {
  const { cache, http } = setUp({ ttl: "1m" });
  const answer = counted();
  const url = await start(http, answer);
  await ask(`${url}/`);
  await cache.close();
  assert.deepEqual(await ask(`${url}/`).then(({ status, text }) => [status, text]), [200, "call 2"]);
});

both("values may be frozen and copied", async (api, context) => {
  for (const options of [{ freeze: true }, { copy: structuredClone }]) {
    const { http } = setUp(context, api, { ttl: "1m" }, options);
    const url = await KINDS.hono(context, http, counted());
    assert.deepEqual([(await ask(url)).cache, (await ask(url)).cache, (await ask(url)).text], ["miss", "hit", "call 1"]);
  }
});

both("bodies of 200 MB are not held, nor made ahead of a client that does not read", async (api, context) => {
  const { http: cache } = setUp(context, api, { ttl: "1m" });
  const chunk = Buffer.alloc(1 << 20, "x");
  for (const kind of ["plain", "hono"]) {
    let made = 0;
    const url = await KINDS[kind](context, cache, async () => ({
      chunks: (async function* () {
        for (; made < 200; made += 1) yield chunk;
      })(),
    }));
    let [most, got] = [0, 0];
    await new Promise((resolve, reject) => {
      http
        .get(`${url}/large`, async (response) => {
          response.pause();
          await pause(300);
          if (made > 50) return reject(new Error(`${kind}: ${made} MB were made`));
          response.on("data", (part) => {
            got += part.length;
            most = Math.max(most, process.memoryUsage().arrayBuffers);
          });
          response.on("end", resolve).on("error", reject).resume();
        })
        .on("error", reject);
    });
    assert.equal(got, 200 << 20);
    assert.ok(most < 100 << 20, `${kind}: ${most >> 20} MB`);
  }
});
