/** What the functions talk to beside the stream: the external API and the table, on the loopback. */

import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How long the external API takes, in milliseconds. */
const SLOW = 200;

const PRODUCTS: Record<string, { title: string; category: string; price: number }> = {
  1: { title: "Blue mug", category: "mugs", price: 12 },
  2: { title: "Red mug", category: "mugs", price: 13 },
  3: { title: "Teapot", category: "pots", price: 40 },
};

export interface Server {
  url: string;
  close(): Promise<void>;
}

/** Listens on the loopback; port 0 takes a free one. */
export async function serve(port: number, listener: http.RequestListener): Promise<Server> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function reply(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export async function textOf(request: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** The external API: GET /products/{id}, slowly. GET /requests says how many it was asked. */
export function productsApi(): Promise<Server> {
  let requests = 0;
  return serve(0, async ({ url = "" }, response) => {
    if (url === "/requests") return reply(response, 200, { requests });
    requests += 1;
    await sleep(SLOW);
    const id = url.replace("/products/", "");
    const product = PRODUCTS[id];
    if (product === undefined) reply(response, 404, { error: "there is no such product" });
    else reply(response, 200, { id: Number(id), ...product });
  });
}

interface Call {
  Key: { id: { S: string } };
  Item: { id: { S: string } };
}

/** Two of DynamoDB's operations on one table. */
export function table(): Promise<Server> {
  const items = new Map<string, unknown>();
  return serve(0, async (request, response) => {
    const call = JSON.parse(await textOf(request)) as Call;
    switch (request.headers["x-amz-target"]) {
      case "DynamoDB_20120810.GetItem":
        return reply(response, 200, { Item: items.get(call.Key.id.S) });
      case "DynamoDB_20120810.PutItem":
        items.set(call.Item.id.S, call.Item);
        return reply(response, 200, {});
      default:
        return reply(response, 400, { __type: "UnknownOperationException" });
    }
  });
}
