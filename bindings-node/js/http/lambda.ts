/**
 * Lambda functions behind API Gateway (REST: payload 1.0; HTTP: 1.0 and 2.0), an
 * Application Load Balancer, or a function URL: an event in, a result of its
 * shape out.
 */

import { asText, fromBase64, toBase64, TOO_LARGE, utf8 } from "./bytes";
import type { CachedResponse, Host, Produced } from "./flow";
import type { Answer, Fields, RequestHead } from "./policy";

/** What is used of the events of all of these services. */
export interface ProxyEvent {
  version?: string;
  headers?: Record<string, string | undefined> | null;
  multiValueHeaders?: Record<string, string[] | undefined> | null;
  cookies?: string[];
  body?: string | null;
  isBase64Encoded?: boolean;
  rawPath?: string;
  rawQueryString?: string;
  path?: string;
  httpMethod?: string;
  queryStringParameters?: Record<string, string | undefined> | null;
  multiValueQueryStringParameters?: Record<string, string[] | undefined> | null;
  requestContext?: any;
}

/** A result, as all of these services take it. */
export interface ProxyResult {
  statusCode?: number | string;
  statusDescription?: string;
  headers?: Record<string, string | number | boolean | undefined>;
  multiValueHeaders?: Record<string, (string | number | boolean)[] | undefined>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
}

/** Where an event comes from, as far as it matters. */
interface Shape {
  /** Payload format 2.0: cookies by themselves, and results that need not be results. */
  v2: boolean;
  /** A load balancer's target group that is set to several values for a name. */
  multi: boolean;
  alb: boolean;
}

/** Whether it is a request at all. */
export function isProxyEvent(event: unknown): event is ProxyEvent {
  const { requestContext, httpMethod, headers, multiValueHeaders } = Object(event) as ProxyEvent;
  const method: unknown = requestContext?.http?.method ?? httpMethod;
  return typeof method === "string" && (typeof headers === "object" || typeof multiValueHeaders === "object");
}

function shapeOf(event: ProxyEvent): Shape {
  const alb = event.requestContext?.elb !== undefined;
  return { v2: event.version === "2.0" && event.requestContext?.http !== undefined, multi: !alb || event.multiValueHeaders !== undefined, alb };
}

export class LambdaHost<R> implements Host<LambdaProduced, R> {
  readonly head: RequestHead;
  readonly #shape: Shape;

  constructor(
    readonly native: ProxyEvent,
    readonly args: readonly unknown[],
    private readonly handler: (event: any, ...rest: any[]) => unknown,
  ) {
    this.#shape = shapeOf(native);
    this.head = headOf(native, this.#shape);
  }

  /** The path of a domain's own mapping is cut off in payload 2.0: two of them may lead to this function. */
  get mapping(): string | undefined {
    const { apiId, domainName, domainPrefix, stage } = this.native.requestContext ?? {};
    const own = domainPrefix !== undefined && domainPrefix !== apiId && !/\.execute-api\.[^.]+\.amazonaws\.com(\.cn)?$/.test(String(domainName));
    return this.#shape.v2 && own ? `${apiId}/${stage}` : undefined;
  }

  get bodyFollows(): boolean {
    return typeof this.native.body === "string" && this.native.body !== "";
  }

  async readBody(most: number): Promise<Uint8Array | undefined> {
    const { body, isBase64Encoded } = this.native;
    const bytes = typeof body !== "string" ? new Uint8Array(0) : isBase64Encoded ? fromBase64(body) : utf8(body);
    return bytes.length > most ? undefined : bytes;
  }

  async run(shared: readonly string[] | undefined): Promise<LambdaProduced> {
    const event = shared === undefined || shared.length === 0 ? this.native : without(this.native, shared);
    return new LambdaProduced(await this.handler(event, ...this.args), this.#shape);
  }

  pass({ result, isResult, text, encoded }: LambdaProduced, { status, headers, withBody }: Answer): R {
    if (!isResult) return result as R;
    const { statusDescription, ...own } = Object(result) as ProxyResult;
    const described = statusDescription !== undefined && status === Number(own.statusCode) ? { statusDescription } : {};
    return this.#result(status, headers, withBody ? text : "", withBody && encoded, described) as R;
  }

  answer({ status, headers, withBody }: Answer, page: CachedResponse | undefined): R {
    const body = withBody && page !== undefined ? page.body : new Uint8Array(0);
    // A load balancer is told text only where it is sure to be that.
    const text = asText(body);
    return this.#result(status, headers, text ?? toBase64(body), text === undefined, {}) as R;
  }

  #result(statusCode: number, fields: Fields, body: string, isBase64Encoded: boolean, described: ProxyResult): ProxyResult {
    const { v2, multi, alb } = this.#shape;
    const headers = v2 ? single(fields, true) : alb ? (multi ? several(fields) : single(fields, false)) : both(fields);
    const result: ProxyResult = { statusCode, ...described, ...headers, body, isBase64Encoded };
    if (alb && described.statusDescription === undefined) result.statusDescription = `${statusCode} ${NAMES[statusCode] ?? ""}`.trimEnd();
    return result;
  }
}

/** One value for a name: several are one with commas, but cookies. */
function single(fields: Fields, apart: boolean): ProxyResult {
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  for (const [name, value] of fields) {
    if (name === "set-cookie" && apart) cookies.push(value);
    else headers[name] = Object.hasOwn(headers, name) && name !== "set-cookie" ? `${headers[name]}, ${value}` : value;
  }
  return cookies.length === 0 ? { headers } : { headers, cookies };
}

/** What a load balancer wants to be told beside the numbers that caches answer with. */
const NAMES: Record<number, string> = { 200: "OK", 301: "Moved Permanently", 304: "Not Modified", 404: "Not Found", 504: "Gateway Timeout" };

/** Names with one value, and names with several: REST APIs take both together. */
function both(fields: Fields): ProxyResult {
  const all = Object.entries(several(fields).multiValueHeaders as Record<string, string[]>);
  const headers = Object.fromEntries(all.filter(([, values]) => values.length === 1).map(([name, [value]]) => [name, value as string]));
  const repeated = all.filter(([, values]) => values.length > 1);
  return repeated.length === 0 ? { headers } : { headers, multiValueHeaders: Object.fromEntries(repeated) };
}

function several(fields: Fields): ProxyResult {
  const multiValueHeaders: Record<string, string[]> = {};
  for (const [name, value] of fields) (multiValueHeaders[name] ??= []).push(value);
  return { multiValueHeaders };
}

function headOf(event: ProxyEvent, { v2 }: Shape): RequestHead {
  const headers = headersOf(event);
  const value = (name: string) => headers.find(([known]) => known === name)?.[1];
  const { requestContext } = event;
  const raw = v2 ? event.rawQueryString : query(event);
  return {
    method: (v2 ? requestContext.http.method : event.httpMethod) as string,
    scheme: value("x-forwarded-proto") === "http" ? "http" : "https",
    host: value("host") ?? requestContext?.domainName ?? "",
    path: pathOf(event),
    query: raw === undefined || raw === "" ? undefined : raw,
    headers,
  };
}

/** As the client sent it, as far as the event tells; with the stage, which tells two stages behind one name apart. */
function pathOf(event: ProxyEvent): string {
  const path: unknown = event.rawPath ?? event.requestContext?.path ?? event.path;
  if (typeof path !== "string" || !path.startsWith("/")) return "/";
  return asSent(event) ? path : path.replace(NO_PATH, (character) => (isSurrogate(character) ? "%EF%BF%BD" : encodeURIComponent(character)));
}

/** What a path cannot have; and the percent sign: two paths must not become one. */
const NO_PATH = /[^\x21\x24\x26-\x3b\x3d\x40-\x5a\x5f\x61-\x7a\x7e]/gu;

const isSurrogate = (character: string) => /^\p{Surrogate}$/u.test(character);

/** A gateway decodes paths; a load balancer and a function URL do not. */
function asSent({ requestContext }: ProxyEvent): boolean {
  return requestContext?.elb !== undefined || /\.lambda-url\.[^.]+\.on\.aws$/.test(String(requestContext?.domainName));
}

function headersOf({ headers, multiValueHeaders, cookies }: ProxyEvent): Fields {
  const fields: Fields = [];
  if (multiValueHeaders) {
    for (const [name, values] of Object.entries(multiValueHeaders)) for (const value of values ?? []) fields.push([name.toLowerCase(), latin1(value)]);
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) fields.push([name.toLowerCase(), latin1(value)]);
  }
  if (cookies !== undefined && cookies.length > 0) fields.push(["cookie", latin1(cookies.join("; "))]);
  return fields;
}

/** Events are JSON; in header fields are bytes. */
function latin1(value: string): string {
  return /^[\0-\xff]*$/.test(value) ? value : String.fromCharCode(...utf8(value));
}

/** A REST API gives the query decoded, a load balancer as it was sent. */
function query({ queryStringParameters, multiValueQueryStringParameters, requestContext }: ProxyEvent): string | undefined {
  const encode = requestContext?.elb === undefined ? encodeURIComponent : (text: string) => text;
  const pairs = multiValueQueryStringParameters
    ? Object.entries(multiValueQueryStringParameters).flatMap(([name, values]) => (values ?? []).map((value) => [name, value] as const))
    : Object.entries(queryStringParameters ?? {}).map(([name, value]) => [name, value ?? ""] as const);
  return pairs.length === 0 ? undefined : pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
}

function without(event: ProxyEvent, names: readonly string[]): ProxyEvent {
  const kept = <T>(fields: Record<string, T> | null | undefined) => fields && Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name.toLowerCase())));
  const clean = { ...event };
  if (event.headers) clean.headers = kept(event.headers) as Record<string, string>;
  if (event.multiValueHeaders) clean.multiValueHeaders = kept(event.multiValueHeaders) as Record<string, string[]>;
  return clean;
}

/** What a handler of this kind returned. */
export class LambdaProduced implements Produced {
  readonly status: number;
  readonly headers: Fields;
  /** Whether it is one that can be passed on with other headers. */
  readonly isResult: boolean;
  readonly text: string;
  readonly encoded: boolean;

  constructor(
    readonly result: unknown,
    { v2 }: Shape,
  ) {
    const given = Object(result) as ProxyResult;
    // What is no result is the body, as JSON: so payload format 2.0 has it.
    const inferred = v2 && !(typeof result === "object" && result !== null && "statusCode" in result);
    this.isResult = inferred ? result !== undefined : isStatus(given.statusCode);
    this.status = inferred ? 200 : isStatus(given.statusCode) ? Number(given.statusCode) : 502;
    this.headers = inferred ? [["content-type", "application/json"]] : resultHeaders(given);
    this.text = inferred ? (typeof result === "string" ? result : (JSON.stringify(result) ?? "")) : textOf(given.body);
    this.encoded = !inferred && given.isBase64Encoded === true;
  }

  async collect(most: number): Promise<Uint8Array | string> {
    const bytes = this.encoded ? fromBase64(this.text) : utf8(this.text);
    return bytes.length > most ? TOO_LARGE : bytes;
  }

  discard(): void {}
}

function isStatus(status: unknown): boolean {
  const number = Number(status);
  return (typeof status === "number" || typeof status === "string") && Number.isInteger(number) && number >= 100 && number <= 999;
}

function textOf(body: unknown): string {
  return body === undefined || body === null ? "" : typeof body === "string" ? body : JSON.stringify(body);
}

function resultHeaders({ headers, multiValueHeaders, cookies }: ProxyResult): Fields {
  const fields: Fields = [];
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) for (const value of values ?? []) fields.push([name.toLowerCase(), latin1(String(value))]);
  for (const [name, value] of Object.entries(headers ?? {})) {
    const lower = name.toLowerCase();
    // A REST API takes those of both, and each value once.
    if (value !== undefined && !fields.some(([known, other]) => known === lower && other === String(value))) fields.push([lower, latin1(String(value))]);
  }
  for (const cookie of cookies ?? []) fields.push(["set-cookie", latin1(cookie)]);
  return fields;
}
