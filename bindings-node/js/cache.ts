/** The cache as its users see it. */

import {
  type Begun,
  type Binding,
  CLOSED,
  type Core,
  type CoreEvent,
  DUE,
  type Extras,
  type FillOutcome,
  FREED,
  type InvocationMark,
  type Limits,
  MANY_FREED,
  MISS,
  NOT_TEXT,
  RESULT,
  SLOT,
  WEIGHT,
} from "./binding";
import { closed, Driver } from "./driver";
import { SnowmeltError, translate, translated } from "./errors";
import { Events } from "./events";
import { deepFreeze } from "./freeze";
import { type AnyFunction, handled, type Handled, type InvocationReport } from "./handler";
import { Joined, Lease } from "./lease";
import { abortable, Flights, type Lead, type LoadContext, waitFor } from "./loads";
import { openLink } from "./open";
import { type CacheOptions, type Duration, milliseconds, settings } from "./options";
import { describe } from "./plain";
import type { Stats } from "./stats";
import { checkedNames, checkName, type Invalidation, namesOf, notText } from "./names";
import { printLine } from "./print";
import { Values } from "./values";

/** Says where and when a write was: pass it on as it is. */
export type PositionToken = string;

/** How a value is stored. */
export interface StoreOptions {
  /** Tags that `invalidate({ tags })` can name. At most 256. */
  tags?: readonly string[] | undefined;
  /** A lifetime of its own, in place of the cache's; at most 49 days. */
  ttl?: Duration | undefined;
  /** How heavy it is; otherwise `sizeOf` says. */
  weight?: number | undefined;
}

export interface SetOptions extends StoreOptions {
  /** When the value was true: the time at which it began to be read from its origin. Default: now. */
  asOf?: Date | number | undefined;
}

export interface LoadOptions<V> extends Omit<StoreOptions, "tags"> {
  /** Tags, or a function that knows them once the value is there. */
  tags?: readonly string[] | ((value: V) => readonly string[]) | undefined;
  /** Who is aborted stops waiting; the load and the others go on. */
  signal?: AbortSignal | undefined;
}

export interface CatchUpOptions {
  /** A position token of `invalidate`: catch up until that write was applied. */
  atLeast?: PositionToken | undefined;
  /** How long to try for `atLeast`, beside what a `handler` spent on catching up before. Default "5s". */
  within?: Duration | undefined;
}

export type Loader<V> = (context: LoadContext) => V | PromiseLike<V>;

/** How calls of a function are cached. */
export interface WrapOptions<A extends unknown[]> extends Omit<StoreOptions, "tags"> {
  /** The key of a call. */
  key: (...args: A) => string;
  /** Tags of what a call returned. */
  tags?: ((...args: A) => readonly string[]) | readonly string[] | undefined;
  /** The signal of a call: who is aborted stops waiting. */
  signal?: ((...args: A) => AbortSignal | undefined) | undefined;
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
  readonly #values = new Values<V>();
  /** The same array as `#values.slots`. */
  readonly #slots: (V | undefined)[] = this.#values.slots;
  readonly #driver: Driver;
  readonly #flights: Flights<V>;
  readonly #limits: Limits;
  readonly #events: Events;
  readonly #options: CacheOptions<V>;
  readonly #copy: ((value: V) => V) | undefined;
  #closing: Promise<void> | undefined;

  protected constructor(binding: Binding, options: CacheOptions<V>) {
    if (typeof options !== "object" || options === null) {
      throw new SnowmeltError("INVALID_OPTION", `a cache is made from an object of options, and this is ${describe(options)}: give at least { stream }`);
    }
    this.#binding = binding;
    this.#options = options;
    this.#copy = options.copy;
    this.#events = new Events(options.onEvent);
    const { core, link } = openLink(binding, options, settings(options));
    this.#core = core;
    this.#limits = core.limits();
    const changed = (events: CoreEvent[]) => {
      this.#values.collect(core);
      for (const event of events) this.#events.fromCore(event);
    };
    this.#driver = new Driver(core, link, changed);
    this.#flights = new Flights(core);
    ({ get: this.#hotGet, insert: this.#hotInsert, shared: this.#shared } = core.hotFunctions());
  }

  /**
   * Reads a key at once: what is within `maxLag`, or undefined. Past
   * `catchUpEvery` it starts a catch-up and does not wait for it.
   */
  get(key: string): V | undefined {
    this.#hotGet(key);
    const slot = this.#shared[RESULT] as number;
    if (slot >= 0) return this.#copy === undefined ? this.#slots[slot] : this.#copy(this.#slots[slot] as V);
    return slot === MISS ? undefined : this.#getOtherwise(key, slot);
  }

  #getOtherwise(key: string, code: number): V | undefined {
    const slot = this.#explain(key, code);
    if (slot !== DUE) return this.#at(slot);
    this.#driver.startCatchUp();
    return this.#at(this.#core.getAfterCatchUp(key));
  }

  /** What the hot path had no slot for: throws, or gives what it would have. */
  #explain(key: string, code: number): number {
    if (code === MISS || code === DUE) return code;
    if (code === CLOSED) throw closed();
    this.#check(key);
    if (code === NOT_TEXT) throw notText("key", key);
    return this.#core.getUnusual(key);
  }

  #at(slot: number): V | undefined {
    if (slot < 0) return undefined;
    const value = this.#slots[slot] as V;
    return this.#copy === undefined ? value : this.#copy(value);
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
   * and nothing is stored.
   */
  async getOrLoad(key: string, loader: Loader<V>, options?: LoadOptions<V>): Promise<V> {
    if (options?.signal?.aborted) throw options.signal.reason;
    this.#hotGet(key);
    let slot = this.#shared[RESULT] as number;
    if (slot >= 0) return this.#at(slot) as V;
    if (slot !== MISS) this.#open();
    const arrival = this.#core.arrive();
    if (slot !== MISS) slot = this.#explain(key, slot);
    if (slot === DUE) {
      await abortable(this.#driver.catchUpForRead(), options?.signal);
      this.#open();
      // A slot is another value's after the next turn.
      slot = this.#core.getAfterCatchUp(key);
    }
    if (slot >= 0) return this.#at(slot) as V;
    if (typeof loader !== "function") throw new SnowmeltError("INVALID_ARGUMENT", `the loader of ${key} is ${describe(loader)}: give a function that returns the value`);
    return this.#load(key, arrival, loader, options);
  }

  async #load(key: string, arrival: number, loader: Loader<V>, options: LoadOptions<V> | undefined): Promise<V> {
    const ttl = this.#lifetime(options?.ttl);
    for (;;) {
      if (this.#closing !== undefined) throw closed();
      const found = this.#core.getOrBegin(key);
      this.#values.collect(this.#core);
      if (typeof found === "number") return this.#at(found) as V;
      if (found.leads) {
        const lead = this.#flights.lead(key, found);
        const own = this.#run(lead, loader, options, ttl);
        // Whoever leads may stop waiting; the others have it from the flight.
        own.catch(() => {});
        return this.#out(await waitFor(lead.flight, own, options?.signal));
      }
      const joined = await this.#flights.join(found, arrival, options?.signal);
      if (joined !== undefined) return this.#out(joined.value);
    }
  }

  /** Runs the loader, stores what it brings, and tells who waits. */
  async #run(lead: Lead<V>, loader: Loader<V>, options: LoadOptions<V> | undefined, ttl: number | undefined): Promise<V> {
    const { key, begun } = lead.flight;
    try {
      const value = await lead.run(() => loader({ key, signal: lead.signal }));
      const tags = typeof options?.tags === "function" ? options.tags(value) : options?.tags;
      this.#fill(lead, value, { tags, weight: options?.weight }, ttl);
      return value;
    } catch (error) {
      if (this.#closing === undefined) this.#core.abandon(begun);
      lead.land({ error });
      throw error;
    }
  }

  #fill(lead: Lead<V>, value: V, options: StoreOptions, ttl: number | undefined): FillOutcome {
    const { key, begun } = lead.flight;
    const extras = this.#extras(key, value, options, ttl);
    extras.took = lead.took;
    // After the end nothing is stored, and nobody knows what is current.
    const outcome = this.#closing === undefined ? this.#store(value, (slot) => this.#core.fill(begun, slot, extras)) : "fenced";
    // With more tags than an entry can bear they were not looked at.
    const current = outcome !== "fenced" && (extras.tags?.length ?? 0) <= this.#limits.maxTags;
    lead.land({ value, current });
    return outcome;
  }

  #store(value: V, store: (slot: number) => FillOutcome): FillOutcome {
    const kept = this.#options.freeze === true ? deepFreeze(value) : value;
    const slot = this.#values.put(this.#copy === undefined ? kept : this.#copy(kept));
    try {
      return store(slot);
    } finally {
      this.#values.collect(this.#core);
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
    if (!begun.leads) return new Joined((signal) => this.#flights.join(begun, arrival, signal).then((done) => done && { value: this.#out(done.value) }));
    const lead = this.#flights.lead(key, begun);
    return new Lease(lead, () => {
      if (this.#closing === undefined) this.#core.abandon(begun);
    });
  }

  /** Ends a load: stores the value unless it may be stale by now, and gives it to who waits. If this throws, the load is given up. */
  fill(lease: Lease<V>, value: V, options: StoreOptions = {}): FillOutcome {
    return lease.end((lead) => this.#fill(lead, value, options, this.#lifetime(options.ttl))) ?? "fenced";
  }

  /** Stores a value. A load of its key that is under way will not be stored. */
  set(key: string, value: V, options?: SetOptions): FillOutcome {
    if (options === undefined && this.#options.sizeOf === undefined && this.#copy === undefined && this.#options.freeze !== true) {
      return this.#setPlainly(key, value);
    }
    this.#check(key);
    const given = options ?? {};
    const extras = this.#extras(key, value, given, this.#lifetime(given.ttl));
    const asOf = given.asOf instanceof Date ? given.asOf.getTime() : given.asOf;
    if (asOf !== undefined && (typeof asOf !== "number" || Number.isNaN(asOf))) throw new SnowmeltError("INVALID_ARGUMENT", `\`asOf\` is ${describe(given.asOf)}: give a Date, or milliseconds since 1970`);
    return this.#store(value, (slot) => this.#core.insertWith(key, slot, extras, asOf));
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
    return this.#store(value, (slot) => this.#core.insertWith(key, slot, {}));
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
   * waits after it for invalidations that it left pending, and reports what the
   * cache did. `fn`'s result and errors are passed on as they are.
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
    let ended = false;
    await this.#driver.catchUpForRead().catch(() => {});
    return async () => {
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

  #out(value: V): V {
    return this.#copy === undefined ? value : this.#copy(value);
  }

  #lifetime(ttl: Duration | undefined): number | undefined {
    return ttl === undefined ? undefined : milliseconds(this.#binding, "ttl", ttl);
  }

  #extras(key: string, value: V, { tags, weight }: StoreOptions, ttl: number | undefined): Extras {
    const extras: Extras = {};
    if (tags !== undefined) extras.tags = checkedNames(this.#binding, "tag", tags);
    const heavy = weight ?? this.#options.sizeOf?.(value, key);
    if (heavy !== undefined) extras.weight = checkedWeight(heavy, key);
    if (ttl !== undefined) extras.ttl = ttl;
    return extras;
  }
}

const OUTCOMES: readonly FillOutcome[] = ["stored", "fenced", "too_heavy"];

function checkedWeight(weight: unknown, key: string): number {
  if (typeof weight === "number" && weight >= 0 && weight < 2 ** 32) return weight;
  throw new SnowmeltError("INVALID_ARGUMENT", `the weight of ${key} is ${describe(weight)}: give a number from 0 to 4294967295`);
}
