/**
 * What becomes of a request, whatever the host: the flow that `core/http`'s
 * README draws. The policy decides; this asks it, and does what it says.
 */

import { BINDING, type Binding, WINDOWS } from "../binding";
import type { BaseCache } from "../cache";
import type { Fetched } from "../fetch";
import { customOf, type HttpOptions, type HttpRequest, httpSettings, isSkipped, readOptions, type ReadOptions, ttlOf } from "./options";
import { type Answer, type Exchange, type Fields, type Keep, type Pass, Policy, type Question, type RequestHead, type ResponseHead, type Sealed, type Way } from "./policy";

/** A response as it lies in a cache: plain data, which may be copied and frozen. */
export interface CachedResponse {
  /** Status, header fields and what else the policy keeps of it, in a form of its own. */
  readonly meta: string;
  readonly body: Uint8Array;
  /** What the host adds. */
  readonly note?: readonly string[];
}

/** In the place of a response that is for nobody but the one whose request brought it. */
interface Unshared {
  readonly unshared: string;
}

type Stored = CachedResponse | Unshared;

/** What a handler answered, its body perhaps still to come. */
export interface Produced extends ResponseHead {
  /** The whole body; or why there is none, one of the policy's reasons: then the response can be passed on still. Rejects if it fails. */
  collect(most: number, within: number): Promise<Uint8Array | string>;
  /** Nobody wants the rest. */
  discard(): void;
  /** For `CachedResponse.note`. */
  readonly note?: readonly string[] | undefined;
}

/** One request of a host: a Lambda event, a `Request`, or the `req` and `res` of a server. */
export interface Host<P extends Produced, R> {
  readonly head: RequestHead;
  readonly native: unknown;
  /** What the host's handler is given beside the request. */
  readonly args: readonly unknown[];
  /** What the request is for, where its URL does not tell: a part of the key. */
  readonly mapping?: string | undefined;
  /** Whether there is a body that no header field may tell of. */
  readonly bodyFollows: boolean;
  /** The body; undefined if it is longer or cannot be had. The handler gets it all the same. */
  readBody(most: number): Promise<Uint8Array | undefined>;
  /** Runs the handler. `shared`: the response is for others too, so that it neither sees these headers nor that its client goes away. */
  run(shared: readonly string[] | undefined): Promise<P>;
  /** Gives the client what its handler answered. */
  pass(produced: P, answer: Answer): R | Promise<R>;
  /** Gives the client something else than that. */
  answer(answer: Answer, page: CachedResponse | undefined): R;
}

const WAYS: Record<Fetched<unknown>["how"], Way> = { hit: "hit", loaded: "miss", coalesced: "coalesced", stale: "stale", stale_on_error: "stale" };

/** The handler answered, but what it answered counts as a failure. */
class Failed {
  constructor(readonly reason: string) {}
}

export class Flow {
  readonly #cache: BaseCache<any>;
  readonly #binding: Binding;
  readonly #policy: Policy;
  readonly options: ReadOptions;

  constructor(cache: BaseCache<any>, options: HttpOptions) {
    this.#cache = cache;
    this.#binding = cache[BINDING]();
    this.#policy = new Policy(this.#binding, httpSettings(options, cache[WINDOWS]()));
    this.options = readOptions(this.#binding, options);
  }

  /** Serves one request. Rejects with what the handler failed with. */
  async serve<P extends Produced, R>(host: Host<P, R>): Promise<R> {
    const request = this.options.key === undefined && this.options.skip === undefined ? undefined : new View(host.head, host.native);
    // First: what makes a key may be missing in what is skipped.
    const skipped = request !== undefined && isSkipped(this.options, request);
    const own = request === undefined || skipped ? undefined : customOf(this.options, request);
    const custom = host.mapping === undefined ? own : own === undefined ? host.mapping : `${host.mapping} ${own}`;
    let exchange: Exchange;
    try {
      exchange = this.#policy.exchange(host.head, custom);
    } catch {
      // Nothing that HTTP knows. Whatever it is, it is the handler's.
      const produced = await host.run(undefined);
      return host.pass(produced, { ...produced, withBody: true });
    }
    try {
      return await this.#serve(host, exchange, skipped);
    } finally {
      exchange.letGo();
    }
  }

  async #serve<P extends Produced, R>(host: Host<P, R>, exchange: Exchange, skipped: boolean): Promise<R> {
    const turn = new Turn(this.#cache, this.#binding, this.options, host, exchange);
    if (skipped) return turn.alone("skipped");
    const most = this.options.keyBody ? exchange.wantsBody(host.bodyFollows) : undefined;
    if (most !== undefined) exchange.watch();
    const body = most === undefined ? undefined : await host.readBody(most);
    const asked = exchange.ask(host.bodyFollows || (most !== undefined && body === undefined), body);
    return "bypass" in asked ? turn.alone(asked.bypass) : turn.look(asked);
  }
}

/** A request as users' functions see it. */
class View implements HttpRequest {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly native: any;
  readonly #headers: Fields;

  constructor({ method, scheme, host, path, query, headers }: RequestHead, native: unknown) {
    [this.method, this.scheme, this.host, this.path, this.query, this.native, this.#headers] = [method, scheme, host, path, query, native, headers];
  }

  /** Not a method: users take it out of the request, as in `({ header }) => header("x-tenant")`. */
  readonly header = (name: string): string | undefined => {
    const wanted = name.toLowerCase();
    const values = this.#headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(", ");
  };
}

/** A response that is going to be stored. */
interface Kept {
  readonly page: CachedResponse;
  readonly keep: Keep;
  readonly weight: number;
}

/** One request on its way. */
class Turn<P extends Produced, R> {
  readonly #cache: BaseCache<Stored>;
  readonly #binding: Binding;
  readonly #options: ReadOptions;
  readonly #host: Host<P, R>;
  readonly #exchange: Exchange;

  constructor(cache: BaseCache<any>, binding: Binding, options: ReadOptions, host: Host<P, R>, exchange: Exchange) {
    this.#cache = cache;
    this.#binding = binding;
    this.#options = options;
    this.#host = host;
    this.#exchange = exchange;
  }

  /** Runs the handler for this request and nobody else. */
  async alone(reason: string): Promise<R> {
    this.#exchange.watch();
    const produced = await this.#host.run(undefined);
    const what = this.#exchange.invalidates(produced.status);
    // What is stored here goes at once; that others are told is for the cache to see to.
    if (what !== undefined) await this.#cache.invalidate(what).catch(() => {});
    return this.#pass(produced, reason);
  }

  #pass(produced: P, reason: string): R | Promise<R> {
    let answer: Answer;
    try {
      answer = this.#exchange.pass(reason, produced);
    } catch {
      // A header field that cannot be sent: as the host sees fit.
      answer = { ...produced, withBody: true };
    }
    return this.#host.pass(produced, answer);
  }

  async look(question: Question): Promise<R> {
    switch (question.lookup) {
      case "shared":
        return this.#shared(question);
      case "anew":
        return this.#anew(question, question.key);
      default: {
        const found = this.#found(question);
        if (found !== undefined) return found();
        return question.lookup === "alone" ? this.alone(question.reason) : this.#host.answer(this.#exchange.unsatisfied(), undefined);
      }
    }
  }

  /** How to answer with what is there, if it is for this request. (What that gives is nothing, for some hosts.) */
  #found({ key }: Question): (() => R) | undefined {
    let next: string | undefined = key;
    for (let looks = 0; looks < 2 && next !== undefined; looks += 1) {
      const stored: Stored | undefined = this.#cache.get(next);
      if (!isResponse(stored)) return undefined;
      const match = this.#exchange.matches(stored.meta, Date.now());
      if (match === "yes") return () => this.#answer(stored, "hit");
      next = typeof match === "object" ? match.other : undefined;
    }
    return undefined;
  }

  async #shared(question: Question): Promise<R> {
    let key = question.key;
    let again = false;
    for (let looks = 0; looks < 2; ) {
      const load = new Load(this.#options, this.#binding, this.#host, this.#exchange, question);
      let fetched: Fetched<Stored>;
      try {
        fetched = await this.#cache.fetch(key, () => load.run(), load.options);
      } catch (error) {
        // Who waited for another's load runs the handler too, and so does who has no cache any more.
        return load.began ? this.#failed(load, error) : this.alone("failed");
      }
      const { value, how } = fetched;
      if (how === "loaded") return this.#led(load);
      const match = isResponse(value) ? this.#exchange.matches(value.meta, Date.now()) : undefined;
      if (match === "yes") {
        if (load.began) load.leave();
        return this.#answer(value as CachedResponse, WAYS[how]);
      }
      // An old response that is for others, in place of what its own handler makes.
      if (load.began) return this.#led(load);
      if (match === undefined) {
        const reason = unsharedReason(value);
        if (again || !this.#exchange.asksAgain(reason)) return this.alone(reason);
        again = true;
        continue;
      }
      if (match === "too_old") return this.#anew(question, key);
      key = match.other;
      looks += 1;
    }
    return this.alone("vary-changed");
  }

  /** What its own call of the handler comes to. */
  async #led(load: Load<P, R>): Promise<R> {
    let stored: Stored;
    try {
      stored = await (load.outcome as Promise<Stored>);
    } catch (error) {
      return this.#failed(load, error);
    }
    if (!isResponse(stored)) return this.#pass(load.produced as P, unsharedReason(stored));
    // Another response may have been looked at since it was sealed.
    this.#exchange.matches(stored.meta, Date.now());
    return this.#answer(stored, "miss", load.kept?.keep.own);
  }

  #failed(load: Load<P, R>, error: unknown): R | Promise<R> {
    if (error instanceof Failed && load.produced !== undefined) return this.#pass(load.produced, error.reason);
    load.produced?.discard();
    throw error;
  }

  /** Runs the handler for this request, and stores what may be stored. */
  async #anew(question: Question, key: string): Promise<R> {
    const asOf = Date.now();
    const load = new Load(this.#options, this.#binding, this.#host, this.#exchange, question);
    let stored: Stored;
    try {
      stored = await load.run();
    } catch (error) {
      if (error instanceof Failed && load.produced !== undefined) return this.#pass(load.produced, error.reason);
      throw error;
    }
    if (!isResponse(stored) || load.kept === undefined) return this.#pass(load.produced as P, unsharedReason(stored));
    const { keep, weight } = load.kept;
    const { ttl, staleWhileRevalidate, staleIfError, tags } = keep;
    this.#set(key, stored, { ttl: `${ttl}ms`, staleWhileRevalidate: `${staleWhileRevalidate}ms`, staleIfError: `${staleIfError}ms`, tags, weight, asOf });
    return this.#answer(stored, "miss", keep.own);
  }

  #set(key: string, stored: Stored, options: Parameters<BaseCache["set"]>[2]): void {
    try {
      this.#cache.set(key, stored, options);
    } catch {
      // The cache was closed meanwhile; the client is answered all the same.
    }
  }

  #answer(page: CachedResponse, way: Way, own: Fields = []): R {
    const answer = this.#exchange.answer(way, Date.now());
    return this.#host.answer(own.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...own] }, page);
  }
}

/** A call of the handler for all who wait. */
class Load<P extends Produced, R> {
  readonly #options: ReadOptions;
  readonly #binding: Binding;
  readonly #host: Host<P, R>;
  readonly #exchange: Exchange;
  readonly #question: Question;
  /** Whether it was this request's turn. */
  began = false;
  /** Its client was answered without it. */
  #left = false;
  /** It came to an end. */
  #over = false;
  /** What `run` gave. */
  outcome: Promise<Stored> | undefined;
  produced: P | undefined;
  kept: Kept | undefined;

  constructor(options: ReadOptions, binding: Binding, host: Host<P, R>, exchange: Exchange, question: Question) {
    this.#options = options;
    this.#binding = binding;
    this.#host = host;
    this.#exchange = exchange;
    this.#question = question;
  }

  /** For `cache.fetch`: what is said of the value is known when it is there. */
  get options(): Parameters<BaseCache<Stored>["fetch"]>[2] {
    const { waitUntil } = this.#options;
    const time = (of: (keep: Keep) => number) => () => `${this.kept === undefined ? 0 : of(this.kept.keep)}ms`;
    return {
      ttl: time(({ ttl }) => ttl),
      staleWhileRevalidate: time((keep) => keep.staleWhileRevalidate),
      staleIfError: time((keep) => keep.staleIfError),
      tags: () => this.kept?.keep.tags ?? [],
      weight: () => this.kept?.weight ?? 0,
      waitUntil: waitUntil === undefined ? undefined : (promise) => waitUntil(promise, ...this.#host.args),
    };
  }

  /** Gives what is stored. Throws what the handler threw, or `Failed`. */
  run(): Promise<Stored> {
    this.outcome = this.#finish();
    return this.outcome;
  }

  async #finish(): Promise<Stored> {
    this.began = true;
    // It may go on when its client has its answer.
    this.#exchange.hold();
    try {
      return await this.#run();
    } finally {
      this.#exchange.letGo();
      this.#over = true;
      if (this.#left) this.produced?.discard();
    }
  }

  async #run(): Promise<Stored> {
    const produced = await this.#host.run(this.#question.dropRequestHeaders);
    this.produced = produced;
    const ttl = ttlOf(this.#binding, this.#options, produced.status, produced.headers);
    const judged = this.#judge(produced, ttl);
    if ("pass" in judged && judged.failure) throw new Failed(judged.pass);
    if ("pass" in judged) return { unshared: judged.pass };
    const body = await produced.collect(judged.bodyCap, this.#options.bodyTimeout);
    if (typeof body === "string") return { unshared: body };
    const sealed = this.#exchange.seal(body);
    return "refused" in sealed ? { unshared: sealed.refused } : this.#keep(produced, body, judged, sealed);
  }

  #judge(produced: P, ttl: number | undefined): Keep | Pass {
    try {
      return this.#exchange.judge(produced, ttl, Date.now());
    } catch {
      // A header field that cannot be sent.
      return { pass: "failed", failure: false };
    }
  }

  #keep({ note }: P, body: Uint8Array, keep: Keep, { meta, weight }: Sealed): CachedResponse {
    const page: CachedResponse = note === undefined ? { meta, body } : { meta, body, note };
    this.kept = { page, keep, weight };
    return page;
  }

  /** Its client was given an older response: the handler goes on for the others. */
  leave(): void {
    this.#left = true;
    if (this.#over) this.produced?.discard();
  }
}

function isResponse(stored: unknown): stored is CachedResponse {
  return typeof stored === "object" && stored !== null && "meta" in stored;
}

/** Why a response is not shared; `failed` also for what somebody else stored under its key. */
function unsharedReason(stored: unknown): string {
  return typeof stored === "object" && stored !== null && "unshared" in stored ? (stored as Unshared).unshared : "failed";
}
