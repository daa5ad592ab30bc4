/** What users may say, and how it is told to the core. */

import type { Binding, Setting } from "./binding";
import { SnowmeltError, translated } from "./errors";
import type { CacheEvent } from "./events";
import { describe, plain } from "./plain";
import type { Source } from "./source";
import { TRANSPORT_METHODS, type Transport } from "./transport";

/**
 * A duration: text with a unit, such as "250ms", "30s", "5m" or "1h30m", or
 * milliseconds. A bare number below 1000 (but 0) is refused, since most were
 * meant as seconds.
 */
export type Duration = string | number;

/** A size: text with a unit, such as "64mb" (1 kb is 1024 bytes), or bytes. */
export type Size = string | number;

/** Takes care that something goes on after the answer. */
export type WaitUntil = (refresh: Promise<void>) => void;

/** What is printed after each invocation of a `handler`. */
export type Report =
  /** Nothing. */
  | "off"
  /** One line of JSON. */
  | "json"
  /** One line in CloudWatch's embedded metric format, in this namespace of metrics. CloudWatch charges for each metric. */
  | { emf: string };

/** The options of a `Cache`. Only `stream` has to be given; `undefined` is as good as left out. */
export interface CacheOptions<V = unknown> {
  /**
   * The stream of invalidations: the name or the ARN of a Kinesis data stream,
   * `"memory:"` or `"memory:NAME"` for one within this process, or `"none"`
   * for lifetimes and shared loads only. Anything that looks like a variable
   * that is not set is refused.
   */
  stream: string | undefined;
  /** The Kinesis stream's region. Default: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then the one in the ARN. */
  region?: string | undefined;
  /** The URL of the Kinesis endpoint. Default: `AWS_ENDPOINT_URL_KINESIS`, then `AWS_ENDPOINT_URL`, then the region's own. */
  endpoint?: string | undefined;
  /** A way of your own to the stream. */
  transport?: Transport | undefined;

  /**
   * Lifetime of an entry, from the start of its load; each entry's is drawn
   * between `min` and `max`, so that what was loaded together does not end
   * together. Default 4 to 5 minutes.
   */
  ttl?: Duration | { min: Duration; max: Duration } | undefined;
  /** Soft bound on staleness: past it a read first tries to catch up. 0: once in each invocation. Default "1s". */
  catchUpEvery?: Duration | undefined;
  /** Hard bound on staleness: past it an entry is not served. Default "10s". */
  maxLag?: Duration | undefined;
  /** Clock skew, put-to-get delay and disorder of arrival times allowed for. Default "5s", at least "1s". */
  margin?: Duration | undefined;
  /** A load that began less than this after an invalidation of its key is not stored: for loads from a replica that lags. Default 0. */
  settle?: Duration | undefined;
  /** The stream's retention period. Default "24h". */
  retention?: Duration | undefined;
  /** The most that a read waits for a catch-up. Default "250ms". */
  catchUpBudget?: Duration | undefined;
  /** After this a call to the stream is given up. Default "3s". */
  callTimeout?: Duration | undefined;
  /** After this a load is joined by nobody and not stored, and its signal is aborted. Default "30s". */
  loadTimeout?: Duration | undefined;
  /**
   * After this a load for which there is an old value that may be served is answered with that, and goes on. At most
   * `loadTimeout`. Default: off.
   */
  softLoadTimeout?: Duration | undefined;

  /**
   * For so long past its lifetime a value is served while one reader loads it anew; never past `maxLag`, nor once it was
   * invalidated. Readers without a loader (`get`) do not see it. At most 49 days. Default 0.
   */
  staleWhileRevalidate?: Duration | undefined;
  /**
   * For so long past its lifetime, or past `maxLag`, a value is served if it cannot be loaded anew; `fetch` says so. What
   * was invalidated never is. At most 49 days. Default 0.
   */
  staleIfError?: Duration | undefined;
  /**
   * Past this share of its lifetime (between 0 and 1, such as 0.8) one reader may load a value anew early, chosen at
   * random and more likely the nearer the end is (XFetch), so that a fleet does not refresh in step. Default: off.
   */
  refreshAhead?: number | undefined;
  /** Lifetime of a value that says that there is nothing (see `absent`); 0 keeps none. It has no windows. Default: as any other. */
  negativeTtl?: Duration | undefined;
  /** Which values say that there is nothing; asked only where there is a `negativeTtl`. Default: undefined and null. */
  absent?: ((value: V) => boolean) | undefined;
  /**
   * Is handed what must not be cut off when a reader was answered with an old value: a promise that is fulfilled when the
   * refresh is over, and never rejects. `(refresh) => ctx.waitUntil(refresh)` in a worker, `() => {}` in a server that is
   * never frozen. Without one the refreshing reader waits for its load; but within a `handler` the handler's end waits
   * for it. If it throws, the reader waits.
   */
  waitUntil?: WaitUntil | undefined;

  /** The most entries. Default 10,000. */
  maxEntries?: number | undefined;
  /** The most weight of all entries together, in the unit of `sizeOf`. Default 64 MiB, no bound where each weighs 1. */
  maxWeight?: Size | undefined;
  /** How heavy a value is. Default: 1 each. */
  sizeOf?: ((value: V, key: string) => number) | undefined;
  /** The most loads under way that may still be stored. Default 1,000. */
  maxLeases?: number | undefined;
  /** The most invalidations remembered for loads under way. Default 4,096. */
  maxFences?: number | undefined;

  /** If all writers are Snowmelt: into how many lanes the fleet's reads are spread. Default: every cache follows every shard. */
  lanes?: number | undefined;
  /** A cache applies records of its own namespace only, and writes into it. Default "". */
  namespace?: string | undefined;
  /** What a foreign record does that cannot be decoded, or that lacks what a template of `source` names. Default "skip". */
  onUndecodable?: "skip" | "flush" | undefined;
  /** What `invalidate` writes; both are always read. Default "snowmelt". */
  recordFormat?: "snowmelt" | "scache" | undefined;
  /**
   * Change logs that are read beside invalidations, one or at most 1,000: a
   * DynamoDB table's own, and what EventBridge tells of parameters and secrets.
   * Not together with `lanes`: other services write to every shard, and who
   * follows a lane reads one. Default: none.
   *
   * Refused with `INVALID_OPTION` are an object without exactly one of the
   * three fields, a table that cannot be one, a source without a template, and
   * a template that is not closed, empty, or names what its events do not have;
   * the message says at which place (`source[1].dynamodb.key`).
   *
   * @example { dynamodb: { table: "users", key: "users/{id}" } }
   */
  source?: Source | readonly Source[] | undefined;
  /**
   * Whether each invalidated key counts as a tag too, whatever invalidated it:
   * a record, or `invalidate` here. Then all entries that bear it go with it,
   * and loads of them are not stored: the variants (versions, languages,
   * encodings) of one thing. A prefix is no tag, and `delete` drops one entry.
   * Default false; anything but true and false is refused with
   * `INVALID_OPTION`.
   */
  keysAsTags?: boolean | undefined;
  /** A backlog of more records than this is given up: the cache is emptied instead. Default 100,000. */
  giveUpRecords?: number | undefined;
  /** A backlog of more bytes than this is given up. Default "64mb". */
  giveUpBytes?: Size | undefined;
  /** The most records asked for at once, 1 to 10,000. Default 1,000. */
  pageRecords?: number | undefined;

  /**
   * Told of what happens on the stream. Default: problems are printed as
   * warnings, a lasting one once. What it throws is ignored.
   */
  onEvent?: ((event: CacheEvent) => void) | undefined;
  /** What `handler` reports after each invocation. Default "json". */
  report?: Report | undefined;
  /** Where reports go, a line at a time. Default: the standard output. */
  reportTo?: ((line: string) => void) | undefined;

  /** Freezes values, deeply, before they are stored: who changes one by mistake gets an error. Default false. */
  freeze?: boolean | undefined;
  /** Makes a copy for each reader, for example `structuredClone`: for those who change what they read. */
  copy?: ((value: V) => V) | undefined;
}

/** What an HTTP cache takes from its cache, if its own options do not say it. */
export type Windows = Pick<CacheOptions, "staleWhileRevalidate" | "staleIfError">;

/** Options of a cache of whatever values. */
export type AnyOptions = CacheOptions<any>;

/** Options that are the core's, each with its name there. */
const CORE_OPTIONS = {
  catchUpEvery: "catch_up_every",
  maxLag: "max_lag",
  margin: "margin",
  settle: "settle",
  retention: "retention",
  catchUpBudget: "catch_up_budget",
  callTimeout: "call_timeout",
  loadTimeout: "load_timeout",
  softLoadTimeout: "soft_load_timeout",
  staleWhileRevalidate: "stale_while_revalidate",
  staleIfError: "stale_if_error",
  refreshAhead: "refresh_ahead",
  negativeTtl: "negative_ttl",
  maxEntries: "max_entries",
  maxWeight: "max_weight",
  maxLeases: "max_leases",
  maxFences: "max_fences",
  lanes: "lanes",
  namespace: "namespace",
  onUndecodable: "on_undecodable",
  recordFormat: "record_format",
  source: "source",
  keysAsTags: "keys_as_tags",
  giveUpRecords: "give_up_records",
  giveUpBytes: "give_up_bytes",
  pageRecords: "page_records",
} as const;

/** Options that are this package's, each with what it may be. */
const OWN_OPTIONS: Record<string, readonly [may: string, is: (value: unknown) => boolean]> = {
  stream: ["", () => true],
  ttl: ["", () => true],
  region: ["a region's name, such as \"eu-west-1\"", isText],
  endpoint: ["a URL, such as \"http://127.0.0.1:4568\"", isText],
  transport: [`an object with the functions ${TRANSPORT_METHODS.join(", ")}`, isTransport],
  sizeOf: ["a function (value, key) => number", isFunction],
  absent: ["a function (value) => boolean", isFunction],
  waitUntil: ["a function (promise) => void", isFunction],
  onEvent: ["a function (event) => void", isFunction],
  report: ["\"off\", \"json\" or { emf: namespace }", isReport],
  reportTo: ["a function (line) => void", isFunction],
  freeze: ["true or false", (value) => typeof value === "boolean"],
  copy: ["a function (value) => value, such as structuredClone", isFunction],
};

/** Checks what is this package's, and collects what is the core's. */
export function settings(options: AnyOptions): Setting[] {
  const settings: Setting[] = [];
  for (const [option, value] of Object.entries(options as unknown as Record<string, unknown>)) {
    if (value === undefined) continue;
    const [own, core] = [its(OWN_OPTIONS, option), its(CORE_OPTIONS, option)];
    if (own !== undefined) check(option, value, own);
    else if (core !== undefined) settings.push([core, plain(value)]);
    else throw unknown(option);
  }
  return [...settings, ...lifetimes(options.ttl)];
}

/** What an object itself has under a name. */
function its<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The error for an option that does not exist. */
function unknown(option: string): SnowmeltError {
  const all = Object.keys({ ...OWN_OPTIONS, ...CORE_OPTIONS });
  const letters = (name: string) => name.replaceAll("_", "").toLowerCase();
  const meant = all.find((name) => letters(name) === letters(option));
  const remedy = meant === undefined ? `there are ${all.map((name) => `\`${name}\``).join(", ")}` : `did you mean \`${meant}\`?`;
  return new SnowmeltError("INVALID_OPTION", `option \`${option}\` is unknown: ${remedy}`, { option });
}

function lifetimes(ttl: CacheOptions["ttl"]): Setting[] {
  if (ttl === undefined) return [];
  if (typeof ttl !== "object" || ttl === null) return [["ttl", plain(ttl)]];
  const unknown = Object.keys(ttl).find((name) => name !== "min" && name !== "max");
  if (unknown !== undefined || ttl.min === undefined || ttl.max === undefined) {
    throw refused("ttl", ttl, 'give one duration, such as "5m", or { min: "4m", max: "5m" }');
  }
  return [["ttl_min", plain(ttl.min)], ["ttl_max", plain(ttl.max)]];
}

function check(option: string, value: unknown, [may, is]: readonly [string, (value: unknown) => boolean]): void {
  if (!is(value)) throw refused(option, value, `give ${may}`);
}

function refused(option: string, value: unknown, remedy: string): SnowmeltError {
  return new SnowmeltError("INVALID_OPTION", `option \`${option}\` is ${describe(value)}: ${remedy}`, { option });
}

/** A duration of one call, in milliseconds. */
export function milliseconds(binding: Binding, option: DurationOfCall, value: Duration): number {
  const name = option === "within" ? option : CORE_OPTIONS_OF_CALL[option];
  return translated(() => binding.duration(name, plain(value)));
}

export type DurationOfCall = "within" | keyof typeof CORE_OPTIONS_OF_CALL;

/** Durations that a call may give in place of the cache's, each with its name in the core. */
const CORE_OPTIONS_OF_CALL = {
  ttl: "ttl",
  staleWhileRevalidate: CORE_OPTIONS.staleWhileRevalidate,
  staleIfError: CORE_OPTIONS.staleIfError,
  softLoadTimeout: CORE_OPTIONS.softLoadTimeout,
} as const;

/** A share of one call; 0 for none. */
export function share(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw refused("refreshAhead", value, "give a number between 0 and 1, such as 0.8, or 0 for none");
}

/** A hook of one call. */
export function checkWaitUntil(value: unknown): asserts value is WaitUntil | undefined {
  if (value !== undefined) check("waitUntil", value, OWN_OPTIONS["waitUntil"] as (typeof OWN_OPTIONS)[string]);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isTransport(value: unknown): boolean {
  const given = Object(value) as Record<string, unknown>;
  return TRANSPORT_METHODS.every((name) => typeof given[name] === "function");
}

function isReport(value: unknown): boolean {
  if (value === "off" || value === "json") return true;
  return typeof value === "object" && value !== null && isText((value as { emf?: unknown }).emf);
}
