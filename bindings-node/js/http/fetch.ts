/** Handlers from a `Request` to a `Response`: Hono, workers, Deno and what is like them. */

import { ENDLESS, Pieces, TOO_LARGE } from "./bytes";
import type { CachedResponse, Host, Produced } from "./flow";
import type { Answer, Fields, RequestHead } from "./policy";

/** A handler, given whatever its host gives beside the request (`env`, `ctx`). */
export type FetchHandler<A extends unknown[]> = (request: Request, ...rest: A) => Response | PromiseLike<Response>;

/** How long a request's body may take that is part of the key, in milliseconds; then its request bypasses. */
const BODY_WITHIN = 5_000;

export class FetchHost<A extends unknown[]> implements Host<FetchProduced, Response> {
  readonly head: RequestHead;
  readonly args: A;
  readonly #handler: FetchHandler<A>;
  #request: Request;

  constructor(handler: FetchHandler<A>, request: Request, args: A) {
    this.#handler = handler;
    this.#request = request;
    this.args = args;
    this.head = headOf(request);
  }

  get native(): Request {
    return this.#request;
  }

  get bodyFollows(): boolean {
    return this.#request.body !== null;
  }

  async readBody(most: number): Promise<Uint8Array | undefined> {
    // The copy is read; the handler has the original.
    const { body } = this.#request.clone();
    if (body === null) return new Uint8Array(0);
    const read = await new Body(body).collect(most, BODY_WITHIN);
    return typeof read === "string" ? undefined : read;
  }

  async run(shared: readonly string[] | undefined): Promise<FetchProduced> {
    const request = shared === undefined ? this.#request : forAll(this.#request, shared);
    return new FetchProduced(await this.#handler(request, ...this.args));
  }

  pass({ response, rest }: FetchProduced, { status, headers, withBody }: Answer): Response {
    // An upgrade to another protocol, or an error of the network: nothing that could be made anew.
    if (response.status < 200) return response;
    if (!withBody && response.body !== null) cancel(rest());
    return new Response(withBody ? rest() : null, { status, statusText: status === response.status ? response.statusText : "", headers: new Headers(headers) });
  }

  answer({ status, headers, withBody }: Answer, page: CachedResponse | undefined): Response {
    return new Response(withBody && page !== undefined ? (page.body as Uint8Array<ArrayBuffer>) : null, { status, headers: new Headers(headers) });
  }
}

function headOf({ url, method, headers }: Request): RequestHead {
  // A URL that a `Request` has was parsed already.
  const scheme = url.indexOf("://");
  const hash = url.indexOf("#");
  const whole = hash < 0 ? url : url.slice(0, hash);
  const start = whole.indexOf("/", scheme + 3);
  const rest = start < 0 ? "/" : whole.slice(start);
  const mark = rest.indexOf("?");
  return {
    method,
    scheme: url.slice(0, scheme),
    host: whole.slice(scheme + 3, start < 0 ? undefined : start),
    path: mark < 0 ? rest : rest.slice(0, mark),
    query: mark < 0 ? undefined : rest.slice(mark + 1),
    headers: [...headers],
  };
}

/** The request without what is this client's alone: conditions, and that it goes away. */
function forAll(request: Request, without: readonly string[]): Request {
  const headers = new Headers(request.headers);
  for (const name of without) headers.delete(name);
  return new Request(request, { headers, signal: new AbortController().signal });
}

/** What a handler of this kind answered. */
export class FetchProduced implements Produced {
  readonly response: Response;
  readonly status: number;
  readonly headers: Fields;
  readonly #body: Body | undefined;

  constructor(response: Response) {
    this.response = response;
    this.status = response.status;
    this.headers = [...response.headers];
    this.#body = response.body === null ? undefined : new Body(response.body);
  }

  async collect(most: number, within: number): Promise<Uint8Array | string> {
    return this.#body?.collect(most, within) ?? new Uint8Array(0);
  }

  discard(): void {
    if (this.#body !== undefined) cancel(this.#body.rest());
  }

  /** All of the body, what was collected of it before included. */
  readonly rest = (): ReadableStream<Uint8Array> | null => this.#body?.rest() ?? null;
}

function cancel(body: ReadableStream<Uint8Array> | null): void {
  body?.cancel().catch(() => {});
}

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;

/** A body that is collected, and streams on if it turns out to be too much. */
class Body {
  readonly #stream: ReadableStream<Uint8Array>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #pieces = new Pieces();
  /** What was asked for and had not come when the time was over. */
  #pending: Promise<Read> | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream;
  }

  async collect(most: number, within: number): Promise<Uint8Array | string> {
    const reader = (this.#reader ??= this.#stream.getReader());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), within);
    });
    try {
      for (;;) {
        this.#pending = reader.read();
        const read = await Promise.race([this.#pending, late]);
        if (read === undefined) return ENDLESS;
        this.#pending = undefined;
        if (read.done) return this.#pieces.whole();
        this.#pieces.add(read.value);
        if (this.#pieces.length > most) return TOO_LARGE;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  rest(): ReadableStream<Uint8Array> {
    const reader = this.#reader;
    if (reader === undefined) return this.#stream;
    const collected = this.#pieces.parts;
    // Nothing is read ahead of the client.
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const first = collected.shift();
          if (first !== undefined) return controller.enqueue(first);
          const read = await (this.#pending ?? reader.read());
          this.#pending = undefined;
          if (read.done) controller.close();
          else controller.enqueue(read.value);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }
}
