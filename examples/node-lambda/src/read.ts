/** GET /products/{id}: a product of the external API, at our own price if it has one. */

import { Cache, SnowmeltError } from "snowmelt";

import { type Answer, answer, POSITION, refusal, type Request } from "./http";
import { isId, keyOf, priceOf, type Product, required, tagOf } from "./products";

const productsUrl = required("PRODUCTS_URL");

const cache = new Cache<Product>({
  stream: process.env["INVALIDATION_STREAM"],
  // For what changes at the external API without a webhook.
  ttl: { min: "4m", max: "5m" },
  maxEntries: 10_000,
});

export const handler = cache.handler(async (request: Request): Promise<Answer> => {
  const id = request.pathParameters?.["id"];
  if (!isId(id)) return refusal(400, "an id is made of letters, digits, - and _");
  try {
    const position = request.headers[POSITION];
    if (position !== undefined) await cache.catchUp({ atLeast: position, within: "2s" });

    let from = "memory";
    const product = await cache.getOrLoad(
      keyOf(id),
      ({ signal }) => {
        from = "origin";
        return load(id, signal);
      },
      { tags: ({ category }) => [tagOf(category)] },
    );
    return answer(200, product, { "x-from": from });
  } catch (error) {
    return failure(error);
  }
});

class OriginError extends Error {
  constructor(
    readonly status: 404 | 502,
    message: string,
  ) {
    super(message);
  }
}

/** The external API and the table, asked at the same time. */
async function load(id: string, signal: AbortSignal): Promise<Product> {
  const [response, price] = await Promise.all([fetch(`${productsUrl}/${id}`, { signal }), priceOf(id, signal)]);
  // What throws is not cached.
  if (response.status === 404) throw new OriginError(404, "there is no such product");
  if (!response.ok) throw new OriginError(502, `the external API answered ${response.status}`);
  const product = (await response.json()) as Product;
  return { id, title: product.title, category: product.category, price: price ?? product.price };
}

function failure(error: unknown): Answer {
  if (error instanceof OriginError) return refusal(error.status, error);
  if (error instanceof SnowmeltError) {
    if (error.code === "INVALID_TOKEN" || error.code === "OTHER_STREAM") return refusal(400, error);
    if (error.code.startsWith("CATCH_UP_")) return refusal(504, "that position could not be reached in time: try again, or without it");
  }
  throw error;
}
