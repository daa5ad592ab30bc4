/** What happens on the stream, as users are told of it. */

import type { CoreEvent } from "./binding";
import { camelCase } from "./errors";

/** Something that happened. New kinds may be added. */
export type CacheEvent =
  /** Continuity with the stream could not be proven, and everything was dropped. */
  | { type: "gap"; reason: string }
  /**
   * A record could not be decoded, and was skipped; or it lacks what a template of `source` names, and the others were applied.
   * Foreign records are told once, and each thing that is lacking once; `stats().undecodable` counts all.
   */
  | { type: "undecodable"; sequenceNumber: string; why: string }
  /** A record that could not be read emptied the cache. */
  | { type: "flushed"; sequenceNumber: string }
  /** A catch-up ended. */
  | { type: "catchUpEnded"; outcome: "succeeded" | "throttled" | "out_of_budget" | "failed"; message?: string }
  /** An invalidation did not reach the stream: other caches were not told. Whoever awaits `invalidate` gets the same error. */
  | { type: "writeFailed"; message: string };

/** Passes events on; without a listener it prints problems, a lasting one once. */
export class Events {
  readonly #listener: ((event: CacheEvent) => void) | undefined;
  #failing = false;

  constructor(listener: ((event: CacheEvent) => void) | undefined) {
    this.#listener = listener;
  }

  fromCore(event: CoreEvent): void {
    if (event.type !== "catch_up_ended") return this.tell(event);
    const { outcome, message } = event;
    this.tell({ type: "catchUpEnded", outcome, ...(message === undefined ? {} : { message: camelCase(message) }) });
  }

  tell(event: CacheEvent): void {
    if (this.#listener === undefined) return this.#print(event);
    try {
      this.#listener(event);
    } catch {
      // What a listener throws concerns nobody who reads the cache.
    }
  }

  #print(event: CacheEvent): void {
    switch (event.type) {
      case "gap":
        return warn(`continuity with the stream could not be proven (${event.reason}): the cache was emptied`);
      case "undecodable":
        return warn(`skipped a record that cannot be read wholly (${event.sequenceNumber}): ${event.why}; stats() counts further ones`);
      case "flushed":
        return warn(`record ${event.sequenceNumber} cannot be read, and emptied the cache`);
      case "writeFailed":
        return warn(event.message);
      case "catchUpEnded":
        if (event.outcome === "failed" && !this.#failing) warn(`catching up failed; told again once it worked in between: ${event.message}`);
        if (event.outcome === "failed" || event.outcome === "succeeded") this.#failing = event.outcome === "failed";
    }
  }
}

function warn(message: string): void {
  console.warn(`snowmelt: ${message}`);
}
