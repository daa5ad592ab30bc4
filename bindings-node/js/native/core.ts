/**
 * Gives what the addon has behind one function its own names. Every function
 * that JavaScript can call costs the addon one to two kilobytes. The numbers are
 * those of `src/addon/asked.rs`.
 */

import type { Binding, Core } from "../binding";

/** What `Core` of the addon has in the place of `KEYED`, `WHOLE` and `TOLD`. */
interface RawCore {
  ofKey(what: number, key: string): number;
  ofAll(what: number, first: number, second: number): number;
  told(what: number): unknown;
}

const KEYED = {
  getUnusual(key) {
    return this.ofKey(0, key);
  },
  getAfterCatchUp(key) {
    return this.ofKey(1, key);
  },
  peek(key) {
    return this.ofKey(2, key);
  },
  keeps(key) {
    return this.ofKey(3, key) === 1;
  },
  noteStale(key) {
    this.ofKey(4, key);
  },
  delete(key) {
    return this.ofKey(5, key) === 1;
  },
  reached(token) {
    return this.ofKey(6, token) === 1;
  },
} satisfies Partial<Core> & ThisType<RawCore>;

const WHOLE = {
  now() {
    return this.ofAll(0, 0, 0);
  },
  setClock(monotonic, wall) {
    this.ofAll(1, monotonic, wall);
  },
  nextTimeout() {
    const time = this.ofAll(2, 0, 0);
    return Number.isNaN(time) ? null : time;
  },
  handleTimeout() {
    this.ofAll(3, 0, 0);
  },
  clear() {
    this.ofAll(4, 0, 0);
  },
  restored() {
    this.ofAll(5, 0, 0);
  },
  validate() {
    this.ofAll(6, 0, 0);
  },
  close() {
    this.ofAll(7, 0, 0);
  },
} satisfies Partial<Core> & ThisType<RawCore>;

const TOLD = {
  keys() {
    return this.told(0) as ReturnType<Core["keys"]>;
  },
  size() {
    return this.told(1) as ReturnType<Core["size"]>;
  },
  stats() {
    return this.told(2) as ReturnType<Core["stats"]>;
  },
  limits() {
    return this.told(3) as ReturnType<Core["limits"]>;
  },
  events() {
    return this.told(4) as ReturnType<Core["events"]>;
  },
  pollCall() {
    return this.told(5) as ReturnType<Core["pollCall"]>;
  },
} satisfies Partial<Core> & ThisType<RawCore>;

const CODECS = ["parseStream", "checkConfig", "checkName", "printDataId", "parseDataId", "decode", "encode", "parseToken", "laneHashKey"] as const;

/** What the addon exports. */
export type Addon = Omit<Binding, "build" | (typeof CODECS)[number]> & {
  readonly Core: { readonly prototype: RawCore };
  codec(what: number, given: unknown[]): any;
};

/** The addon with all names that `Binding` has. */
export function named(addon: Addon): Omit<Binding, "build"> {
  Object.assign(addon.Core.prototype, KEYED, WHOLE, TOLD);
  const codecs = CODECS.map((name, what) => [name, (...given: unknown[]) => addon.codec(what, given)]);
  return { ...addon, ...(Object.fromEntries(codecs) as Pick<Binding, (typeof CODECS)[number]>) };
}
