/**
 * PUT /products/{id} sets a price of our own. POST /invalidate is for whoever
 * learns that the external API's products have changed. Both answer with the
 * position of what they wrote.
 */

import { Cache, type Invalidation, type PositionToken, SnowmeltError } from "snowmelt";

import { type Answer, answer, bodyOf, POSITION, refusal, type Request } from "./http";
import { isId, keyOf, setPrice, tagOf } from "./products";

// Nothing is cached here, so that this one never reads the stream.
const cache = new Cache({ stream: process.env["INVALIDATION_STREAM"], report: "off" });

export const handler = cache.handler(async (request: Request): Promise<Answer> => {
  switch (request.routeKey) {
    case "PUT /products/{id}":
      return putPrice(request);
    case "POST /invalidate":
      return webhook(request);
    default:
      return refusal(404, `there is no ${request.routeKey}`);
  }
});

async function putPrice(request: Request): Promise<Answer> {
  const id = request.pathParameters?.["id"];
  const price = bodyOf(request)?.["price"];
  if (!isId(id)) return refusal(400, "an id is made of letters, digits, - and _");
  if (typeof price !== "number" || price < 0) return refusal(400, 'give {"price": 12.5}');
  // First what is true, then word of it.
  await setPrice(id, price);
  return told(keyOf(id), "the price is saved");
}

async function webhook(request: Request): Promise<Answer> {
  const body = bodyOf(request);
  const { ids = [], category, ...rest } = body ?? {};
  const named = Array.isArray(ids) && ids.every(isId) && (category === undefined || typeof category === "string");
  if (body === undefined || !named || Object.keys(rest).length > 0) return refusal(400, 'give {"ids": ["1", "2"]}, {"category": "mugs"}, or both');
  return told({ keys: ids.map(keyOf), tags: category === undefined ? [] : [tagOf(category)] }, "nothing else was to be done");
}

/** Tells every sandbox of the reader. Repeating it is harmless. */
async function told(what: Invalidation, done: string): Promise<Answer> {
  try {
    const position: PositionToken = await cache.invalidate(what);
    return answer(200, { position }, { [POSITION]: position });
  } catch (error) {
    if (!(error instanceof SnowmeltError)) throw error;
    if (error.code !== "WRITE_FAILED") return refusal(400, error);
    // Snowmelt has printed why.
    return refusal(503, `${done}, but readers may not know of it for 5 minutes: try again`);
  }
}
