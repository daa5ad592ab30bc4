/** One cache for the process, and how responses are cached in it. */
import { Cache } from "snowmelt";
import { cacheHttp } from "snowmelt/http";

// "memory:" is a stream within this process, to try things with.
export const cache = new Cache({ stream: process.env.INVALIDATION_STREAM ?? "memory:", maxWeight: "64mb" });

export const http = cacheHttp(cache, {
  ttl: { 200: "5m", 404: "10s" },
  staleWhileRevalidate: "30s",
  staleIfError: "10m",
  dropQuery: "utm_*",
  // A server is never frozen: who refreshes need not wait, nor anybody for the refresh. In Lambda `cache.handler` sees to it.
  waitUntil: process.env.AWS_LAMBDA_FUNCTION_NAME === undefined ? () => {} : undefined,
});
