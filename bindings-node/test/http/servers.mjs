/** Real servers on the loopback around one handler, and what the tests of `snowmelt/http` need beside them. */
import { createRequire } from "node:module";
import http from "node:http";

import { serve } from "@hono/node-server";
import { Hono } from "hono";

import { ownStream } from "../both.mjs";

const require = createRequire(import.meta.url);
export const { cacheHttp } = require("../../lib/http.cjs");

/** A cache on a stream of its own, and what is around it; closed at the end of the test. */
export function setUp(context, { Cache }, options = {}, cacheOptions = {}) {
  const cache = new Cache({ stream: ownStream(), ...cacheOptions });
  context.after(() => cache.close());
  return { cache, http: cacheHttp(cache, options) };
}

/** Listens on a free port, and ends with the test. */
export async function listen(context, server) {
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/**
 * How each kind of server runs `answer(request)`, which gives `{ status, headers,
 * body, chunks }`: `start` gives the server's URL.
 */
export const KINDS = {
  async express(context, http, answer) {
    return listen(context, expressServer(require("express"), http, answer));
  },
  async express4(context, http, answer) {
    return listen(context, expressServer(require("express4"), http, answer));
  },
  async plain(context, cache, answer) {
    const middleware = cache.express();
    const handler = async (req, res) => {
      const { status = 200, headers = {}, body, chunks } = await answer(requestOf(req));
      res.writeHead(status, headers);
      if (chunks === undefined) return void res.end(body);
      for await (const chunk of chunks) if (!res.write(chunk)) await new Promise((resolve) => res.once("drain", resolve).once("close", resolve));
      res.end();
    };
    return listen(context, http.createServer((req, res) => middleware(req, res, () => handler(req, res))));
  },
  async hono(context, cache, answer) {
    const app = new Hono();
    app.all("*", async (c) => {
      const { status = 200, headers = {}, body, chunks } = await answer(c.req.raw);
      return new Response(chunks === undefined ? body : ReadableStream.from(chunks), { status, headers: new Headers(headers) });
    });
    app.onError((error) => new Response(error.message, { status: 500 }));
    let server;
    await new Promise((resolve) => {
      server = serve({ fetch: cache.fetch(app.fetch), port: 0, hostname: "127.0.0.1" }, resolve);
    });
    context.after(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${server.address().port}`;
  },
};

function expressServer(express, cache, answer) {
  const app = express();
  app.set("env", "test"); // prints no stacks
  app.use(cache.express());
  app.use(async (req, res, next) => {
    try {
      const { status = 200, headers = {}, body, chunks } = await answer(requestOf(req));
      res.status(status).set(headers);
      if (chunks === undefined) return body === undefined ? res.end() : res.send(body);
      for await (const chunk of chunks) if (!res.write(chunk)) await new Promise((resolve) => res.once("drain", resolve).once("close", resolve));
      res.end();
    } catch (error) {
      next(error);
    }
  });
  return http.createServer(app);
}

/** As a handler of `Request`s has it, as far as the tests look. */
function requestOf(req) {
  return { method: req.method, url: `http://${req.headers.host}${req.url}`, headers: new Headers(Object.entries(req.headers)), text: () => textOf(req) };
}

async function textOf(req) {
  let text = "";
  for await (const chunk of req.setEncoding("utf8")) text += chunk;
  return text;
}

/** Asks, over a connection that is not shared. */
export async function ask(url, { method = "GET", headers = {}, body, signal } = {}) {
  const response = await fetch(url, { method, headers, body, signal: signal ?? AbortSignal.timeout(20_000) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, cache: response.headers.get("x-cache"), text };
}

/** Asks without following anything or adding anything: `node:http`, one agent. */
export function raw(url, { method = "GET", headers = {}, agent } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent, timeout: 20_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => void (text += part)).on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, cache: response.headers["x-cache"], text }));
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("no answer")));
    request.end();
  });
}
