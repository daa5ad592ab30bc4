/** Loads that go on when the reader who began them was answered. */

import type { WaitUntil } from "./options";

/** Loads in the background of one cache: who takes care that a freeze does not cut them off. */
export class Background {
  readonly #hook: WaitUntil | undefined;
  /** What each invocation under way waits for at its end. */
  readonly #invocations = new Set<Set<Promise<unknown>>>();

  constructor(hook: WaitUntil | undefined) {
    this.#hook = hook;
  }

  /**
   * Whether somebody takes care of a load: a hook, or else the invocation that
   * is under way, if it is the only one: of several nobody can tell whose the
   * reader is. `over` never rejects; an invocation waits for `enough` only.
   */
  takes(over: Promise<unknown>, enough: () => Promise<unknown>, hook = this.#hook): boolean {
    if (hook !== undefined) return this.hands(over, hook);
    const [invocation] = this.#invocations;
    if (invocation === undefined || this.#invocations.size > 1) return false;
    invocation.add(enough());
    return true;
  }

  /** Hands a load to the hook; whether there is one, and it took it. */
  hands(over: Promise<unknown>, hook = this.#hook): boolean {
    if (hook === undefined) return false;
    try {
      hook(over.then(() => {}));
      return true;
    } catch {
      return false;
    }
  }

  /** An invocation begins; what this gives ends it, when the loads that it left are over. */
  begin(): () => Promise<void> {
    const left = new Set<Promise<unknown>>();
    this.#invocations.add(left);
    return async () => {
      this.#invocations.delete(left);
      await Promise.all(left);
    };
  }
}
