/**
 * The drain loop: the only place where the core's wishes become calls. It has
 * the shape of `native/src/driver.rs`.
 *
 * Whoever changes something in the core calls `drive`. No timer is trusted,
 * because a frozen sandbox's timers do not fire: whoever waits compares the
 * clock with the core's deadline each time it wakes. Timers that somebody waits
 * for keep the event loop alive; nothing else does.
 */

import type { CatchUpOutcome, Core, CoreEvent, Limits, Write } from "./binding";
import { camelCase, type ErrorCode, SnowmeltError, translate } from "./errors";
import type { Apply, Link } from "./link";
import { LONGEST_SLEEP, sleep } from "./sleep";

/** `changed` is told after every change, with what happened. */
export class Driver {
  readonly #core: Core;
  readonly #link: Link | undefined;
  readonly #limits: Limits;
  readonly #changed: (events: CoreEvent[]) => void;
  /** Wakes those who wait for a catch-up. */
  readonly #sleepers = new Set<() => void>();
  readonly #writes = new Set<Promise<unknown>>();
  /** When the stream last answered; 0 if it never did. */
  #answered = 0;
  #closed = false;

  constructor(core: Core, link: Link | undefined, changed: (events: CoreEvent[]) => void) {
    this.#core = core;
    this.#link = link;
    this.#limits = core.limits();
    this.#changed = changed;
  }

  /** Begins a catch-up if one is due, and does not wait for it. */
  startCatchUp(): void {
    this.#arrive();
    this.#core.catchUp("read");
    this.drive();
  }

  /** Catches up if that is due, for at most the budget. */
  async catchUpForRead(): Promise<void> {
    const deadline = this.#arrive() + this.#limits.catchUpBudget;
    while (!this.#closed) {
      const step = this.#core.catchUp("read");
      this.drive();
      if (!("id" in step)) return;
      const outcome = await this.#outcome(step.id, deadline);
      // One that began before this reader came: then ask again.
      if (step.state === "running" || outcome === undefined) return;
    }
  }

  /** Catches up with everything that can be read now, due or not. */
  async catchUp(deadline = Number.POSITIVE_INFINITY): Promise<void> {
    const arrival = this.#arrive();
    for (;;) {
      const step = this.#core.catchUp(arrival);
      this.drive();
      if (!("id" in step)) return;
      const outcome = await this.#outcome(step.id, deadline);
      if (step.state === "running" || outcome === undefined) return ended(outcome);
    }
  }

  /** Catches up until what a token names was applied. */
  async catchUpTo(token: string, within: number): Promise<void> {
    this.#core.reached(token);
    const deadline = this.#core.now() + within;
    let last: unknown;
    for (;;) {
      try {
        await this.catchUp(deadline);
        last = undefined;
        if (this.#core.reached(token)) return;
      } catch (error) {
        const cut = error instanceof SnowmeltError && error.code === "CATCH_UP_OUT_OF_BUDGET";
        if (!cut || this.#core.now() < deadline) last = error;
        if (this.#closed) throw error;
      }
      const left = deadline - this.#core.now();
      if (left <= 0) throw tooLate(within, last);
      await sleep(Math.min(this.#limits.tokenPause, left));
    }
  }

  /** Brings an invalidation to the stream; gives the position token. */
  write(write: Write): Promise<string> {
    const written = this.#writeOut(write);
    this.#writes.add(written);
    const done = () => this.#writes.delete(written);
    written.then(done, done);
    return written;
  }

  async #writeOut(write: Write): Promise<string> {
    // Whoever does not wait for it still wants it written.
    const rest = stayAlive();
    try {
      for (const link = this.#link; link !== undefined; ) {
        this.#dropOldConnections(this.#core.now());
        const step = link.put(this.#core, write);
        if (step === "done") break;
        if ("wait" in step) await sleep(step.wait - this.#core.now());
        else this.#apply(await step);
      }
      return this.#core.finishWrite(write);
    } catch (error) {
      throw translate(error);
    } finally {
      rest();
    }
  }

  /** Resolves when every write under way is over, well or not. */
  async settled(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
  }

  /** Whether writes are under way. */
  get writing(): boolean {
    return this.#writes.size > 0;
  }

  async warm(): Promise<void> {
    // A module that waits for it at its top level has nothing else to do.
    const rest = stayAlive();
    try {
      await this.#link?.warm();
    } finally {
      rest();
    }
    if (!this.#closed) this.#answered = this.#core.now();
  }

  /** Wakes everybody, to look anew. */
  wake(): void {
    for (const wake of this.#sleepers) wake();
  }

  /** From now on nothing is sent. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  /** Sends what the core wants sent, tells what happened, wakes who waits. */
  drive(): void {
    if (this.#closed) return;
    const link = this.#link;
    for (let call = link?.next(this.#core); call !== undefined; call = link?.next(this.#core)) void this.#take(call);
    const events = this.#core.events();
    this.#changed(events);
    // Whatever ends a catch-up is an event; nobody is woken for less.
    if (events.length > 0) this.wake();
  }

  async #take(call: Promise<Apply>): Promise<void> {
    const apply = await call;
    if (this.#closed) return;
    this.#apply(apply);
    this.drive();
  }

  #apply(apply: Apply): void {
    if (apply(this.#core)) this.#answered = this.#core.now();
  }

  /** How a catch-up ended; undefined if `deadline` came first. */
  async #outcome(id: number, deadline: number): Promise<CatchUpOutcome | undefined> {
    while (!this.#closed) {
      const outcome = this.#core.outcome(id);
      if (outcome !== null) return outcome;
      const now = this.#core.now();
      if (now >= deadline) return undefined;
      const wake = Math.min(this.#core.nextTimeout() ?? deadline, deadline);
      await this.#sleep(wake - now);
      if (!this.#closed) this.#giveUpLateCalls();
    }
    throw closed();
  }

  /** Waits for a change, at most so long. */
  #sleep(most: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(Math.max(most, 1), LONGEST_SLEEP));
      this.#sleepers.add(wake);
    });
  }

  /** The time at which somebody comes to ask the stream. */
  #arrive(): number {
    const now = this.#core.now();
    this.#giveUpLateCalls();
    this.#dropOldConnections(now);
    return now;
  }

  #giveUpLateCalls(): void {
    const next = this.#core.nextTimeout();
    if (next === null || next > this.#core.now()) return;
    this.#core.handleTimeout();
    this.drive();
  }

  #dropOldConnections(now: number): void {
    if (this.#answered === 0 || now - this.#answered < this.#limits.connectionsLast) return;
    this.#link?.forget();
    this.#answered = now;
  }
}

export function closed(): SnowmeltError {
  return new SnowmeltError("CLOSED", "the cache was closed: make a new one");
}

/** Keeps the event loop alive until what it gives is called. */
function stayAlive(): () => void {
  const timer = setTimeout(() => {}, 2 ** 31 - 1);
  return () => clearTimeout(timer);
}

function ended(outcome: CatchUpOutcome | undefined): void {
  if (outcome?.outcome === "succeeded") return;
  const { code, message, kind } = outcome ?? {
    code: "CATCH_UP_OUT_OF_BUDGET",
    kind: undefined,
    message: "the time for it was up before the catch-up ended; what was read by then counts",
  };
  throw new SnowmeltError(code as ErrorCode, camelCase(message ?? ""), kind === undefined ? {} : { kind });
}

function tooLate(within: number, last: unknown): SnowmeltError {
  const why = last instanceof Error ? last.message : "it cannot be read from the stream yet; allow more time";
  return new SnowmeltError("CATCH_UP_DEADLINE", `the write that the token names was not reached within ${within} ms: ${why}`, { cause: last });
}
