/** Readers who can load: what they do, and what they are given. */

import { type Begun, type Binding, type Core, type Extras, type Limits, MISS, OLD, RESCUED } from "./binding";
import type { Background } from "./background";
import { closed } from "./driver";
import type { Fills, LoadedOptions } from "./fills";
import { abortable, type Done, type Flight, type Flights, type Landed, type Lead, type LoadContext, type Signal, tooSlow, waitFor } from "./loads";
import { checkWaitUntil, type Duration, milliseconds, type WaitUntil } from "./options";
import type { Values } from "./values";

/** Where a value comes from. */
export type How =
  /** It was there, and fresh. */
  | "hit"
  /** This reader loaded it. */
  | "loaded"
  /** It waited for a load that another reader had begun. */
  | "coalesced"
  /** It is past its lifetime, within `staleWhileRevalidate`. */
  | "stale"
  /** The load failed or took long, and this is the old value, within `staleIfError`. */
  | "stale_on_error";

/** A value, and where it comes from. */
export interface Fetched<V> {
  value: V;
  how: How;
  /** What the load failed with, where an old value was given in its place; a `TimeoutError` if it took too long. */
  error?: unknown;
}

/** How a value is loaded and stored. What is said of the value may be a function of it. */
export interface LoadOptions<V> extends LoadedOptions<V> {
  /** Who is aborted stops waiting; the load and the others go on. */
  signal?: AbortSignal | undefined;
  /** In place of the cache's option of that name, for this reader. */
  softLoadTimeout?: Duration | undefined;
  /** In place of the cache's option of that name, for this reader. */
  waitUntil?: WaitUntil | undefined;
  /** @internal Whether an old value may stand in for a load that failed with this. Default: always. */
  rescues?: ((error: unknown) => boolean) | undefined;
}

export type Loader<V> = (context: LoadContext) => V | PromiseLike<V>;

/** A reader's options, checked. */
export interface Call<V> {
  options: Omit<LoadOptions<V>, "signal">;
  /** Who is aborted stops waiting. */
  signal: Signal | undefined;
  numbers: Extras;
  /** The soft timeout in milliseconds, if it comes before the hard one. */
  soft: number | undefined;
}

/** What readers need of their cache. */
export interface Parts<V> {
  binding: Binding;
  core: Core;
  limits: Limits;
  values: Values<V>;
  flights: Flights<V>;
  fills: Fills<V>;
  background: Background;
  /** Catches up if that is due. */
  catchUp: () => Promise<void>;
  closed: () => boolean;
}

/** The readers of one cache. */
export class Fetches<V> {
  readonly #parts: Parts<V>;
  readonly #limits: Limits;

  constructor(parts: Parts<V>) {
    this.#parts = parts;
    this.#limits = parts.limits;
  }

  /** Checks a reader's options. */
  call(options: LoadOptions<V> = {}): Call<V> {
    const { softLoadTimeout, waitUntil, signal } = options;
    checkWaitUntil(waitUntil);
    const soft = softLoadTimeout === undefined ? this.#limits.softLoadTimeout : milliseconds(this.#parts.binding, "softLoadTimeout", softLoadTimeout);
    return { options, signal, numbers: this.#parts.fills.numbers(options), soft: soft !== null && soft < this.#limits.loadTimeout ? soft : undefined };
  }

  /** What a reader does who found nothing, or (`ahead`) something to be refreshed. */
  async fetch(key: string, ahead: boolean, arrival: number, loader: Loader<V>, call: Call<V>): Promise<Fetched<V>> {
    const { core, values } = this.#parts;
    for (;;) {
      if (this.#parts.closed()) throw closed();
      const next = core.next(key, ahead);
      const ready = typeof next === "number" ? this.served(next) : undefined;
      const old = typeof next === "number" ? undefined : this.old(next);
      values.collect(core);
      if (typeof next === "number") return ready as Fetched<V>;
      const fetched = next.leads ? await this.#lead(this.#parts.flights.lead(key, next), old, loader, call) : await this.join(next, arrival, call);
      if (fetched !== undefined) return fetched;
    }
  }

  /** What the code of a slot says. To be asked at once: a slot is another value's after the next turn. */
  served(code: number): Fetched<V> {
    return { value: this.#parts.values.at(code), how: code <= OLD ? "stale" : "hit" };
  }

  /** What may be served while a load goes on. */
  old({ old }: Begun): Fetched<V> | undefined {
    return old === MISS ? undefined : this.served(old);
  }

  async #lead(lead: Lead<V>, old: Fetched<V> | undefined, loader: Loader<V>, call: Call<V>): Promise<Fetched<V>> {
    const { flight } = lead;
    const goesOn = old !== undefined && this.goOn([flight], [old], call);
    const own = this.#run(lead, loader, call);
    return goesOn ? old : this.led(flight, own, call);
  }

  /** Whether loads go on although their reader is given old values at once. */
  goOn(flights: readonly Flight<V>[], old: readonly Fetched<V>[], { options, soft }: Call<V>): boolean {
    const { background, core, closed } = this.#parts;
    const over = Promise.all(flights.map(({ landed }) => landed));
    const enough = () => Promise.all(flights.map((flight) => flight.landedWithin(soft)));
    if (!background.takes(over, enough, options.waitUntil)) return false;
    for (const [at, { how }] of old.entries()) {
      if (how === "stale" && !closed()) core.noteStale((flights[at] as Flight<V>).key);
    }
    return true;
  }

  /** Runs the loader, stores what it brings, and tells who waits. Never rejects. */
  async #run(lead: Lead<V>, loader: Loader<V>, call: Call<V>): Promise<Done<V>> {
    const { key } = lead.flight;
    try {
      const value = await lead.run(() => loader({ key, signal: lead.signal }));
      return this.fill(lead, value, call);
    } catch (error) {
      return this.#parts.fills.fail(lead, error);
    }
  }

  /** Stores what a load brought, and tells who waits. */
  fill(lead: Lead<V>, value: V, { options, numbers }: Call<V>): Done<V> {
    const { fills } = this.#parts;
    fills.fill(lead, value, fills.extras(lead.flight.key, value, options, numbers));
    return { value, current: true };
  }

  /** What a reader is given who leads a load: its `own` outcome, however late, unless an old value is given in its place. */
  async led(flight: Flight<V>, own: Promise<Done<V>>, call: Call<V>): Promise<Fetched<V>> {
    const outcome = await this.#outcome(flight, call, own);
    if (typeof outcome === "object" && "how" in outcome) return outcome;
    return { value: this.#parts.values.out((outcome as Landed<V>).value), how: "loaded" };
  }

  /** What a reader is given who waits for another's load; undefined if it has to load itself. `missing`: whether that a batch does not have the key is for it. */
  async join(begun: Begun, arrival: number, call: Call<V>, missing = false): Promise<Fetched<V> | undefined> {
    const { flights, values } = this.#parts;
    const flight = flights.joined(begun);
    if (flight === undefined) return flights.pause();
    const outcome = await this.#outcome(flight, call);
    if (typeof outcome === "object" && "how" in outcome) return outcome;
    const landed = flights.accepted(outcome, begun, arrival);
    if (landed === undefined || (landed.missing && !missing)) return undefined;
    return { value: values.out(landed.value), how: "coalesced" };
  }

  /** How a load ended, or an old value if it failed or takes long. */
  async #outcome(flight: Flight<V>, call: Call<V>, own?: Promise<Done<V>>): Promise<Fetched<V> | Exclude<Done<V>, { error: unknown }>> {
    const { signal } = call;
    let done = await waitFor(flight, flight.landedWithin(call.soft), signal);
    if (done === "slow") {
      const rescued = await this.#rescue(flight.key, tooSlow(flight.key, "softLoadTimeout", call.soft as number), call);
      if (rescued !== undefined && own !== undefined) this.#parts.background.hands(flight.landed, call.options.waitUntil);
      if (rescued !== undefined) return rescued;
      done = await waitFor(flight, flight.landed, signal);
    }
    if (done === "late") {
      const rescued = await this.#rescue(flight.key, tooSlow(flight.key, "loadTimeout", this.#limits.loadTimeout), call);
      if (rescued !== undefined) return rescued;
      if (own !== undefined) done = await waitFor(flight, own, signal);
    }
    if (typeof done === "string" || !("error" in done)) return done;
    const rescued = await this.#rescue(flight.key, done.error, call);
    if (rescued !== undefined) return rescued;
    throw done.error;
  }

  /** What may be served in place of a load that failed or takes long. Who reads it catches up first, if that is due. */
  async #rescue(key: string, error: unknown, { options, signal }: Call<V>): Promise<Fetched<V> | undefined> {
    const { core, values, catchUp, closed } = this.#parts;
    if (closed() || options.rescues?.(error) === false || !core.keeps(key)) return undefined;
    await abortable(catchUp().catch(() => {}), signal);
    if (closed()) return undefined;
    const [slot, kind] = Array.from(core.rescue(key));
    return slot === undefined ? undefined : { value: values.at(slot), how: RESCUED[kind as number] as How, error };
  }
}
