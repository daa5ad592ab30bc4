/** The cache as its users see it. */

import { Background } from "./background";
import { type Begun, type Binding, BINDING, CLOSED, type Core, type CoreEvent, DUE, type FillOutcome, FREED, type InvocationMark, MANY_FREED, MISS, NOT_TEXT, OLD, RESULT, SLOT, WEIGHT, WINDOWS } from "./binding";
import { closed, Driver } from "./driver";
import { SnowmeltError, translate, translated } from "./errors";
import { Events } from "./events";
import { type Fetched, Fetches, type Loader, type LoadOptions, type Parts } from "./fetch";
import { Fills, type StoreOptions } from "./fills";
import { type AnyFunction, handled, type Handled, type InvocationReport } from "./handler";
import { Joined, Lease } from "./lease";
import { abortable, Flights, SharedSignal } from "./loads";
import { type BatchLoader, Many } from "./many";
import { checkName, type Invalidation, namesOf, notText } from "./names";
import { openLink } from "./open";
import { type CacheOptions, type Duration, milliseconds, settings, type WaitUntil, type Windows } from "./options";
import { describe } from "./plain";
import { printLine } from "./print";
import type { Stats } from "./stats";
import { Values } from "./values";

/** Says where and when a write was: pass it on as it is. */
export type PositionToken = string;

export interface SetOptions extends StoreOptions {
  /** When the value was true: the time at which it began to be read from its origin. Default: now. */
  asOf?: Date | number | undefined;
}

export interface CatchUpOptions {
  /** A position token of `invalidate`: catch up until that write was applied. */
  atLeast?: PositionToken | undefined;
  /** How long to try for `atLeast`, beside what a `handler` spent on catching up before. Default "5s". */
  within?: Duration | undefined;
}

/** How calls of a function are cached. */
export interface WrapOptions<A extends unknown[]> extends Omit<StoreOptions, "tags"> {
  /** The key of a call. */
  key: (...args: A) => string;
  /** Tags of what a call returned. */
  tags?: ((...args: A) => readonly string[]) | readonly string[] | undefined;
  /** The signal of a call: who is aborted stops waiting. */
  signal?: ((...args: A) => AbortSignal | undefined) | undefined;
  /** In place of the cache's option of that name. */
  softLoadTimeout?: Duration | undefined;
  /** In place of the cache's option of that name. */
  waitUntil?: WaitUntil | undefined;
}

const WITHIN: Duration = "5s";

/** What both builds' `Cache` is; each brings its own core. */
export class BaseCache<V = unknown> {
  readonly #binding: Binding;
  readonly #core: Core;
  #hotGet: (key: string) => void;
  #hotInsert: (key: string) => void;
  /** What these two are given and say. */
  readonly #shared: Int32Array;
  readonly #values: Values<V>;
  /** The same array as `#values.slots`. */
  readonly #slots: (V | undefined)[];
  readonly #driver: Driver;
  readonly #flights: Flights<V>;
  readonly #fills: Fills<V>;
  readonly #fetches: Fetches<V>;
  readonly #parts: Parts<V>;
  readonly #background: Background;
  readonly #events: Events;
  readonly #options: CacheOptions<V>;
  readonly #copies: boolean;
  /** Whether `set` without options has nothing to ask of a value. */
  readonly #plain: boolean;
  #closing: Promise<void> | undefined;

  protected constructor(binding: Binding, options: CacheOptions<V>) {
    if (typeof options !== "object" || options === null) {
      throw new SnowmeltError("INVALID_OPTION", `a cache is made from an object of options, and this is ${describe(options)}: give at least { stream }`);
    }
    this.#binding = binding;
    this.#options = options;
    this.#copies = options.copy !== undefined;
    this.#plain = !this.#copies && options.sizeOf === undefined && options.freeze !== true && options.negativeTtl === undefined;
    this.#events = new Events(options.onEvent);
    const { core, link } = openLink(binding, options, settings(options));
    this.#core = core;
    this.#values = new Values(options.copy);
    this.#slots = this.#values.slots;
    const changed = (events: CoreEvent[]) => {
      this.#values.collect(core);
      for (const event of events) this.#events.fromCore(event);
    };
    this.#driver = new Driver(core, link, changed);
    this.#flights = new Flights(core);
    this.#background = new Background(options.waitUntil);
    const isClosed = () => this.#closing !== undefined;
    const limits = core.limits();
    this.#fills = new Fills(binding, core, limits, this.#values, options, isClosed);
    this.#parts = { binding, core, limits, values: this.#values, flights: this.#flights, fills: this.#fills, background: this.#background, catchUp: () => this.#driver.catchUpForRead(), closed: isClosed };
    this.#fetches = new Fetches(this.#parts);
    ({ get: this.#hotGet, insert: this.#hotInsert, shared: this.#shared } = core.hotFunctions());
  }

  /**
   * Reads a key at once: what is within `maxLag`, or undefined. Past
   * `catchUpEvery` it starts a catch-up and does not wait for it.
   */
  get(key: string): V | undefined {
    this.#hotGet(key);
    const slot = this.#shared[RESULT] as number;
    if (slot >= 0) return this.#copies ? this.#values.at(slot) : this.#slots[slot];
    return slot === MISS ? undefined : this.#getOtherwise(key, slot);
  }

  #getOtherwise(key: string, code: number): V | undefined {
    let found = this.#explain(key, code);
    if (found === DUE) {
      this.#driver.startCatchUp();
      found = this.#core.getAfterCatchUp(key);
    }
    return found >= 0 || found <= OLD ? this.#values.at(found) : undefined;
  }

  /** What the hot path had no slot for: throws, or gives what it would have. */
  #explain(key: string, code: number): number {
    if (code >= DUE || code <= OLD) return code;
    if (code === CLOSED) throw closed();
    this.#check(key);
    if (code === NOT_TEXT) throw notText("key", key);
    return this.#core.getUnusual(key);
  }

  /** Whether `get` would find the key. Counts as no read. */
  has(key: string): boolean {
    this.#check(key);
    return this.#core.peek(key) >= 0;
  }

  /**
   * Reads a key, or loads it. Those who miss it at the same time share one
   * load, unless it began before they came and was invalidated since. What the
   * loader returns is given to who waits in any case, and stored unless it may
   * be stale by now. If it throws or rejects, so does this for all who waited,
   * and nothing is stored; but where an old value may be served in its place
   * (`staleWhileRevalidate`, `staleIfError`), they have that. `fetch` tells
   * which it was.
   */
  async getOrLoad(key: string, loader: Loader<V>, options?: LoadOptions<V>): Promise<V> {
    if (options?.signal?.aborted) throw options.signal.reason;
    this.#hotGet(key);
    const code = this.#shared[RESULT] as number;
    if (code >= 0) return this.#values.at(code);
    return (await this.#fetch(key, code, loader, options)).value;
  }

  /** Reads a key as `getOrLoad` does, and tells where the value comes from. */
  async fetch(key: string, loader: Loader<V>, options?: LoadOptions<V>): Promise<Fetched<V>> {
    if (options?.signal?.aborted) throw options.signal.reason;
    this.#hotGet(key);
    const code = this.#shared[RESULT] as number;
    if (code >= 0) return { value: this.#values.at(code), how: "hit" };
    return this.#fetch(key, code, loader, options);
  }

  /** What the hot path found nothing fresh for. */
  async #fetch(key: string, code: number, loader: Loader<V>, options: LoadOptions<V> | undefined): Promise<Fetched<V>> {
    if (code !== MISS) this.#open();
    const arrival = this.#core.arrive();
    let found = this.#explain(key, code);
    if (found === DUE) {
      await abortable(this.#driver.catchUpForRead(), options?.signal);
      this.#open();
      // A slot is another value's after the next turn.
      found = this.#core.getAfterCatchUp(key);
    }
    if (found >= 0) return this.#fetches.served(found);
    if (typeof loader !== "function") throw new SnowmeltError("INVALID_ARGUMENT", `the loader of ${key} is ${describe(loader)}: give a function that returns the value`);
    return this.#fetches.fetch(key, found <= OLD, arrival, loader, this.#fetches.call(options));
  }

  /**
   * Reads many keys, and loads with one call of the loader those that nobody
   * else is loading; others are waited for. Gives what is there, in the order
   * of the keys. A key that the loader leaves out is not there: it is not in the
   * result, and remembered as undefined if there is a `negativeTtl`. If the
   * loader fails, so does this, unless there are old values for all its keys.
   */
  async getMany(keys: Iterable<string>, loader: BatchLoader<V>, options?: LoadOptions<V>): Promise<Map<string, V>> {
    if (options?.signal?.aborted) throw options.signal.reason;
    const wanted = [...new Set(listed(keys))];
    for (const key of wanted) this.#check(key);
    this.#open();
    if (typeof loader !== "function") throw new SnowmeltError("INVALID_ARGUMENT", `the loader of many keys is ${describe(loader)}: give a function that returns a Map of keys and values`);
    const look = (key: string) => {
      this.#hotGet(key);
      return this.#explain(key, this.#shared[RESULT] as number);
    };
    const signal = options?.signal && new SharedSignal(options.signal);
    try {
      return await new Many(this.#parts, this.#fetches, loader, { ...this.#fetches.call(options), signal }).read(wanted, look);
    } finally {
      signal?.end();
    }
  }

  /**
   * Begins to load a key in one's own way, or joins the load that is under
   * way. Does not look whether the key is cached.
   */
  begin(key: string): Lease<V> | Joined<V> {
    this.#check(key);
    const arrival = this.#core.arrive();
    const begun: Begun = this.#core.begin(key);
    this.#values.collect(this.#core);
    if (!begun.leads) return new Joined((signal) => this.#flights.join(begun, arrival, signal).then((done) => done && { value: this.#values.out(done.value) }));
    const lead = this.#flights.lead(key, begun);
    return new Lease(lead, () => {
      if (this.#closing === undefined) this.#core.abandon(begun);
    });
  }

  /** Ends a load: stores the value unless it may be stale by now, and gives it to who waits. If this throws, the load is given up. */
  fill(lease: Lease<V>, value: V, options: StoreOptions = {}): FillOutcome {
    return lease.end((lead) => this.#fills.fill(lead, value, this.#fills.extras(lead.flight.key, value, options))) ?? "fenced";
  }

  /** Stores a value. A load of its key that is under way will not be stored. */
  set(key: string, value: V, options?: SetOptions): FillOutcome {
    if (options === undefined && this.#plain) return this.#setPlainly(key, value);
    this.#check(key);
    const given = options ?? {};
    const extras = this.#fills.extras(key, value, given);
    const asOf = given.asOf instanceof Date ? given.asOf.getTime() : given.asOf;
    if (asOf !== undefined && (typeof asOf !== "number" || Number.isNaN(asOf))) throw new SnowmeltError("INVALID_ARGUMENT", `\`asOf\` is ${describe(given.asOf)}: give a Date, or milliseconds since 1970`);
    return this.#fills.store(value, (slot) => this.#core.insertWith(key, slot, extras, asOf));
  }

  #setPlainly(key: string, value: V): FillOutcome {
    const slot = this.#values.put(value);
    const shared = this.#shared;
    shared[SLOT] = slot;
    shared[WEIGHT] = 1;
    this.#hotInsert(key);
    const code = shared[RESULT] as number;
    if (code >= 0) {
      const freed = shared[FREED] as number;
      if (freed >= 0) this.#values.free(freed);
      else if (freed === MANY_FREED) this.#values.collect(this.#core);
      return OUTCOMES[code] as FillOutcome;
    }
    this.#values.free(slot);
    if (code === CLOSED) throw closed();
    this.#check(key);
    return this.#fills.store(value, (slot) => this.#core.insertWith(key, slot, {}));
  }

  /** Drops a key here only; whether it was cached. Nothing is written to the stream. */
  delete(key: string): boolean {
    this.#check(key);
    const there = this.#core.delete(key);
    this.#values.collect(this.#core);
    return there;
  }

  /** Drops every entry here. Nothing is written to the stream, and loads under way go on. */
  clear(): void {
    this.#open();
    this.#core.clear();
    this.#values.collect(this.#core);
  }

  /**
   * Invalidates keys, tags, key prefixes or everything: here at once, before
   * this returns, and everywhere else through the stream. Call it after the
   * database has committed.
   *
   * Rejects if the stream did not take everything; what it names is gone from
   * here all the same. If nobody awaits it, the process lives on, and an event
   * tells of the failure.
   */
  invalidate(what: Invalidation): Promise<PositionToken> {
    const written = this.#invalidate(what);
    written.catch(() => {});
    return written;
  }

  async #invalidate(what: Invalidation): Promise<PositionToken> {
    this.#open();
    const names = namesOf(this.#binding, what);
    const write = translated(() => this.#core.invalidate(names));
    this.#values.collect(this.#core);
    try {
      return await this.#driver.write(write);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#events.tell({ type: "writeFailed", message: `${message}; other caches were not told: invalidate again` });
      throw error;
    }
  }

  /**
   * Catches up with everything that can be read from the stream now, or at
   * least with the write that `atLeast` names. Rejects if that was not reached;
   * what was read was applied.
   */
  async catchUp(options: CatchUpOptions = {}): Promise<void> {
    this.#open();
    try {
      if (options.atLeast === undefined) return await this.#driver.catchUp();
      if (typeof options.atLeast !== "string") throw notText("position token", options.atLeast);
      await this.#driver.catchUpTo(options.atLeast, milliseconds(this.#binding, "within", options.within ?? WITHIN));
    } catch (error) {
      throw translate(error);
    }
  }

  /**
   * A function like `fn` that reads its results from this cache. Concurrent
   * calls with one key share one call of `fn`.
   */
  wrap<F extends (...args: any[]) => V | PromiseLike<V>>(fn: F, options: WrapOptions<Parameters<F>>): (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>> {
    const { key, tags, signal, ...store } = Object(options) as WrapOptions<Parameters<F>>;
    if (typeof fn !== "function" || typeof key !== "function") {
      throw new SnowmeltError("INVALID_ARGUMENT", "wrap takes a function and { key }, a function that makes the key from the arguments");
    }
    const cache = this;
    return async function (this: unknown, ...args: Parameters<F>): Promise<Awaited<ReturnType<F>>> {
      const bound = typeof tags === "function" ? tags(...args) : tags;
      const load = { ...store, tags: bound, signal: signal?.(...args) };
      return (await cache.getOrLoad(key(...args), () => fn.apply(this, args), load)) as Awaited<ReturnType<F>>;
    };
  }

  /**
   * A handler for Lambda around `fn`: catches up before it if that is due,
   * waits after it for invalidations and refreshes that it left pending, and
   * reports what the cache did. `fn`'s result and errors are passed on as they are.
   *
   * For response streaming, mark `fn` first:
   * `cache.handler(awslambda.streamifyResponse(fn))`.
   */
  handler<F extends AnyFunction>(fn: F): Handled<F> {
    return handled(fn, () => this.invocation());
  }

  /**
   * An invocation begins: catches up if that is due, and revokes loads that an
   * earlier one left behind. What it gives ends it, and never rejects. `handler`
   * does both.
   */
  async invocation(): Promise<() => Promise<InvocationReport | undefined>> {
    if (this.#closing !== undefined) return async () => undefined;
    const mark = this.#core.beginInvocation();
    const refreshed = this.#background.begin();
    let ended = false;
    await this.#driver.catchUpForRead().catch(() => {});
    return async () => {
      await refreshed();
      await this.#driver.settled();
      if (ended || this.#closing !== undefined) return undefined;
      ended = true;
      return this.#report(mark);
    };
  }

  #report(mark: InvocationMark): InvocationReport {
    const style = this.#options.report ?? "json";
    const [name, namespace] = typeof style === "object" ? (["emf", style.emf] as const) : ([style, ""] as const);
    const { line, report } = this.#core.endInvocation(mark, name, namespace);
    if (line !== null) printLine(this.#options.reportTo, line);
    return report as unknown as InvocationReport;
  }

  /**
   * Makes the first connection to the stream and gets the credentials. For the
   * time in which a function initialises: call it beside the handler and, where
   * the module cannot `await`, leave it to itself (`void cache.warm()`).
   * Failures are ignored.
   */
  async warm(): Promise<void> {
    this.#open();
    await this.#driver.warm();
  }

  /** To be called where a process goes on from a snapshot, before anything is read. */
  restored(): void {
    this.#open();
    this.#core.restored();
    this.#driver.wake();
  }

  /** Every counter since the cache was made, and the state of now. */
  stats(): Stats {
    this.#open();
    return this.#core.stats() as unknown as Stats;
  }

  /** How many entries there are, expired ones included. */
  get size(): number {
    this.#open();
    return this.#core.size()[0];
  }

  /** All keys, in no order; for debugging. */
  keys(): string[] {
    this.#open();
    return this.#core.keys();
  }

  /**
   * Ends the cache: drops everything, and waits for invalidations that are
   * under way. Loads under way go on for those who began them, and are not
   * stored. Everything else then throws `CLOSED`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#values.clear();
    this.#hotGet = this.#hotInsert = () => {
      this.#shared[RESULT] = CLOSED;
    };
    if (this.#driver.writing) {
      this.#core.clear();
      await this.#driver.settled();
    }
    this.#driver.close();
    this.#core.close();
  }

  /** @internal For this package's other entries. */
  [BINDING](): Binding {
    return this.#binding;
  }

  /** @internal For this package's other entries. */
  [WINDOWS](): Windows {
    return this.#options;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): void {
    if (this.#closing !== undefined) throw closed();
  }

  #check(key: unknown): asserts key is string {
    this.#open();
    checkName(this.#binding, "key", key);
  }
}

const OUTCOMES: readonly FillOutcome[] = ["stored", "fenced", "too_heavy", "not_kept"];

/** The keys of a list. A text is an iterable too, of letters. */
function listed(keys: unknown): string[] {
  if (typeof keys === "object" && keys !== null && Symbol.iterator in keys) return [...(keys as Iterable<string>)];
  throw new SnowmeltError("INVALID_ARGUMENT", `the keys to read are ${describe(keys)}: give an array of strings`);
}
