/** Loads in one's own way: `begin`, then `fill`. */

import type { Lead } from "./loads";

/** The right to load one key, and to store what was loaded. To be ended by `cache.fill` or `abandon`. */
export class Lease<V> {
  /** Told apart from `Joined` by this. */
  readonly leads = true;
  readonly #lead: Lead<V>;
  readonly #abandon: () => void;
  #ended = false;

  constructor(lead: Lead<V>, abandon: () => void) {
    this.#lead = lead;
    this.#abandon = abandon;
  }

  /** The key to load. */
  get key(): string {
    return this.#lead.flight.key;
  }

  /** Aborted when `loadTimeout` is over. */
  get signal(): AbortSignal {
    return this.#lead.signal;
  }

  /** Gives it up: the key can be loaded again at once, and who waited loads it in its own way. */
  abandon(): void {
    this.end((lead) => {
      this.#abandon();
      lead.land("dropped");
    });
  }

  /** Abandons it, unless it was filled. */
  [Symbol.dispose](): void {
    this.abandon();
  }

  /** @internal Ends it, once. */
  end<R>(how: (lead: Lead<V>) => R): R | undefined {
    if (this.#ended) return undefined;
    this.#ended = true;
    try {
      return how(this.#lead);
    } catch (error) {
      this.#abandon();
      this.#lead.land("dropped");
      throw error;
    }
  }
}

/** A load that somebody else leads. */
export class Joined<V> {
  readonly leads = false;
  readonly #wait: (signal: AbortSignal | undefined) => Promise<{ value: V } | undefined>;

  constructor(wait: (signal: AbortSignal | undefined) => Promise<{ value: V } | undefined>) {
    this.#wait = wait;
  }

  /**
   * What that load brings; undefined if it is nothing for this waiter: it was
   * given up, took too long, or was revoked and had begun before this waiter
   * came. Then `begin` again. Rejects if the load failed.
   */
  wait(signal?: AbortSignal): Promise<{ value: V } | undefined> {
    return this.#wait(signal);
  }
}
