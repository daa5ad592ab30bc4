/** Everything that template.yaml deploys, on this machine: no AWS account, nothing but the loopback. */

import type http from "node:http";

import type { Answer, Request } from "../src/http";
import { Kinesis, Sandbox } from "./processes";
import { productsApi, reply, serve, type Server, table, textOf } from "./stubs";
import { functions } from "./template.mjs";

const STREAM = "invalidations";

export interface Local {
  /** Where requests go, as to API Gateway. The header `x-sandbox` chooses which sandbox of the reader answers: 1 or 2. */
  url: string;
  /** The external API's stub. */
  productsUrl: string;
  pids: Record<string, number | undefined>;
  end(): Promise<void>;
}

export async function start({ port, print }: { port: number; print: (line: string) => void }): Promise<Local> {
  const [kinesis, products, prices] = await Promise.all([Kinesis.start(STREAM), productsApi(), table()]);
  // What template.yaml's references become.
  const values: Record<string, string> = {
    "!Ref Invalidations": STREAM,
    "!Ref Prices": "prices",
    "!Ref ProductsUrl": `${products.url}/products`,
  };
  const aws = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_KINESIS: kinesis.url,
    AWS_ENDPOINT_URL_DYNAMODB: prices.url,
    // Of Node.js 20, at each start.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
  const sandboxes = (functionName: string, count: number) => {
    const found = functions().find(({ name }) => name === functionName);
    if (found === undefined) throw new Error(`template.yaml has no function ${functionName}`);
    const variables = Object.entries(found.variables).map(([name, value]) => [name, values[String(value)] ?? String(value)]);
    const environment = { ...aws, ...Object.fromEntries(variables) };
    return Array.from({ length: count }, (_, at) => new Sandbox(`${functionName} ${at + 1}`, `dist/${functionName}`, found.handler, environment, print));
  };
  const readers = sandboxes("read", 2);
  const writers = sandboxes("invalidate", 1);
  const all = [...readers, ...writers];
  await Promise.all(all.map((sandbox) => sandbox.ready()));
  const gateway = await front(port, { read: readers, invalidate: writers });
  return {
    url: gateway.url,
    productsUrl: products.url,
    pids: { kinesis: kinesis.pid, ...Object.fromEntries(all.map(({ name, pid }) => [name, pid])) },
    async end() {
      await Promise.all([gateway, products, prices].map((server) => server.close()));
      await Promise.all([kinesis, ...all].map((child) => child.end()));
    },
  };
}

/** Turns requests into events, by template.yaml's routes. */
function front(port: number, sandboxes: Record<string, Sandbox[]>): Promise<Server> {
  let turn = 0;
  const routes = functions().flatMap(({ name, routes }) => routes.map((route) => ({ name, route, matches: matcher(route) })));
  return serve(port, async (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    for (const { name, route, matches } of routes) {
      const pathParameters = matches(`${request.method} ${path}`);
      const choice = sandboxes[name];
      if (pathParameters === undefined || choice === undefined) continue;
      const wanted = Number(request.headers["x-sandbox"] ?? ++turn) - 1;
      const sandbox = choice[wanted % choice.length];
      if (sandbox === undefined) return reply(response, 400, { error: "x-sandbox is 1 or 2" });
      try {
        return pass(response, sandbox, await sandbox.invoke(event(request, route, path, pathParameters, await textOf(request))));
      } catch (error) {
        return reply(response, 502, { error: String(error) });
      }
    }
    return reply(response, 404, { message: "Not Found" });
  });
}

/** "GET /products/{id}" as a function that gives the parameters of what matches. */
function matcher(route: string): (text: string) => Record<string, string> | undefined {
  const pattern = new RegExp(`^${route.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
  return (text) => {
    const found = pattern.exec(text);
    return found === null ? undefined : { ...found.groups };
  };
}

function event(request: http.IncomingMessage, routeKey: string, rawPath: string, pathParameters: Record<string, string>, body: string): Request {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const method = request.method ?? "GET";
  const now = new Date();
  return {
    version: "2.0",
    routeKey,
    rawPath,
    rawQueryString: "",
    headers,
    pathParameters,
    requestContext: {
      accountId: "000000000000",
      apiId: "local",
      domainName: "127.0.0.1",
      domainPrefix: "local",
      http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: headers["user-agent"] ?? "" },
      requestId: String(now.getTime()),
      routeKey,
      stage: "$default",
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    body,
    isBase64Encoded: false,
  };
}

function pass(response: http.ServerResponse, sandbox: Sandbox, { statusCode = 200, headers = {}, body = "" }: Answer): void {
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  response.writeHead(statusCode, { ...own, "x-sandbox": sandbox.name }).end(body);
}
