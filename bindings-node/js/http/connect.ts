/** Servers of Node: Express, Connect and what is like them, and `node:http` by itself. */

import { ENDLESS, TOO_LARGE, utf8 } from "./bytes";
import type { CachedResponse, Host, Produced } from "./flow";
import { Overlay, type ServerResponseLike } from "./overlay";
import type { Answer, Fields, RequestHead } from "./policy";

/** What is used of Node's `IncomingMessage`, and of what Express adds. */
export interface IncomingMessageLike {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

export type Next = (error?: any) => unknown;

/** A middleware of Express and Connect. */
export type ConnectMiddleware = (req: IncomingMessageLike, res: ServerResponseLike, next: Next) => void;

export class ConnectHost implements Host<ConnectProduced, void> {
  readonly head: RequestHead;
  readonly args: readonly unknown[] = [];
  readonly bodyFollows = false;
  readonly #res: any;
  readonly #next: Next;
  #produced: ConnectProduced | undefined;

  constructor(
    readonly native: any,
    res: ServerResponseLike,
    next: Next,
  ) {
    this.head = headOf(native);
    this.#res = res;
    this.#next = next;
  }

  /** Only a body whose length is known: one that was read to its end could not be given back. */
  async readBody(most: number): Promise<Uint8Array | undefined> {
    const req = this.native;
    const given: unknown = req.rawBody ?? req.body;
    if (given !== undefined) return withinLimit(bytesOf(given), most);
    const length = Number(req.headers["content-length"]);
    if (!(length <= most) || req.readableEnded) return undefined;
    return readBack(req, length);
  }

  run(shared: readonly string[] | undefined): Promise<ConnectProduced> {
    for (const name of shared ?? []) delete this.native.headers[name];
    this.#produced = new ConnectProduced(this.#res);
    const { begun } = this.#produced;
    this.#call(this.#produced);
    return begun;
  }

  #call(produced: ConnectProduced): void {
    const failed = (error: unknown) => (produced.passed ? this.fail(error) : produced.failed(error));
    try {
      const result = this.#next();
      // `next` of a framework returns nothing that matters; a handler by itself may return a promise.
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  pass(produced: ConnectProduced, answer: Answer): void {
    produced.pass(answer);
  }

  answer(answer: Answer, page: CachedResponse | undefined): void {
    const give = () => this.#give(answer, page);
    if (this.#produced === undefined) give();
    else this.#produced.replace(give);
  }

  #give({ status, headers, withBody }: Answer, page: CachedResponse | undefined): void {
    const res = this.#res;
    const outer = page?.note;
    for (const [name, value] of grouped(headers)) {
      // What goes around the cache has set it anew for this request, or has not: it may be another's.
      if (outer?.includes(name)) continue;
      res.setHeader(name, value);
    }
    res.statusCode = status;
    res.statusMessage = undefined;
    res.end(withBody && page !== undefined ? page.body : undefined);
  }

  /** The handler failed without a word: as Express has it, if nobody else answers. */
  fail(error: unknown): void {
    if (this.#produced?.gone) return;
    this.#produced?.overlay.release();
    console.error(error);
    const res = this.#res;
    if (res.headersSent) return void res.destroy?.();
    for (const name of Object.keys(res.getHeaders())) res.removeHeader(name);
    res.statusCode = 500;
    res.end();
  }
}

/** What a handler writes into a `ServerResponse`. */
export class ConnectProduced implements Produced {
  readonly overlay: Overlay;
  /** When the head is there. */
  readonly begun: Promise<this>;
  status = 0;
  headers: Fields = [];
  note: readonly string[] | undefined;
  /** The handler destroyed the response. */
  gone = false;
  /** The handler writes to the client itself. */
  passed = false;
  readonly #res: any;
  /** What was set before the handler was called. */
  readonly #outer: ReadonlyMap<string, unknown>;
  #begin!: (produced: this) => void;
  #fail!: (error: unknown) => void;
  /** Looks again whether the body is whole, or too much. */
  #look = () => {};
  #error: { error: unknown } | undefined;

  constructor(res: any) {
    this.#res = res;
    this.#outer = new Map(Object.entries(res.getHeaders()));
    this.begun = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#fail = reject;
    });
    this.overlay = new Overlay(res, {
      head: () => this.#head(),
      piece: () => this.#look(),
      end: () => this.#look(),
      failed: (error) => {
        this.gone = true;
        this.failed(error);
      },
    });
  }

  #head(): void {
    this.status = this.#res.statusCode;
    const outer: string[] = [];
    for (const [name, [, value]] of this.overlay.headers) {
      for (const one of Array.isArray(value) ? value : [value]) this.headers.push([name, String(one)]);
      if (this.#outer.get(name) === value) outer.push(name);
    }
    if (outer.length > 0) this.note = outer;
    this.#begin(this);
  }

  failed(error: unknown): void {
    this.#error ??= { error };
    this.#fail(error);
    this.#look();
  }

  collect(most: number, within: number): Promise<Uint8Array | string> {
    const { overlay } = this;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(ENDLESS), within);
      const done = (outcome: Uint8Array | string) => {
        clearTimeout(timer);
        this.#look = () => {};
        resolve(outcome);
      };
      this.#look = () => {
        if (this.#error !== undefined) {
          clearTimeout(timer);
          reject(this.#error.error);
        } else if (overlay.pieces.length > most) {
          overlay.full = true;
          done(TOO_LARGE);
        } else if (overlay.ended) {
          done(overlay.trailers ? INCOMPLETE : overlay.pieces.whole());
        }
      };
      this.#look();
    });
  }

  discard(): void {
    this.overlay.sink();
  }

  /** Gives the client what the handler wrote so far, and lets it write the rest itself. */
  pass({ status, headers, withBody }: Answer): void {
    const [res, { overlay }] = [this.#res, this];
    this.passed = true;
    const waits = overlay.takeDrain();
    const give = () => {
      this.#applyHead(status, headers);
      if (!withBody) return void res.end();
      if (overlay.ended) return void res.end(overlay.pieces.whole());
      let room = true;
      for (const piece of overlay.pieces.parts.splice(0)) room = res.write(piece);
      if (overlay.pieces.length === 0) res.flushHeaders?.();
      // Where there is no room the response emits it by itself.
      if (waits && room) setTimeout(() => res.emit("drain"), 0);
    };
    if (withBody || overlay.ended) {
      overlay.release();
      give();
    } else {
      overlay.beneath(give);
      overlay.sink();
    }
  }

  /** Sets what the policy changed, and leaves the rest as the handler wrote it. */
  #applyHead(status: number, fields: Fields): void {
    const res = this.#res;
    const wanted = grouped(fields);
    const written = new Map(this.overlay.headers);
    for (const name of Object.keys(res.getHeaders())) if (!wanted.has(name)) res.removeHeader(name);
    for (const [name, value] of wanted) {
      const own = written.get(name);
      if (own !== undefined && String(own[1]) === String(value)) res.setHeader(...own);
      else res.setHeader(name, value);
    }
    if (status !== this.status) res.statusMessage = undefined;
    res.statusCode = status;
  }

  /** Gives the client something else; if the handler is not done, it goes on for the others. */
  replace(give: () => void): void {
    if (this.overlay.ended) {
      this.overlay.release();
      give();
    } else {
      this.overlay.beneath(give);
    }
  }
}

/** The policy's reason for what is not all of it. */
const INCOMPLETE = "incomplete";

function grouped(fields: Fields): Map<string, string | string[]> {
  const all = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : [before, value].flat());
  }
  return all;
}

function headOf(req: any): RequestHead {
  const url: string = req.originalUrl ?? req.url ?? "/";
  const mark = url.indexOf("?");
  const headers: Fields = [];
  for (const [name, value] of Object.entries(req.headers as IncomingMessageLike["headers"])) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.push([name, one]);
  }
  return {
    method: req.method ?? "GET",
    // Express's own, which knows what proxies are trusted.
    scheme: req.protocol ?? (req.socket?.encrypted ? "https" : "http"),
    host: hostOf(req),
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? undefined : url.slice(mark + 1),
    headers: headers.filter(([name]) => !name.startsWith(":")),
  };
}

/** As `req.hostname` of Express has it, with the port: applications make links of it. */
function hostOf(req: any): string {
  const forwarded: unknown = req.headers["x-forwarded-host"];
  if (typeof forwarded === "string" && forwarded !== "") {
    const trusts: unknown = req.app?.get?.("trust proxy fn");
    if (typeof trusts === "function" && trusts(req.socket?.remoteAddress, 0)) return (forwarded.split(",", 1)[0] as string).trimEnd();
  }
  // HTTP/2 has it in another place. Where both are there and differ, nobody can tell which one the response is made from.
  const { host, ":authority": authority } = req.headers;
  if (authority === undefined || host === undefined) return authority ?? host ?? "";
  return host === authority ? host : NO_HOST;
}

/** No host that the policy takes: such a request goes to the handler alone. */
const NO_HOST = "?";

function bytesOf(given: unknown): Uint8Array {
  return given instanceof Uint8Array ? given : utf8(typeof given === "string" ? given : (JSON.stringify(given) ?? ""));
}

const withinLimit = (bytes: Uint8Array, most: number): Uint8Array | undefined => (bytes.length > most ? undefined : bytes);

/** Reads so many bytes of a request, and puts them back before it has ended. */
function readBack(req: any, length: number): Promise<Uint8Array | undefined> {
  if (length === 0) return Promise.resolve(new Uint8Array(0));
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let got = 0;
    const over = (whole: boolean) => {
      req.pause();
      for (const [name, listener] of Object.entries(listeners)) req.off(name, listener);
      const bytes = new Uint8Array(got);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      if (got > 0 && !req.readableEnded) req.unshift(bufferOf(bytes));
      resolve(whole ? bytes : undefined);
    };
    const listeners = {
      data: (chunk: Uint8Array) => {
        chunks.push(chunk);
        got += chunk.length;
        if (got >= length) over(true);
      },
      end: () => over(false),
      close: () => over(false),
      error: () => over(false),
    };
    for (const [name, listener] of Object.entries(listeners)) req.on(name, listener);
  });
}

/** Node's own, which handlers expect of a request. */
function bufferOf(bytes: Uint8Array): Uint8Array {
  const { Buffer } = globalThis as unknown as { Buffer: { from(memory: ArrayBufferLike): Uint8Array } };
  return Buffer.from(bytes.buffer);
}
