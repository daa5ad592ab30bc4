/** Snowmelt as a middleware of middy. */

import type { BaseCache } from "./cache";

type End = () => Promise<unknown>;

/** What middy hands to its middlewares, as far as it is used here. */
interface Request {
  /** Of whatever type: a middleware's is the handler's too. */
  event: any;
  context?: { awsRequestId?: string } | undefined;
}

/** A middleware, as middy takes it. */
export interface SnowmeltMiddleware {
  before(request: Request): Promise<void>;
  after(request: Request): Promise<void>;
  onError(request: Request): Promise<void>;
}

/**
 * Does what `cache.handler` does: catches up before the handler if that is
 * due, waits after it for invalidations and refreshes that it left pending, and
 * reports.
 *
 * ```ts
 * import middy from "@middy/core";
 * import { snowmelt } from "snowmelt/middy";
 *
 * export const handler = middy().use(snowmelt(cache)).handler(async (event) => …);
 * ```
 */
export function snowmelt(cache: Pick<BaseCache, "invocation">): SnowmeltMiddleware {
  const under = new Map<Request, End>();
  const end = async (request: Request): Promise<void> => {
    const ends = under.get(request);
    under.delete(request);
    await ends?.();
  };
  return {
    async before(request) {
      // Where a later middleware answered early, nobody ended the one before.
      if (!overlaps()) for (const left of [...under.keys()]) await end(left);
      under.set(request, await cache.invocation());
    },
    after: end,
    onError: end,
  };
}

/** Only on Managed Instances does a sandbox handle several invocations at a time. */
function overlaps(): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.["AWS_LAMBDA_INITIALIZATION_TYPE"] === "lambda-managed-instances";
}
