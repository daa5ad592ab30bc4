/**
 * A `ServerResponse` whose writes are held until it is known what becomes of
 * them. The handler has the very object that it would have anyway, with
 * methods of its own laid over it: it reads back what it sets, and nothing
 * reaches the client. When it is decided, they are taken away again, or swallow
 * what the handler writes for nobody any more.
 */

import { Pieces, utf8 } from "./bytes";

type Value = number | string | readonly string[];
type Callback = (error?: Error | null) => void;

/** What is used of Node's `ServerResponse`, whatever made it. */
export interface ServerResponseLike {
  statusCode: number;
  statusMessage: string;
  readonly headersSent: boolean;
  setHeader(name: string, value: Value): unknown;
  getHeader(name: string): Value | undefined;
  getHeaders(): Record<string, Value | undefined>;
  removeHeader(name: string): void;
  writeHead(status: number, ...rest: any[]): unknown;
  write(chunk: any, ...rest: any[]): boolean;
  end(...rest: any[]): unknown;
}

/** What is told of the handler's writes. */
export interface Listener {
  /** The head is there. */
  head(): void;
  /** A piece of the body is there. */
  piece(): void;
  /** All is there. */
  end(): void;
  /** It was given up by the handler. */
  failed(error: unknown): void;
}

const METHODS = ["setHeader", "appendHeader", "setHeaders", "getHeader", "getHeaders", "getHeaderNames", "hasHeader", "removeHeader", "writeHead", "write", "end", "flushHeaders", "addTrailers", "destroy", "emit"] as const;
type Method = (typeof METHODS)[number];

/** What Node changes when the client is gone or has everything; the handler is not told before it is done. */
const STATES = ["destroyed", "_closed", "headersSent", "writableEnded", "writableFinished", "finished"] as const;

/** That it was sent, and that its client is gone. */
const ENDS = ["finish", "close"];

export class Overlay {
  readonly #res: any;
  readonly #listener: Listener;
  readonly #below = new Map<Method, (...args: any[]) => any>();
  readonly #states = new Map<string, PropertyDescriptor | undefined>();
  /** What the handler has set, by names in lower case. */
  readonly #headers = new Map<string, [name: string, value: Value]>();
  /** What happened that the handler is not told yet. */
  readonly #held: [name: string, ...args: unknown[]][] = [];
  /** Who listened before the handler was called: the server, and what goes around the cache. */
  readonly #outer = new Set<unknown>();
  readonly pieces = new Pieces();
  /** Bytes since the handler was last told to wait a moment. */
  #unyielded = 0;
  #waitsForDrain = false;
  /** The handler is to wait until it is decided. */
  full = false;
  #live = false;
  /** Nobody wants what is written. */
  #sinks = false;
  #begun = false;
  #ended = false;
  /** Trailers, which cannot be stored. */
  trailers = false;

  constructor(res: ServerResponseLike, listener: Listener) {
    this.#res = res;
    this.#listener = listener;
    for (const [name, value] of Object.entries(res.getHeaders())) if (value !== undefined) this.#headers.set(name, [name, value]);
    for (const event of ENDS) for (const listener of this.#res.rawListeners(event)) this.#outer.add(listener);
    for (const method of METHODS) this.#lay(method);
    for (const state of STATES) this.#states.set(state, Object.getOwnPropertyDescriptor(res, state));
    this.#show();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get headers(): IterableIterator<[string, [name: string, value: Value]]> {
    return this.#headers.entries();
  }

  /** Lays a method over what is there; when the overlay is away, what is there is called. */
  #lay(method: Method): void {
    const below = this.#res[method];
    if (typeof below !== "function") return;
    this.#below.set(method, below);
    const above = this[method].bind(this) as (...args: any[]) => unknown;
    const overlay = this;
    this.#res[method] = function (this: unknown, ...args: unknown[]) {
      return overlay.#live ? above(...args) : below.apply(this, args);
    };
  }

  #show(): void {
    this.#live = true;
    const answers: Record<string, () => boolean> = {
      destroyed: () => false,
      _closed: () => false,
      headersSent: () => this.#begun,
      writableEnded: () => this.#ended,
      writableFinished: () => this.#ended,
      finished: () => this.#ended,
    };
    for (const state of STATES) {
      const real = this.#states.get(state);
      const get = answers[state] as () => boolean;
      const set = (value: unknown) => void this.#states.set(state, { value, writable: true, enumerable: true, configurable: true });
      Object.defineProperty(this.#res, state, { get, ...(real === undefined ? {} : { set }), configurable: true, enumerable: real?.enumerable ?? false });
    }
  }

  #hide(): void {
    this.#live = false;
    for (const [state, real] of this.#states) {
      if (real === undefined) delete this.#res[state];
      else Object.defineProperty(this.#res, state, real);
    }
  }

  /** The response itself, for good: what the handler does from now on goes to the client. */
  release(): void {
    if (!this.#live) return;
    this.#hide();
    this.#emitHeld();
  }

  /** Uses the response itself, while the handler goes on for nobody, or for others. */
  beneath(use: () => void): void {
    const { statusCode, statusMessage } = this.#res;
    this.#hide();
    try {
      use();
    } finally {
      Object.assign(this.#res, { statusCode, statusMessage });
      for (const state of STATES) this.#states.set(state, Object.getOwnPropertyDescriptor(this.#res, state));
      this.#show();
    }
  }

  /** What is written from now on is for nobody; the handler is told that all is well. */
  sink(): void {
    this.#sinks = true;
    this.full = false;
    this.pieces.parts.length = 0;
    if (this.#waitsForDrain) setTimeout(() => this.#drain(), 0);
    if (this.#ended) this.release();
  }

  #emitHeld(): void {
    for (const [name, ...args] of this.#held.splice(0)) this.#tell(name, args, (listener) => !this.#outer.has(listener));
  }

  #tell(name: string, args: unknown[], whom: (listener: unknown) => boolean): void {
    for (const listener of this.#res.rawListeners(name)) if (whom(listener)) listener.apply(this.#res, args);
  }

  /** Whether the handler waits for the event `drain`, which is for the host to emit from now on. */
  takeDrain(): boolean {
    const waits = this.#waitsForDrain;
    this.#waitsForDrain = false;
    return waits;
  }

  /** A handler that writes faster than it is decided must let others have a turn. */
  #yields(length: number): boolean {
    this.#unyielded += length;
    if (!this.full && this.#unyielded < HIGH_WATER) return false;
    if (!this.#waitsForDrain && !this.full) setTimeout(() => this.#drain(), 0);
    this.#waitsForDrain = true;
    return true;
  }

  #drain(): void {
    if (this.full || !this.takeDrain()) return;
    this.#unyielded = 0;
    this.#res.emit("drain");
  }

  // --- what the handler calls ---

  setHeader(name: string, value: Value): unknown {
    if (this.#begun) throw sent("set");
    if (typeof name !== "string" || !TOKEN.test(name)) throw invalid("ERR_INVALID_HTTP_TOKEN", `Header name must be a valid HTTP token [${JSON.stringify(name)}]`);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === undefined || one === null) throw invalid("ERR_HTTP_INVALID_HEADER_VALUE", `Invalid value ${JSON.stringify(String(one))} for header ${JSON.stringify(name)}`);
      if (!TEXT.test(String(one))) throw invalid("ERR_INVALID_CHAR", `Invalid character in header content [${JSON.stringify(name)}]`);
    }
    this.#headers.set(name.toLowerCase(), [name, value]);
    return this.#res;
  }

  appendHeader(name: string, value: Value): unknown {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : ([before, value].flat().map(String) as string[]));
  }

  setHeaders(headers: Iterable<[string, Value]>): unknown {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this.#res;
  }

  getHeader(name: string): Value | undefined {
    return this.#headers.get(String(name).toLowerCase())?.[1];
  }

  getHeaders(): Record<string, Value> {
    const headers = Object.create(null) as Record<string, Value>;
    for (const [name, [, value]] of this.#headers) headers[name] = value;
    return headers;
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()];
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(String(name).toLowerCase());
  }

  removeHeader(name: string): void {
    if (this.#begun) throw sent("remove");
    this.#headers.delete(String(name).toLowerCase());
  }

  writeHead(status: number, ...rest: unknown[]): unknown {
    if (this.#begun) throw sent("write");
    this.#res.statusCode = Math.trunc(status);
    if (typeof rest[0] === "string") this.#res.statusMessage = rest.shift();
    const headers = rest.find((one) => typeof one === "object" && one !== null);
    for (const [name, value] of listed(headers)) this.setHeader(name, value);
    this.#begun = true;
    this.#listener.head();
    return this.#res;
  }

  flushHeaders(): void {
    this.#begin();
  }

  /** By whatever others have laid over `writeHead`, as Node does. */
  #begin(): void {
    if (!this.#begun) this.#res.writeHead(this.#res.statusCode);
  }

  write(chunk: unknown, ...rest: unknown[]): boolean {
    if (this.#ended) return true;
    this.#begin();
    if (!this.#live) return this.#res.write(chunk, ...rest) as boolean;
    return !this.#yields(this.#take(chunk, rest));
  }

  /** How many bytes. */
  #take(chunk: unknown, rest: unknown[]): number {
    const callback = rest.find((one) => typeof one === "function");
    if (callback !== undefined) queueMicrotask(() => (callback as Callback)());
    const piece = typeof chunk === "string" ? encoded(chunk, rest[0]) : new Uint8Array(chunk as Uint8Array);
    if (!this.#sinks) this.pieces.add(piece);
    this.#listener.piece();
    return piece.length;
  }

  end(...rest: unknown[]): unknown {
    if (this.#ended) return this.#res;
    const [chunk] = rest;
    const has = chunk !== undefined && chunk !== null && typeof chunk !== "function";
    this.#begin();
    if (!this.#live) return this.#res.end(...rest);
    if (has) this.#take(chunk, typeof rest[1] === "string" ? [rest[1]] : []);
    // What was too much has let go of it.
    const callback = rest.find((one) => typeof one === "function") as Callback | undefined;
    if (!this.#live) return this.#res.end(...(callback === undefined ? [] : [callback]));
    if (callback !== undefined) this.#res.once("finish", callback);
    this.#ended = true;
    this.#listener.end();
    if (this.#sinks) this.release();
    return this.#res;
  }

  addTrailers(): void {
    this.trailers = true;
  }

  destroy(error?: unknown): unknown {
    this.#listener.failed(error ?? new Error("the handler destroyed its response"));
    this.release();
    return this.#res.destroy(error);
  }

  emit(name: string, ...args: unknown[]): boolean {
    if (!ENDS.includes(name)) return this.#below.get("emit")?.call(this.#res, name, ...args) as boolean;
    this.#held.push([name, ...args]);
    this.#tell(name, args, (listener) => this.#outer.has(listener));
    return true;
  }
}

/** As Node has it for its own. */
const HIGH_WATER = 64 * 1024;

const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

function invalid(code: string, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}

function sent(what: string): Error {
  return Object.assign(new Error(`Cannot ${what} headers after they are sent to the client`), { code: "ERR_HTTP_HEADERS_SENT" });
}

/** Header fields as `writeHead` takes them: an object, or an array, flat or of pairs. */
function listed(headers: unknown): [string, Value][] {
  if (!Array.isArray(headers)) return Object.entries((headers ?? {}) as Record<string, Value>).filter(([, value]) => value !== undefined);
  const pairs: [string, Value][] = headers.some(Array.isArray) ? headers : headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as [string, Value]] : []));
  const merged = new Map<string, [string, Value]>();
  for (const [name, value] of pairs) {
    const before = merged.get(name.toLowerCase());
    merged.set(name.toLowerCase(), before === undefined ? [name, value] : [name, [before[1], value].flat().map(String)]);
  }
  return [...merged.values()];
}

/** Text as `write` takes it. */
function encoded(text: string, encoding: unknown): Uint8Array {
  if (typeof encoding !== "string" || /^utf-?8$/i.test(encoding)) return utf8(text);
  const { Buffer } = globalThis as unknown as { Buffer: { from(text: string, encoding: string): Uint8Array } };
  return Buffer.from(text, encoding);
}
