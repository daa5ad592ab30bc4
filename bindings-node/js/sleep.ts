/** Timers that somebody waits for. */

/** Nobody sleeps longer without a look at the clock: a frozen sandbox's timers do not fire in time. */
export const LONGEST_SLEEP = 60_000;

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(milliseconds, 0), LONGEST_SLEEP)));
}
