/** Many keys at once: one load for all that nobody else is loading. */

import { type Begun, DUE, OLD } from "./binding";
import { runAs } from "./context";
import { closed } from "./driver";
import { SnowmeltError } from "./errors";
import type { Call, Fetched, Fetches, Parts } from "./fetch";
import { abortable, type Done, type Lead, type Waiter } from "./loads";
import { describe } from "./plain";

/** What a batch loader is told. */
export interface BatchContext {
  /** The keys to load. */
  keys: string[];
  /** Aborted when `loadTimeout` is over: what is loaded then is not cached. */
  signal: AbortSignal;
}

/** Loads many keys: gives a `Map`, or other pairs of key and value. A key that is missing in it is not there. */
export type BatchLoader<V> = (context: BatchContext) => Iterable<readonly [string, V]> | PromiseLike<Iterable<readonly [string, V]>>;

/** A key that was not found, or is to be refreshed. */
interface Open {
  key: string;
  ahead: boolean;
}

interface Leading<V> {
  lead: Lead<V>;
  old: Fetched<V> | undefined;
}

/** One reading of many keys. */
export class Many<V> {
  readonly #parts: Parts<V>;
  readonly #fetches: Fetches<V>;
  readonly #loader: BatchLoader<V>;
  readonly #call: Call<V>;
  readonly #found = new Map<string, V>();

  constructor(parts: Parts<V>, fetches: Fetches<V>, loader: BatchLoader<V>, call: Call<V>) {
    this.#parts = parts;
    this.#fetches = fetches;
    this.#loader = loader;
    this.#call = call;
  }

  /** The values of the keys that are there, in the keys' order. `look` reads one: a slot, or another code of `binding.ts`. */
  async read(keys: readonly string[], look: (key: string) => number): Promise<Map<string, V>> {
    const arrival = this.#parts.core.arrive();
    let open: Open[] = [];
    const due = keys.filter((key) => this.#look(key, look(key), open));
    if (due.length > 0) {
      await abortable(this.#parts.catchUp(), this.#call.signal);
      if (this.#parts.closed()) throw closed();
      for (const key of due) this.#look(key, this.#parts.core.getAfterCatchUp(key), open);
    }
    while (open.length > 0) open = await this.#round(open, arrival);
    const found = keys.filter((key) => this.#found.has(key));
    return new Map(found.map((key) => [key, this.#found.get(key) as V]));
  }

  /** Takes what a read found; whether a catch-up is due first. */
  #look(key: string, code: number, open: Open[]): boolean {
    if (code === DUE) return true;
    if (code >= 0) this.#take(key, this.#parts.values.at(code));
    else open.push({ key, ahead: code <= OLD });
    return false;
  }

  /** Loads what nobody loads, and waits for the rest; gives the keys for which that was nothing. */
  async #round(open: readonly Open[], arrival: number): Promise<Open[]> {
    if (this.#parts.closed()) throw closed();
    const leading: Leading<V>[] = [];
    const joined: [Open, Begun][] = [];
    for (const one of open) this.#next(one, leading, joined);
    this.#parts.values.collect(this.#parts.core);
    const again: Open[] = [];
    const joins = joined.map(async ([one, begun]) => {
      const fetched = await this.#fetches.join(begun, arrival, this.#call, true);
      if (fetched === undefined) again.push(one);
      else this.#take(one.key, fetched.value);
    });
    await Promise.all([...this.#lead(leading), ...joins]);
    return again;
  }

  #next({ key, ahead }: Open, leading: Leading<V>[], joined: [Open, Begun][]): void {
    const next = this.#parts.core.next(key, ahead);
    if (typeof next === "number") this.#take(key, this.#fetches.served(next).value);
    else if (next.leads) leading.push({ lead: this.#parts.flights.lead(key, next), old: this.#fetches.old(next) });
    else joined.push([{ key, ahead }, next]);
  }

  /** Begins the load, before anybody waits: so two readings with the same keys do not wait for each other. */
  #lead(leading: readonly Leading<V>[]): Promise<void>[] {
    if (leading.length === 0) return [];
    const flights = leading.map(({ lead }) => lead.flight);
    const old = leading.flatMap((one) => one.old ?? []);
    // Who has to wait for one of them may as well have all of them new.
    const goesOn = old.length === leading.length && this.#fetches.goOn(flights, old, this.#call);
    const batch = this.#run(leading.map(({ lead }) => lead));
    if (goesOn) {
      leading.forEach(({ lead }, at) => this.#take(lead.flight.key, (old[at] as Fetched<V>).value));
      return [];
    }
    return flights.map(async (flight, at) => {
      const own = batch.then((done) => done[at] as Done<V>);
      this.#take(flight.key, (await this.#fetches.led(flight, own, this.#call)).value);
    });
  }

  /** Runs the loader, stores what it brings, and tells who waits. Never rejects. */
  async #run(leads: readonly Lead<V>[]): Promise<Done<V>[]> {
    const [first] = leads as readonly [Lead<V>];
    const batch: Waiter = { key: first.flight.key, waitsFor: new Set() };
    // So that circles are noticed: each key's load is this one.
    for (const { flight } of leads) flight.waitsFor.add(batch);
    try {
      const keys = leads.map(({ flight }) => flight.key);
      const loaded = pairs<V>(await runAs(batch, () => this.#loader({ keys, signal: first.signal })));
      return leads.map((lead) => this.#end(lead, loaded));
    } catch (error) {
      return leads.map((lead) => this.#parts.fills.fail(lead, error));
    }
  }

  #end(lead: Lead<V>, loaded: ReadonlyMap<string, V>): Done<V> {
    const { key } = lead.flight;
    try {
      return loaded.has(key) ? this.#fetches.fill(lead, loaded.get(key) as V, this.#call) : this.#parts.fills.fillMissing(lead);
    } catch (error) {
      return this.#parts.fills.fail(lead, error);
    }
  }

  /** A key without a value is not there. */
  #take(key: string, value: V): void {
    if (value !== undefined) this.#found.set(key, value);
  }
}

function pairs<V>(loaded: unknown): ReadonlyMap<string, V> {
  if (typeof loaded !== "object" || loaded === null || !(Symbol.iterator in loaded)) {
    throw new SnowmeltError("INVALID_ARGUMENT", `the loader of many keys gave ${describe(loaded)}: give a Map of keys and values, or an array of [key, value]`);
  }
  return loaded instanceof Map ? loaded : new Map(loaded as Iterable<readonly [string, V]>);
}
