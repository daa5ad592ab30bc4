// A hit through the middleware of Express beside the bare handler that makes the same JSON, over the loopback; and many who wait
// for one response. Run by main.mjs.
import http from "node:http";

import { require } from "./addon.mjs";
import { inTurn } from "./rounds.mjs";

/** Requests in a turn. */
const REQUESTS = 200;
const WAITERS = 1_000;

/** What a list in a shop's API has. */
const ROWS = Array.from({ length: 50 }, (_, id) => ({
  id,
  name: `Product number ${id}`,
  description: "A mug of stoneware, glazed by hand, for coffee and for tea",
  price: 12.5 + id,
  currency: "EUR",
  tags: ["mugs", "kitchen"],
  stock: { berlin: id % 7, paris: id % 5 },
  updated: new Date(1_790_000_000_000 + id * 1000).toISOString(),
}));

function cached(options) {
  const { Cache } = require("./lib/index.cjs");
  const { cacheHttp } = require("./lib/http.cjs");
  const cache = new Cache({ stream: "none", ttl: "1h" });
  return { cache, http: cacheHttp(cache, options) };
}

async function listening(middleware) {
  const app = require("express")();
  if (middleware) app.use(middleware);
  app.get("/products", (_, res) => res.json(ROWS));
  const server = http.createServer(app);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: server.address().port };
}

/** Asks one after the other on one connection, and gives how many were answered as wanted. */
function asking({ port }, way) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { accept: "application/json", "accept-encoding": "gzip, deflate, br", "accept-language": "en-GB,en;q=0.9", "user-agent": "bench", "x-request-id": "0" };
  const one = () =>
    new Promise((resolve, reject) => {
      const request = http.get({ host: "127.0.0.1", port, path: "/products?page=2&sort=name", agent, headers }, (response) => {
        let length = 0;
        response.on("data", (part) => void (length += part.length));
        response.on("end", () => resolve(response.headers["x-cache"] === way && length > 5_000)).on("error", reject);
      });
      request.on("error", reject);
    });
  return async () => {
    for (let at = 0; at < REQUESTS; at += 1) if (!(await one())) throw new Error(`an answer was no ${way ?? "plain one"}`);
  };
}

async function express() {
  const { cache, http: caching } = cached({ ttl: "1h" });
  const [bare, through] = [await listening(), await listening(caching.express())];
  await asking(through, "miss")().catch(() => {});
  const times = await inTurn({ bare: asking(bare, undefined), cached: asking(through, "hit") }, REQUESTS);
  bare.server.close();
  through.server.close();
  await cache.close();
  return times;
}

/** From the end of the load until all have it: nanoseconds a waiter. */
function waiting(ask, end) {
  return {
    before: async () => {
      const answers = Array.from({ length: WAITERS }, ask);
      // All of them have come to where they wait.
      await new Promise((resolve) => setImmediate(resolve));
      return answers;
    },
    body: async (answers) => {
      end();
      await Promise.all(answers);
    },
  };
}

async function coalescing() {
  const { cache, http: caching } = cached({ coalesceOnly: true });
  let [value, page] = [() => {}, () => {}];
  const load = () => new Promise((resolve) => (value = () => resolve(ROWS)));
  const handler = caching.lambda(() => new Promise((resolve) => (page = () => resolve({ statusCode: 200, headers: { "content-type": "application/json" }, body: TEXT }))));
  const event = { httpMethod: "GET", path: "/products", headers: { host: "shop.example", accept: "application/json" }, requestContext: { elb: {} } };
  const runs = {
    fetch: waiting(() => cache.fetch("products", load, { ttl: 0 }), () => value()),
    lambda: waiting(() => handler(event), () => page()),
  };
  const times = await inTurn(runs, WAITERS);
  await cache.close();
  return times;
}

const TEXT = JSON.stringify(ROWS);

export async function measure() {
  return { express: await express(), coalescing: await coalescing() };
}

/** Nanoseconds a waiter that coalescing may take. */
const MOST = 2_000;

export function print(report, { express, coalescing }) {
  report.row("Express: a hit through the middleware", { unit: "ns", ours: express.cached, peer: "its bare handler, the same JSON", theirs: express.bare, target: 1 });
  const bound = coalescing.fetch.map(() => MOST);
  report.row("`fetch`: 1,000 wait for one load, each", { unit: "ns", ours: coalescing.fetch, peer: "2 µs", theirs: bound, target: 1 });
  report.row("the same with Lambda results over HTTP", { unit: "ns", ours: coalescing.lambda, peer: "2 µs", theirs: bound });
}
