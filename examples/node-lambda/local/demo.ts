/** A session that shows what the two functions do. */

import { setTimeout as sleep } from "node:timers/promises";

import { POSITION } from "../src/http";
import type { Product } from "../src/products";
import type { Local } from "./start";

export async function demo({ url, productsUrl }: Local): Promise<void> {
  const read = async (sandbox: number, id: string, headers: Record<string, string> = {}) => {
    const began = performance.now();
    const response = await fetch(`${url}/products/${id}`, { headers: { "x-sandbox": String(sandbox), ...headers } });
    const { title, price } = (await response.json()) as Product;
    const took = (performance.now() - began).toFixed(1).padStart(6);
    console.log(`  ${response.headers.get("x-sandbox")}  ${took} ms  ${title} ${price.toFixed(2)}, from ${response.headers.get("x-from")}`);
  };
  const write = async (method: string, path: string, body: unknown) => {
    const response = await fetch(url + path, { method, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.headers.get(POSITION) ?? "";
  };

  console.log("Two sandboxes of the reader. Each one's first read asks the external API, which is slow:");
  await read(1, "1");
  await read(1, "1");
  await read(2, "1");
  await read(2, "1");

  console.log("\nPUT /products/1 {\"price\": 9.5}. With the position that it answered, a reader is up to date at once:");
  const position = await write("PUT", "/products/1", { price: 9.5 });
  await read(2, "1", { [POSITION]: position });
  console.log("Without it, within a second:");
  await sleep(1100);
  await read(1, "1");
  await read(1, "1");

  console.log('\nA webhook: POST /invalidate {"category": "mugs"}');
  await write("POST", "/invalidate", { category: "mugs" });
  await sleep(1100);
  await read(1, "1");
  await read(2, "1");

  await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/products/1`)));
  const { requests } = (await (await fetch(`${productsUrl}/requests`)).json()) as { requests: number };
  console.log(`\n100 more reads. In all 109 reads, and ${requests} requests to the external API.`);
}
