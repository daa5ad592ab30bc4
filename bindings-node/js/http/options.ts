/** What users may say of an HTTP cache, and how it is told to the core. */

import type { Binding, Setting } from "../binding";
import { SnowmeltError, translated } from "../errors";
import { type Duration, milliseconds, type Size, type Windows } from "../options";
import { describe, plain } from "../plain";

/** A request as `key` and `skip` see it. */
export interface HttpRequest {
  readonly method: string;
  /** `http` or `https`. */
  readonly scheme: string;
  readonly host: string;
  /** Without the query, as it was sent. */
  readonly path: string;
  /** What follows the `?`; undefined without one. */
  readonly query: string | undefined;
  /** A header's value, several joined by ", "; undefined if there is none. */
  header(name: string): string | undefined;
  /** What the host has: a `Request`, Lambda's event, or the `req` of Express. */
  readonly native: any;
}

/** Lifetimes of statuses (`404`), classes (`"4xx"`), and all others (`default`). */
export type TtlTable = { readonly [status: string]: Duration };

/** The lifetime of a response; undefined leaves it to what the response says. `headers`' names are in lower case. */
export type TtlFunction = (status: number, headers: Readonly<Record<string, string>>) => Duration | undefined;

/**
 * The options of an HTTP cache; all may be left out, and `undefined` is as good as
 * that. What a response says itself (`Cache-Control`, `Expires`, `Vary`) goes
 * before them.
 */
export interface HttpOptions {
  /** The lifetime of responses that do not say it themselves. Default: none, they are not stored. */
  ttl?: Duration | TtlTable | TtlFunction | undefined;
  /** The methods that are looked up: `GET`, `HEAD`, and with `keyBody` `POST` and `QUERY`. Default GET and HEAD. */
  methods?: string | readonly string[] | undefined;
  /** How the query is part of the key: as it was sent, or sorted by name. Default "ordered". */
  query?: "ordered" | "sorted" | undefined;
  /** Parameters that are no part of the key, such as `"utm_*"`. Default: none. */
  dropQuery?: string | readonly string[] | undefined;
  /** Request headers that are part of the key. Default: none. */
  keyHeaders?: string | readonly string[] | undefined;
  /** The body is part of the key, up to this size; requests with longer ones bypass. Default false: each with a body bypasses. */
  keyBody?: Size | false | undefined;
  /** The longest body that is stored. Longer ones stream through. Default "1mb", which is 1 MiB. */
  maxBody?: Size | undefined;
  /**
   * How long a body may take from its head on. Who is still writing then has it
   * stream through, and those who wait run the handler for themselves. Default "2s".
   */
  bodyTimeout?: Duration | undefined;
  /** Response headers whose words become tags. Default `cache-tag` and `surrogate-key`. */
  tagHeaders?: string | readonly string[] | undefined;
  /** Whether clients get those headers too. Default false. */
  sendTags?: boolean | undefined;
  /** Whether responses of status 5xx are stored, if they or `ttl` say for how long. Default false. */
  store5xx?: boolean | undefined;
  /** Response headers that are never stored, beside those that never are anyway. Default: none. */
  dropHeaders?: string | readonly string[] | undefined;
  /** Shares responses with those who wait, and stores nothing. Default false. */
  coalesceOnly?: boolean | undefined;
  /** Clients cannot make the handler run (`no-cache`, `max-age`, `no-store`). Default false. */
  ignoreRequestDirectives?: boolean | undefined;
  /** No response depends on cookies. Default false: one that says neither a lifetime nor `public` is not stored if its request had some. */
  ignoreCookies?: boolean | undefined;
  /** No response depends on `Authorization`, or `key` keeps apart who must not share. Default false: one that does not say that it may be shared is not stored if its request had it. */
  ignoreAuthorization?: boolean | undefined;
  /** A successful POST, PUT, PATCH or DELETE invalidates what is stored for its URL. Default false. */
  invalidateUnsafe?: boolean | undefined;
  /** For so long past its lifetime a response is served while one request refreshes it. Default: the cache's. */
  staleWhileRevalidate?: Duration | undefined;
  /** For so long past its lifetime a response is served if the handler fails. Default: the cache's. */
  staleIfError?: Duration | undefined;
  /** Whether `X-Cache` and `Cache-Status` are sent. Default true. */
  statusHeader?: boolean | undefined;

  /** A part of the key of its own: a tenant, a user. It is not asked of what `skip` skips. */
  key?: ((request: HttpRequest) => string | undefined) | undefined;
  /** Whether a request goes to the handler as though there were no cache; said at once, and not by a promise. */
  skip?: ((request: HttpRequest) => boolean) | undefined;
  /**
   * Takes care that a refresh goes on after its client was answered; then that
   * client gets the old response at once. `args` is what the host's handler is
   * given beside its request: `(promise, env, ctx) => ctx.waitUntil(promise)` in
   * a worker. Default: the cache's own `waitUntil`.
   */
  waitUntil?: ((promise: Promise<void>, ...args: any[]) => void) | undefined;
}

/** The same, with what is this package's worked out. */
export interface ReadOptions extends HttpOptions {
  /** In milliseconds. */
  readonly bodyTimeout: number;
}

const BODY_TIMEOUT = 2_000;

/** Works out what is this package's. */
export function readOptions(binding: Binding, options: HttpOptions): ReadOptions {
  const { bodyTimeout } = options;
  return { ...options, bodyTimeout: bodyTimeout === undefined ? BODY_TIMEOUT : translated(() => binding.duration("body_timeout", plain(bodyTimeout))) };
}

/** Options of the policy, each with its name there. */
const POLICY_OPTIONS = {
  methods: "methods",
  query: "query",
  dropQuery: "drop_query",
  keyHeaders: "key_headers",
  keyBody: "key_body",
  maxBody: "max_body",
  tagHeaders: "tag_headers",
  sendTags: "send_tags",
  store5xx: "store_5xx",
  dropHeaders: "drop_headers",
  coalesceOnly: "coalesce_only",
  ignoreRequestDirectives: "ignore_request_directives",
  ignoreCookies: "ignore_cookies",
  ignoreAuthorization: "ignore_authorization",
  invalidateUnsafe: "invalidate_unsafe",
  staleWhileRevalidate: "stale_while_revalidate",
  staleIfError: "stale_if_error",
  statusHeader: "status_header",
} as const;

/** Options that are functions. */
const FUNCTIONS = { key: "(request) => string", skip: "(request) => boolean", waitUntil: "(promise) => void" } as const;

/** Checks what is this package's, and collects what is the policy's. `windows` are the cache's, for want of others. */
export function httpSettings(options: HttpOptions, windows: Windows): Setting[] {
  if (typeof options !== "object" || options === null) {
    throw new SnowmeltError("INVALID_ARGUMENT", `the options of an HTTP cache are ${describe(options)}: give an object, such as { ttl: "1m" }, or nothing`);
  }
  const settings: Setting[] = [];
  for (const [option, value] of Object.entries(options) as [string, unknown][]) {
    if (value === undefined) continue;
    if (Object.hasOwn(FUNCTIONS, option)) checkFunction(option as keyof typeof FUNCTIONS, value);
    else if (option === "bodyTimeout") continue;
    else if (option === "ttl") settings.push(...(typeof value === "function" ? [] : [["ttl", plain(value)] as Setting]));
    else if (Object.hasOwn(POLICY_OPTIONS, option)) settings.push([POLICY_OPTIONS[option as keyof typeof POLICY_OPTIONS], plain(value)]);
    else throw unknown(option);
  }
  for (const option of ["staleWhileRevalidate", "staleIfError"] as const) {
    if (options[option] === undefined && windows[option] !== undefined) settings.push([POLICY_OPTIONS[option], plain(windows[option])]);
  }
  return settings;
}

function checkFunction(option: keyof typeof FUNCTIONS, value: unknown): void {
  if (typeof value === "function") return;
  throw new SnowmeltError("INVALID_OPTION", `option \`${option}\` is ${describe(value)}: give a function ${FUNCTIONS[option]}`, { option });
}

function unknown(option: string): SnowmeltError {
  const all = ["ttl", "bodyTimeout", ...Object.keys(POLICY_OPTIONS), ...Object.keys(FUNCTIONS)];
  const letters = (name: string) => name.replaceAll("_", "").toLowerCase();
  const meant = all.find((name) => letters(name) === letters(option));
  const remedy = meant === undefined ? `there are ${all.map((name) => `\`${name}\``).join(", ")}` : `did you mean \`${meant}\`?`;
  return new SnowmeltError("INVALID_OPTION", `option \`${option}\` is unknown: ${remedy}`, { option });
}

/** What the option `ttl` says of a response if it is a function, in milliseconds. */
export function ttlOf(binding: Binding, { ttl }: HttpOptions, status: number, fields: readonly (readonly [string, string])[]): number | undefined {
  if (typeof ttl !== "function") return undefined;
  const headers: Record<string, string> = {};
  for (const [name, value] of fields) headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  const given = ttl(status, headers);
  return given === undefined || given === null ? undefined : milliseconds(binding, "ttl", given);
}

/** What the option `skip` says of a request. */
export function isSkipped({ skip }: HttpOptions, request: HttpRequest): boolean {
  const said: unknown = skip?.(request);
  // A promise counts as true: whatever it comes to, nothing would ever be cached.
  if (said instanceof Promise) throw new SnowmeltError("INVALID_ARGUMENT", "`skip` gave a promise: give true or false");
  return Boolean(said);
}

/** What the option `key` says of a request. */
export function customOf({ key }: HttpOptions, request: HttpRequest): string | undefined {
  const custom: unknown = key?.(request);
  if (custom === undefined || custom === null || typeof custom === "string") return custom ?? undefined;
  throw new SnowmeltError("INVALID_ARGUMENT", `\`key\` gave ${describe(custom)}: give a string, or undefined`);
}
