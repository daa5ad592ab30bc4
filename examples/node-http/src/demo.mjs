/** A session in a few seconds, offline: the server, and a client. */
import { database } from "./products.mjs";
import { start } from "./server.mjs";

const { url, close } = await start(0);

async function ask(path, options) {
  const response = await fetch(url + path, { signal: AbortSignal.timeout(10_000), ...options });
  return { way: response.headers.get("x-cache"), body: await response.json() };
}

const count = (ways) => Object.entries(ways.reduce((all, way) => ({ ...all, [way]: (all[way] ?? 0) + 1 }), {})).map(([way, times]) => `${times} ${way}`).join(", ");

const crowd = await Promise.all(Array.from({ length: 100 }, () => ask("/products/1")));
console.log(`100 at once: ${count(crowd.map(({ way }) => way))}; queries: ${database.queries}`);
const again = await ask("/products/1?utm_source=mail");
console.log(`once more: ${again.way}, at ${again.body.price}; queries: ${database.queries}`);
await ask("/products");
await ask("/products/1", { method: "PUT", headers: { "content-type": "application/json" }, body: '{"price": 11}' });
const page = await ask("/products/1");
console.log(`after the price has changed: ${page.way}, at ${page.body.price}`);
const list = await ask("/products");
console.log(`and in the list: ${list.way}, at ${list.body[0].price}; queries: ${database.queries}`);
await close();
