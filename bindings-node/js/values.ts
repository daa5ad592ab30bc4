/** Where the values are: the core knows the numbers of these slots. */

import { type Core, OLD } from "./binding";

export class Values<V> {
  /** Read directly on the hit path. */
  readonly slots: (V | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #copy: ((value: V) => V) | undefined;

  /** `copy` makes what each reader is given. */
  constructor(copy: ((value: V) => V) | undefined) {
    this.#copy = copy;
  }

  /** What a reader is given for a slot, or for the code of one. */
  at(code: number): V {
    return this.out(this.slots[code <= OLD ? OLD - code : code] as V);
  }

  /** What a reader is given for a value. There is nothing to copy in none. */
  out(value: V): V {
    return this.#copy === undefined || value === undefined ? value : this.#copy(value);
  }

  /** Puts a value into a slot of its own. */
  put(value: V): number {
    const slot = this.#free.pop();
    if (slot === undefined) return this.slots.push(value) - 1;
    this.slots[slot] = value;
    return slot;
  }

  /** Lets the value of a slot go. */
  free(slot: number): void {
    this.slots[slot] = undefined;
    this.#free.push(slot);
  }

  /** Lets go what the core has dropped. */
  collect(core: Core): void {
    const freed = core.takeFreed();
    if (freed != null) for (const slot of freed) this.free(slot);
  }

  /** Lets everything go. */
  clear(): void {
    this.slots.length = 0;
    this.#free.length = 0;
  }
}
