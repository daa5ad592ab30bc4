/** Loads: one for each key, shared by all who wait for it. The shape of `native/src/load.rs`. */

import type { Begun, Core, Limits } from "./binding";
import { currentLoad, runAs } from "./context";
import { SnowmeltError } from "./errors";
import { sleep } from "./sleep";

/** How a load ended. */
export type Done<V> =
  | Landed<V>
  | { error: unknown }
  /** It was given up. */
  | "dropped"
  /** It took longer than `loadTimeout`. */
  | "late";

/** What a load brought. */
export interface Landed<V> {
  value: V;
  /** Nothing was invalidated while it was loaded, so that it is for everyone. */
  current: boolean;
  /** A batch did not have the key: that is for batches only. */
  missing?: true;
}

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
  readonly #began = performance.now();
  readonly #slow = new Map<number, Promise<"slow">>();
  #land!: (done: Done<V>) => void;

  constructor(key: string, begun: Begun) {
    this.key = key;
    this.begun = begun;
    this.landed = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  /** Milliseconds since it began. */
  get took(): number {
    return performance.now() - this.#began;
  }

  /** Only the first counts. */
  land(done: Done<V>): void {
    this.#land(done);
  }

  /** How it ended; or that it has taken so many milliseconds, if that comes first. */
  landedWithin(millis: number | undefined): Promise<Done<V> | "slow"> {
    return millis === undefined ? this.landed : Promise.race([this.landed, this.#after(millis)]);
  }

  /** One timer for all who wait as long. */
  #after(millis: number): Promise<"slow"> {
    let slow = this.#slow.get(millis);
    if (slow === undefined) {
      slow = new Promise((resolve) => {
        const timer = setTimeout(() => resolve("slow"), Math.max(millis - this.took, 1));
        void this.landed.then(() => clearTimeout(timer));
      });
      this.#slow.set(millis, slow);
    }
    return slow;
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

  /** The load that was joined; undefined if its time was up here, and in a moment will be in the core: then `pause`. */
  joined({ id }: Begun): Flight<V> | undefined {
    return this.#live.get(id);
  }

  /** Who came in between waits for that. */
  async pause(): Promise<undefined> {
    await sleep(1);
    return undefined;
  }

  /** What a load brought, if it is for a reader who came at `arrival`. */
  accepted(done: Done<V>, begun: Begun, arrival: number): Landed<V> | undefined {
    if (typeof done === "string" || "error" in done) return undefined;
    // Contract line 9: a revoked load is only for those who were there when it began.
    return done.current || this.#core.accepts(arrival, begun.id) ? done : undefined;
  }

  /** What the load brought for a reader who came at `arrival`; undefined if they have to load themselves. */
  async join(begun: Begun, arrival: number, signal: AbortSignal | undefined): Promise<Landed<V> | undefined> {
    const flight = this.joined(begun);
    if (flight === undefined) return this.pause();
    const done = await waitFor(flight, flight.landed, signal);
    if (typeof done !== "string" && "error" in done) throw done.error;
    const landed = this.accepted(done, begun, arrival);
    return landed?.missing ? undefined : landed;
  }
}

/** A load that is led from here, until it lands. */
export class Lead<V> {
  readonly flight: Flight<V>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #gone: () => void;
  #controller: AbortController | undefined;

  constructor(flight: Flight<V>, timeout: number, gone: () => void) {
    this.flight = flight;
    this.#gone = gone;
    this.#timer = setTimeout(() => this.#late(timeout), timeout + 1);
    // A load that nobody waits for keeps no process alive.
    unref(this.#timer);
  }

  /** Made when it is asked for: most of a batch's are not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
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
    this.land("late");
    void this.signal;
    this.#controller?.abort(tooSlow(this.flight.key, "loadTimeout", timeout));
  }
}

/** The error of a load that takes long. */
export function tooSlow(key: string, option: "loadTimeout" | "softLoadTimeout", millis: number): DOMException {
  return new DOMException(`the load of ${key} took longer than ${option} (${millis} ms)`, "TimeoutError");
}

/**
 * Waits for what a load brings. Whoever waits from within a loader is noted, so
 * that loads that wait for each other in a circle fail and do not hang.
 */
export async function waitFor<R>(flight: Waiter, result: Promise<R>, signal: Signal | undefined): Promise<R> {
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

/** What is asked of an `AbortSignal`. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", abort: () => void, options?: { once: true }): void;
  removeEventListener(type: "abort", abort: () => void): void;
}

/** One signal for many who wait: Node warns of more than ten listeners. */
export class SharedSignal implements Signal {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();
  readonly #abort = () => {
    for (const abort of this.#waiting) abort();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  get reason(): unknown {
    return this.#signal.reason;
  }

  addEventListener(_: "abort", abort: () => void): void {
    this.#waiting.add(abort);
  }

  removeEventListener(_: "abort", abort: () => void): void {
    this.#waiting.delete(abort);
  }

  /** Leaves the signal alone. */
  end(): void {
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

/** The promise's result, or the signal's reason if that comes first. */
export function abortable<T>(promise: Promise<T>, signal: Signal | undefined): Promise<T> {
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
