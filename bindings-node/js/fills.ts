/** What goes into the core: values, and what is said of them. */

import type { Binding, Core, Extras, FillOutcome, Limits } from "./binding";
import { SnowmeltError } from "./errors";
import { deepFreeze } from "./freeze";
import type { Done, Lead } from "./loads";
import { checkedNames } from "./names";
import { type CacheOptions, type Duration, type DurationOfCall, milliseconds, share } from "./options";
import { describe } from "./plain";
import type { Values } from "./values";

/** How a value is stored. */
export interface StoreOptions {
  /** Tags that `invalidate({ tags })` can name. At most 256. */
  tags?: readonly string[] | undefined;
  /** A lifetime of its own, in place of the cache's; at most 49 days. 0: for those who wait for it, and not stored. */
  ttl?: Duration | undefined;
  /** How heavy it is; otherwise `sizeOf` says. */
  weight?: number | undefined;
  /** In place of the cache's option of that name. */
  staleWhileRevalidate?: Duration | undefined;
  /** In place of the cache's option of that name. */
  staleIfError?: Duration | undefined;
  /** In place of the cache's option of that name; 0 for none. */
  refreshAhead?: number | undefined;
}

/** Something, or a function that knows it once the value is there. Where that gives undefined, it is as if it were left out. */
export type OfValue<V, T> = T | ((value: V, key: string) => T | undefined);

/** How a loaded value is stored. Each may be a function of the value. */
export type LoadedOptions<V> = { [Option in keyof StoreOptions]: OfValue<V, Exclude<StoreOptions[Option], undefined>> | undefined };

/** Options that are numbers in the core, each with its name there and how it is read. */
const NUMBERS = [
  ["ttl", "ttl", milliseconds],
  ["staleWhileRevalidate", "stale_while_revalidate", milliseconds],
  ["staleIfError", "stale_if_error", milliseconds],
  ["refreshAhead", "refresh_ahead", (_: Binding, __: DurationOfCall | "refreshAhead", value: unknown) => share(value)],
] as const satisfies readonly (readonly [keyof StoreOptions, keyof Extras, unknown])[];

type ReadNumber = (binding: Binding, option: string, value: unknown) => number;

/** The fills of one cache. */
export class Fills<V> {
  readonly #binding: Binding;
  readonly #core: Core;
  readonly #limits: Limits;
  readonly #values: Values<V>;
  readonly #options: CacheOptions<V>;
  readonly #closed: () => boolean;

  constructor(binding: Binding, core: Core, limits: Limits, values: Values<V>, options: CacheOptions<V>, closed: () => boolean) {
    this.#binding = binding;
    this.#core = core;
    this.#limits = limits;
    this.#values = values;
    this.#options = options;
    this.#closed = closed;
  }

  /** The numbers that no value has to be known for: so what is wrong is said before anything is loaded. */
  numbers(options: LoadedOptions<V>): Extras {
    const extras: Extras = {};
    for (const [option, name, read] of NUMBERS) {
      const given = options[option];
      if (given !== undefined && typeof given !== "function") extras[name] = (read as ReadNumber)(this.#binding, option, given);
    }
    return extras;
  }

  /** What is said of a value: `numbers`, and what its functions say. */
  extras(key: string, value: V, options: LoadedOptions<V>, numbers = this.numbers(options)): Extras {
    const extras: Extras = { ...numbers };
    for (const [option, name, read] of NUMBERS) {
      const given = options[option];
      const known = typeof given === "function" ? given(value, key) : undefined;
      if (known !== undefined) extras[name] = (read as ReadNumber)(this.#binding, option, known);
    }
    const tags = typeof options.tags === "function" ? options.tags(value, key) : options.tags;
    if (tags !== undefined) extras.tags = checkedNames(this.#binding, "tag", tags);
    const weight = typeof options.weight === "function" ? options.weight(value, key) : options.weight;
    const heavy = weight ?? this.#options.sizeOf?.(value, key);
    if (heavy !== undefined) extras.weight = checkedWeight(heavy, key);
    if (this.#options.negativeTtl !== undefined && this.#isAbsent(value)) extras.absent = true;
    return extras;
  }

  #isAbsent(value: V): boolean {
    const { absent } = this.#options;
    return absent === undefined ? value === undefined || value === null : absent(value);
  }

  /** Puts a value where the core can name it. */
  store(value: V, store: (slot: number) => FillOutcome): FillOutcome {
    const kept = this.#options.freeze === true ? deepFreeze(value) : value;
    const slot = this.#values.put(this.#values.out(kept));
    try {
      return store(slot);
    } finally {
      this.#values.collect(this.#core);
    }
  }

  /** Ends a load, and tells who waits. */
  fill(lead: Lead<V>, value: V, extras: Extras): FillOutcome {
    const { begun } = lead.flight;
    extras.took = lead.flight.took;
    // After the end nothing is stored, and nobody knows what is current.
    const outcome = this.#closed() ? "fenced" : this.store(value, (slot) => this.#core.fill(begun, slot, extras));
    // With more tags than an entry can bear they were not looked at.
    const current = outcome !== "fenced" && (extras.tags?.length ?? 0) <= this.#limits.maxTags;
    lead.land({ value, current });
    return outcome;
  }

  /** Ends a load that found that there is nothing: whatever was there before is gone. */
  fillMissing(lead: Lead<V>): Done<V> {
    const extras: Extras = { absent: true, took: lead.flight.took };
    if (this.#options.negativeTtl === undefined) extras.ttl = 0;
    const nothing = undefined as V;
    const outcome = this.#closed() ? "fenced" : this.store(nothing, (slot) => this.#core.fill(lead.flight.begun, slot, extras));
    const done: Done<V> = { value: nothing, current: outcome !== "fenced", missing: true };
    lead.land(done);
    return done;
  }

  /** Ends a load that failed, and tells who waits. */
  fail(lead: Lead<V>, error: unknown): Done<V> {
    if (!this.#closed()) this.#core.abandon(lead.flight.begun);
    lead.land({ error });
    return { error };
  }
}

function checkedWeight(weight: unknown, key: string): number {
  if (typeof weight === "number" && weight >= 0 && weight < 2 ** 32) return weight;
  throw new SnowmeltError("INVALID_ARGUMENT", `the weight of ${key} is ${describe(weight)}: give a number from 0 to 4294967295`);
}
