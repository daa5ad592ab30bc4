/** The same as a Lambda function behind an HTTP API: an event in, a result out. */
import { cache, http } from "./cache.mjs";
import { database } from "./products.mjs";

const answer = (statusCode, body, tags) => ({ statusCode, headers: { "content-type": "application/json", ...(tags && { "cache-tag": tags }) }, body: JSON.stringify(body) });

async function products(event) {
  const id = event.pathParameters?.id;
  if (event.routeKey === "PUT /products/{id}") {
    const { price } = JSON.parse(event.body ?? "{}");
    if (typeof price !== "number") return answer(400, { error: 'give a price: {"price": 12.5}' });
    if (!(await database.setPrice(id, price))) return answer(404, { error: "no such product" });
    await cache.invalidate({ tags: [`product:${id}`] });
    return answer(200, { id, price });
  }
  const product = await database.get(id);
  return product === undefined ? answer(404, { error: "no such product" }, `product:${id}`) : answer(200, product, `product:${id}`);
}

// `cache.handler` catches up with the stream first, and waits for refreshes at the end: a sandbox may be frozen then.
export const handler = cache.handler(http.lambda(products));
