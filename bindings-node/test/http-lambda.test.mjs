/** `snowmelt/http` as Lambda calls it, with the events of AWS's documentation, on both builds. */
import assert from "node:assert/strict";
import fs from "node:fs";

import { both, pause } from "./both.mjs";
import { setUp } from "./http/servers.mjs";

const EVENTS = {
  "rest-api": { key: "GET https://id.execute-api.us-east-1.amazonaws.com/prod/my/path?parameter1=value1&parameter1=value2&parameter2=value" },
  "http-api-1": { key: "GET https://id.execute-api.us-east-1.amazonaws.com/my/path?parameter1=value1&parameter1=value2&parameter2=value" },
  "http-api-2": { key: "GET https://id.execute-api.us-east-1.amazonaws.com/my/path?parameter1=value1&parameter1=value2&parameter2=value", v2: true },
  "function-url": { key: "GET https://url-id.lambda-url.us-west-2.on.aws/my/path?parameter1=value1&parameter1=value2&parameter2=value", v2: true },
  alb: { key: "GET http://lambda-alb-123578498.us-east-1.elb.amazonaws.com/lambda?query=1234ABCD" },
  "alb-multi": { key: "GET http://lambda-alb-123578498.us-east-1.elb.amazonaws.com/lambda?query=1234ABCD&query=5", multi: true },
};

const event = (name) => JSON.parse(fs.readFileSync(new URL(`http/events/${name}.json`, import.meta.url), "utf8"));

/** The same event with another header. */
function withHeader(original, name, value) {
  const changed = structuredClone(original);
  if (changed.headers) changed.headers[name] = value;
  if (changed.multiValueHeaders) changed.multiValueHeaders[name] = [value];
  return changed;
}

/** A header of a result, whichever shape it has. */
const header = (result, name) => result.headers?.[name] ?? result.multiValueHeaders?.[name]?.[0];

for (const [name, { key, v2, multi }] of Object.entries(EVENTS)) {
  both(`${name}: a result is served again in its shape, and dropped by its tags`, async (api, context) => {
    const { cache, http } = setUp(context, api, { ttl: "1m", ignoreCookies: true });
    const contexts = [];
    const handler = http.lambda(async (given, context) => {
      contexts.push(context);
      assert.equal(given.requestContext !== undefined, true);
      const headers = { "Content-Type": "application/json", "Cache-Tag": "a" };
      return { statusCode: 200, ...(multi ? { multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])) } : { headers }), body: `{"call":${contexts.length}}` };
    });
    const first = await handler(event(name), { awsRequestId: "1" });
    assert.deepEqual([first.statusCode, first.body, first.isBase64Encoded, header(first, "x-cache")], [200, '{"call":1}', false, "miss"]);
    assert.deepEqual(cache.keys(), [key]);
    const second = await handler(event(name), { awsRequestId: "2" });
    assert.deepEqual([second.statusCode, second.body, header(second, "x-cache"), header(second, "content-type")], [200, '{"call":1}', "hit", "application/json"]);
    if (multi) assert.equal(second.headers, undefined);
    if (name.startsWith("alb")) assert.equal(second.statusDescription, "200 OK");
    assert.deepEqual(contexts, [{ awsRequestId: "1" }]);

    const unmodified = await handler(withHeader(event(name), "If-None-Match", header(second, "etag")), {});
    assert.deepEqual([unmodified.statusCode, unmodified.body], [304, ""]);
    const ranged = await handler(withHeader(event(name), "cache-control", "only-if-cached"), {});
    assert.equal(ranged.statusCode, 200);
    await cache.invalidate({ tags: ["a"] });
    assert.equal((await handler(event(name), {})).body, '{"call":2}');
    assert.equal(v2 === true, event(name).version === "2.0");
  });

  both(`${name}: bytes, cookies and repeated headers`, async (api, context) => {
    const { http } = setUp(context, api);
    const bytes = Buffer.from([0, 255, 254, 128]);
    const lists = { "set-cookie": ["a=1", "b=2"], link: ["<a>", "<b>"], "cache-control": ["public, s-maxage=60"] };
    const single = Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.join(", ")]));
    const { "set-cookie": _, ...others } = single;
    const shaped = v2 ? { headers: others, cookies: lists["set-cookie"] } : name === "alb" ? { headers: { ...others, "set-cookie": "a=1" } } : { multiValueHeaders: lists };
    const handler = http.lambda(async () => ({ statusCode: 200, ...shaped, body: bytes.toString("base64"), isBase64Encoded: true }));
    const first = await handler(event(name));
    assert.deepEqual([first.isBase64Encoded, first.body], [true, bytes.toString("base64")]);
    assert.deepEqual(first.cookies ?? first.multiValueHeaders?.["set-cookie"] ?? first.headers["set-cookie"], name === "alb" ? "a=1" : lists["set-cookie"]);
    const second = await handler(event(name));
    assert.deepEqual([header(second, "x-cache"), second.isBase64Encoded, second.body, second.cookies, header(second, "set-cookie")], ["hit", true, bytes.toString("base64"), undefined, undefined]);
    const links = second.multiValueHeaders?.link ?? second.headers.link;
    assert.deepEqual(links, v2 || name === "alb" ? "<a>, <b>" : ["<a>", "<b>"]);
  });

  both(`${name}: what is not stored is passed on`, async (api, context) => {
    const { http } = setUp(context, api, { ttl: "1m" });
    let calls = 0;
    const handler = http.lambda(async () => ({ statusCode: (calls += 1) > 0 ? 201 : 0, headers: { "X-Own": "1" }, body: `${calls}` }));
    const results = [await handler(event(name)), await handler(event(name))];
    assert.deepEqual(results.map(({ statusCode, body }) => [statusCode, body]), [[201, "1"], [201, "2"]]);
    assert.equal(header(results[0], "x-own"), "1");
    const post = event(name);
    post.httpMethod &&= "POST";
    if (v2) post.requestContext.http.method = "POST";
    assert.equal(header(await handler({ ...post, body: "x" }), "x-cache"), "bypass");
    const failing = http.lambda(async () => {
      throw new Error("own");
    });
    await assert.rejects(failing(event(name)), /^Error: own$/);
  });
}

both("payload format 2.0: what is no result is the body", async (api, context) => {
  const { http } = setUp(context, api, { ttl: "1m", ignoreCookies: true });
  const handler = http.lambda(async () => ({ hello: "world" }));
  for (const way of ["miss", "hit"]) {
    const result = await handler(event("http-api-2"));
    assert.deepEqual([result.statusCode, result.body, result.headers["content-type"], result.headers["x-cache"]], [200, '{"hello":"world"}', "application/json", way]);
  }
});

both("what is no request goes to the handler as it is", async (api, context) => {
  const { http, cache } = setUp(context, api, { ttl: "1m" });
  const handler = http.lambda(async (event, context) => [event, context]);
  for (const other of [{ Records: [{ eventSource: "aws:sqs" }] }, { source: "aws.events" }, null, "text", undefined]) assert.deepEqual(await handler(other, 7), [other, 7]);
  assert.deepEqual(await handler({ ...event("alb"), headers: { bad: "a\nb" } }), [{ ...event("alb"), headers: { bad: "a\nb" } }, undefined]);
  assert.equal(cache.size, 0);
});

both("paths and queries that a gateway decoded do not become one", async (api, context) => {
  const { http, cache } = setUp(context, api, { ttl: "1m" });
  const handler = http.lambda(async ({ path, queryStringParameters }) => ({ statusCode: 200, body: JSON.stringify([path, queryStringParameters]) }));
  const asked = async (path, parameters) => {
    const given = { ...event("rest-api"), path, queryStringParameters: parameters, multiValueQueryStringParameters: null };
    given.requestContext.path = path;
    return (await handler(given)).body;
  };
  const requests = [["/ä", {}], ["/%C3%A4", {}], ["/a?b", {}], ["/a", { b: "" }], ["/a", { "b=1&c": "2" }], ["/a", { b: "1", c: "2" }], ["/a", { b: "1&c=2" }], ["/a\nb", {}], ["/a\u2028b", {}]];
  for (const request of [...requests, ...requests]) assert.equal(await asked(...request), JSON.stringify(request));
  const paths = cache.keys().map((key) => key.replace("GET https://id.execute-api.us-east-1.amazonaws.com", ""));
  for (const path of ["/%C3%A4", "/%25C3%25A4", "/a%3Fb", "/a?b=", "/a?b=1%26c%3D2", "/a%0Ab"]) assert.ok(paths.includes(path), `${path} is none of ${paths}`);
});

both("two mappings of one domain are two", async (api, context) => {
  const { http } = setUp(context, api, { ttl: "1m", key: () => "tenant" });
  const handler = http.lambda(async ({ requestContext: { apiId, stage } }) => ({ statusCode: 200, body: `${apiId} ${stage}` }));
  const mapped = (apiId, stage) => {
    const given = event("http-api-2");
    Object.assign(given.requestContext, { apiId, stage, domainPrefix: "shop", domainName: "shop.example" });
    return { ...given, cookies: [], headers: { ...given.headers, host: "shop.example" } };
  };
  for (const [apiId, stage] of [["one", "live"], ["two", "live"], ["two", "test"]]) {
    for (const way of ["miss", "hit"]) {
      const result = await handler(mapped(apiId, stage));
      assert.deepEqual([result.body, result.headers["x-cache"]], [`${apiId} ${stage}`, way]);
    }
  }
});

both("a sandbox's handler waits for the refresh that its request began", async (api, context) => {
  const { cache, http } = setUp(context, api, { ttl: "50ms", staleWhileRevalidate: "1m" }, { report: "off" });
  let calls = 0;
  const handler = cache.handler(http.lambda(async () => {
    calls += 1;
    const body = `${calls}`;
    await pause(20);
    return { statusCode: 200, body };
  }));
  await handler(event("alb"));
  await pause(80);
  const stale = await handler(event("alb"));
  assert.deepEqual([stale.body, header(stale, "x-cache")], ["1", "stale"]);
  const fresh = await handler(event("alb"));
  assert.equal(fresh.body >= "2", true);
});

both("handlers that stream are refused", (api, context) => {
  const { http } = setUp(context, api);
  const streaming = Object.assign(async () => {}, { [Symbol.for("aws.lambda.runtime.handler.streaming")]: "response" });
  assert.throws(() => http.lambda(streaming), { code: "UNSUPPORTED_HANDLER" });
  assert.throws(() => http.lambda(7), { code: "UNSUPPORTED_HANDLER" });
});
