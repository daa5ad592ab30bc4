/** Loads: one for each key, shared by all who wait for it. The shape of `native/src/load.rs`. */

import type { Begun, Core, Limits } from "./binding";
import { currentLoad, runAs } from "./context";
import { SnowmeltError } from "./errors";
import { sleep } from "./sleep";

/** How a load ended. */
export type Done<V> =
  /** `current`: nothing was invalidated while it was loaded, so that it is for everyone. */
  | { value: V; current: boolean }
  | { error: unknown }
  /** It was given up, or took longer than `loadTimeout`. */
  | "dropped";

/** A load, as one of those that may wait for each other. */
export interface Waiter {
  readonly key: string;
  /** Loads that this one's loader waits for. */
  readonly waitsFor: Set<Waiter>;
}

/** A load under way, and who waits for it. */
export class Flight<V> implements Waiter {
  readonly key: string;
  readonly begun: Begun;
  readonly landed: Promise<Done<V>>;
  readonly waitsFor = new Set<Waiter>();
  #land!: (done: Done<V>) => void;

  constructor(key: string, begun: Begun) {
    this.key = key;
    this.begun = begun;
    this.landed = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  /** Only the first counts. */
  land(done: Done<V>): void {
    this.#land(done);
  }
}

/** What a loader is told. */
export interface LoadContext {
  /** The key to load. */
  key: string;
  /** Aborted when `loadTimeout` is over: what is loaded then is not cached. */
  signal: AbortSignal;
}

/** The flights of one cache. */
export class Flights<V> {
  readonly #core: Core;
  readonly #limits: Limits;
  /** By the numbers of their leases. */
  readonly #live = new Map<number, Flight<V>>();

  constructor(core: Core) {
    this.#core = core;
    this.#limits = core.limits();
  }

  /** A load that is led from here. Nobody joins it when its time is up. */
  lead(key: string, begun: Begun): Lead<V> {
    const flight = new Flight<V>(key, begun);
    this.#live.set(begun.id, flight);
    return new Lead(flight, this.#limits.loadTimeout, () => this.#live.delete(begun.id));
  }

  /** What the load brought for a reader who came at `arrival`; undefined if they have to load themselves. */
  async join(begun: Begun, arrival: number, signal: AbortSignal | undefined): Promise<{ value: V } | undefined> {
    const flight = this.#live.get(begun.id);
    if (flight === undefined) return this.#forgotten();
    const done = await waitFor(flight, flight.landed, signal);
    if (done === "dropped") return undefined;
    if ("error" in done) throw done.error;
    // Contract line 9: a revoked load is only for those who were there when it began.
    return done.current || this.#core.accepts(arrival, begun.id) ? done : undefined;
  }

  /** Its time was up here, and in a moment will be in the core: who came in between waits for that. */
  async #forgotten(): Promise<undefined> {
    await sleep(1);
    return undefined;
  }
}

/** A load that is led from here, until it lands. */
export class Lead<V> {
  readonly flight: Flight<V>;
  readonly #began = performance.now();
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #gone: () => void;

  constructor(flight: Flight<V>, timeout: number, gone: () => void) {
    this.flight = flight;
    this.#gone = gone;
    this.#timer = setTimeout(() => this.#late(timeout), timeout + 1);
    // A load that nobody waits for keeps no process alive.
    unref(this.#timer);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds since it began. */
  get took(): number {
    return performance.now() - this.#began;
  }

  /** Runs what is part of the load, so that cycles are noticed. */
  run<R>(loader: () => R): R {
    return runAs(this.flight, loader);
  }

  land(done: Done<V>): void {
    clearTimeout(this.#timer);
    this.#gone();
    this.flight.land(done);
  }

  #late(timeout: number): void {
    this.land("dropped");
    this.#controller.abort(new DOMException(`the load of ${this.flight.key} took longer than loadTimeout (${timeout} ms)`, "TimeoutError"));
  }
}

/**
 * Waits for what a load brings. Whoever waits from within a loader is noted, so
 * that loads that wait for each other in a circle fail and do not hang.
 */
export async function waitFor<R>(flight: Waiter, result: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  const waiter = currentLoad();
  if (waiter === undefined) return abortable(result, signal);
  if (reaches(flight, waiter)) throw cycle(flight, waiter);
  waiter.waitsFor.add(flight);
  try {
    return await abortable(result, signal);
  } finally {
    waiter.waitsFor.delete(flight);
  }
}

function reaches(from: Waiter, to: Waiter): boolean {
  const seen = new Set<Waiter>();
  const open = [from];
  for (let flight = open.pop(); flight !== undefined; flight = open.pop()) {
    if (flight === to) return true;
    if (seen.has(flight)) continue;
    seen.add(flight);
    open.push(...flight.waitsFor);
  }
  return false;
}

function cycle(flight: Waiter, waiter: Waiter): SnowmeltError {
  const keys = flight === waiter ? `the loader of ${JSON.stringify(flight.key)} asks for its own key` : `the loaders of ${JSON.stringify(waiter.key)} and ${JSON.stringify(flight.key)} wait for each other`;
  return new SnowmeltError("LOAD_CYCLE", `${keys}: a loader can ask for other keys, as long as theirs do not ask for it; call what they share directly`);
}

/** The promise's result, or the signal's reason if that comes first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const done = () => signal.removeEventListener("abort", abort);
    promise.then(resolve, reject).finally(done);
  });
}

/** Lets the process end while the timer runs. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  (timer as { unref?: () => void }).unref?.();
}
