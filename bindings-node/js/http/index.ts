/**
 * HTTP responses in a cache: many identical requests make one call of the
 * handler, its response serves the next ones for its lifetime, and a change on
 * the stream drops it everywhere.
 *
 * @packageDocumentation
 */

import { BINDING } from "../binding";
import type { BaseCache } from "../cache";
import { SnowmeltError } from "../errors";
import { describe } from "../plain";
import { ConnectHost, type ConnectMiddleware } from "./connect";
import { FetchHost, type FetchHandler } from "./fetch";
import { Flow } from "./flow";
import { isProxyEvent, LambdaHost } from "./lambda";
import type { HttpOptions } from "./options";

export type { ConnectMiddleware, IncomingMessageLike, Next } from "./connect";
export type { FetchHandler } from "./fetch";
export type { CachedResponse } from "./flow";
export type { HttpOptions, HttpRequest, TtlFunction, TtlTable } from "./options";
export type { ServerResponseLike } from "./overlay";

/** A handler of Lambda behind API Gateway, a load balancer or a function URL, of whatever types. */
export type ProxyHandler = (event: any, ...rest: any[]) => any;

/** What `cacheHttp` gives: caches the responses of handlers of every kind. */
export interface HttpCache {
  /**
   * A handler for Lambda around `handler`: proxy events of API Gateway (REST and
   * HTTP), load balancers and function URLs in, results of the same shape
   * out. Other events go to `handler` as they are.
   */
  lambda<H extends ProxyHandler>(handler: H): (...args: Parameters<H>) => Promise<Awaited<ReturnType<H>>>;
  /** A handler from a `Request` to a `Response` around `handler`, such as `app.fetch` of Hono. */
  fetch<A extends unknown[]>(handler: FetchHandler<A>): (request: Request, ...rest: A) => Promise<Response>;
  /** A middleware for Express and Connect: what comes after it is the handler. */
  express(): ConnectMiddleware;
}

/**
 * Caches HTTP responses in a cache, of either build.
 *
 * ```ts
 * const http = cacheHttp(cache, { ttl: "1m" });
 * app.use(http.express());
 * ```
 *
 * @throws SnowmeltError `INVALID_OPTION`, if an option cannot be used as it is.
 */
export function cacheHttp(cache: BaseCache<any>, options: HttpOptions = {}): HttpCache {
  if (typeof (Object(cache) as Partial<BaseCache>)[BINDING] !== "function") {
    throw new SnowmeltError("INVALID_ARGUMENT", `an HTTP cache is made of ${describe(cache)}: give a Cache of "snowmelt" or "snowmelt/wasm"`);
  }
  const flow = new Flow(cache, options);
  return {
    lambda(handler) {
      checkHandler(handler, "(event, context) => …");
      return async (...args) => {
        const [event, ...rest] = args as unknown[];
        if (!isProxyEvent(event)) return handler(event, ...rest);
        return flow.serve(new LambdaHost<Awaited<ReturnType<typeof handler>>>(event, rest, handler));
      };
    },
    fetch(handler) {
      checkHandler(handler, "(request) => Response");
      return (request, ...rest) => flow.serve(new FetchHost(handler, request, rest));
    },
    express(...given: unknown[]) {
      // `app.use(http.express)` would answer nothing, for ever.
      if (given.length > 0) throw new SnowmeltError("INVALID_ARGUMENT", "`express` is not a middleware but makes one: write app.use(http.express())");
      return (req, res, next) => {
        const host = new ConnectHost(req, res, next);
        flow.serve(host).catch((error: unknown) => host.fail(error));
      };
    },
  };
}

/** How Lambda's runtime knows a handler that streams its response. */
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

function checkHandler(handler: unknown, shape: string): void {
  if (typeof handler !== "function") throw new SnowmeltError("UNSUPPORTED_HANDLER", `a handler is ${describe(handler)}: give a function ${shape}`);
  if (STREAMING in handler) {
    throw new SnowmeltError("UNSUPPORTED_HANDLER", "the handler streams its response (awslambda.streamifyResponse), which is not cached: give one that returns its result");
  }
}
