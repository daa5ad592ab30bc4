/** Lambda handlers around a cache. */

import { SnowmeltError } from "./errors";
import { describe } from "./plain";

export type AnyFunction = (...args: any[]) => any;

/** The same type, if the function returns a promise; otherwise it does from now on. */
export type Handled<F extends AnyFunction> = ReturnType<F> extends PromiseLike<unknown> ? F : (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>;

/** What a cache did during an invocation; times in milliseconds. Where invocations overlap, each report holds what all did in its time. */
export interface InvocationReport {
  took: number;
  /** The load times that hits avoided. */
  timeSaved: number;
  /** The time spent catching up. */
  timeSpent: number;
  hits: number;
  misses: number;
  /** Reads that were served within `staleWhileRevalidate`. */
  stale: number;
  /** Reads that were served within `staleIfError` only. */
  rescued: number;
  loads: number;
  /** Loads among them that refreshed a value which could still be served. */
  refreshes: number;
  /** Catch-ups that did not reach the tip. */
  catchUpsMissed: number;
  /** Times that everything was dropped because continuity was in doubt. */
  gaps: number;
  /** How far behind the stream the cache is at the end; null while it follows nothing. */
  lag: number | null;
}

/** How Lambda's runtime knows a handler that streams its response (`awslambda.streamifyResponse`). */
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

/** Begins an invocation, and gives what ends it; neither ever fails. */
export type Begin = () => Promise<() => Promise<unknown>>;

export function handled<F extends AnyFunction>(fn: F, begin: Begin): Handled<F> {
  if (typeof fn !== "function") throw unsupported(`a handler is ${describe(fn)}: give a function (event, context) => …`);
  if (fn.length > 2 && !(STREAMING in fn) && fn.constructor.name !== "AsyncFunction") {
    throw unsupported(
      `the handler ${fn.name || "(without a name)"} takes a third parameter, as callback-style handlers do: make it \`async (event, context) => …\` and return the result; if it streams its response, mark it first: cache.handler(awslambda.streamifyResponse(fn))`,
    );
  }
  const handler = async function (this: unknown, ...args: Parameters<F>): Promise<Awaited<ReturnType<F>>> {
    const end = await begin();
    try {
      return await fn.apply(this, args);
    } finally {
      await end();
    }
  };
  // The runtime's own marks: that it streams, and how.
  for (const mark of Object.getOwnPropertySymbols(fn)) Object.defineProperty(handler, mark, Object.getOwnPropertyDescriptor(fn, mark) ?? {});
  Object.defineProperty(handler, "name", { value: fn.name, configurable: true });
  return handler as unknown as Handled<F>;
}

function unsupported(message: string): SnowmeltError {
  return new SnowmeltError("UNSUPPORTED_HANDLER", message);
}
