/** Errors, each with a stable code and its remedy. */

import type { Failure } from "./binding";

/** What a `SnowmeltError` is about. New codes may be added. */
export type ErrorCode =
  | "INVALID_OPTION"
  | "INVALID_NAME"
  | "INVALID_ARGUMENT"
  | "NOTHING_TO_INVALIDATE"
  | "NOT_IN_FORMAT"
  | "INVALID_TOKEN"
  | "OTHER_STREAM"
  | "WRITE_FAILED"
  | "CATCH_UP_THROTTLED"
  | "CATCH_UP_FAILED"
  | "CATCH_UP_OUT_OF_BUDGET"
  | "CATCH_UP_DEADLINE"
  | "LOAD_CYCLE"
  | "UNSUPPORTED_HANDLER"
  | "CLOSED";

const BRAND = Symbol.for("snowmelt.error");

/**
 * Everything that Snowmelt itself refuses or fails at. What a loader throws is
 * passed on as it is.
 */
export class SnowmeltError extends Error {
  override readonly name = "SnowmeltError";
  /** What it is about; does not change between versions. */
  readonly code: ErrorCode;
  /** The option's name, for `INVALID_OPTION`. The message says where in it, if it has parts. */
  readonly option?: string;
  /** Why the stream failed, for `WRITE_FAILED` and `CATCH_UP_FAILED`. Trying again helps with the first three. */
  readonly kind?: "throttled" | "timed_out" | "failed" | "denied" | "not_found" | "refused" | "expired";

  constructor(code: ErrorCode, message: string, details: { option?: string; kind?: string; cause?: unknown } = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    if (details.option !== undefined) this.option = details.option;
    if (details.kind !== undefined) this.kind = details.kind as NonNullable<SnowmeltError["kind"]>;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Also true for one of another copy of this package: ESM beside CommonJS, native beside wasm. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** The core's names, in backticks, as JavaScript has them; also on the way to a place within `source`, which ends with what users wrote. */
export function camelCase(text: string): string {
  const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return text.replace(/`ttl_(min|max)`/g, "`ttl.$1`").replace(/`[a-z][a-z_]*`/g, camel).replace(/`source(\[\d+\])?\.[a-z_]+(?=[.`])/g, camel);
}

function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !error.message.startsWith('{"code":')) return undefined;
  try {
    return JSON.parse(error.message) as Failure;
  } catch {
    return undefined;
  }
}

/** What the core threw, as users get it. */
export function translate(error: unknown): unknown {
  const failure = failureOf(error);
  if (failure === undefined) return error;
  const option = failure.option?.replace(/^ttl_(min|max)$/, "ttl").replace(/^source[.[].*$/s, "source").replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const kind = failure.code === "WRITE_FAILED" ? failure.kind : undefined;
  return new SnowmeltError(failure.code as ErrorCode, camelCase(failure.message), {
    ...(option === undefined ? {} : { option }),
    ...(kind === undefined ? {} : { kind }),
  });
}

/** Runs a call to the core; what it throws is translated. */
export function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translate(error);
  }
}
