/** The values of one cache, at the slots that the core knows. */
export class Values {
  #held = new Map();
  #vacant = [];
  #slots = 0;

  /** Puts a value at a free slot. The one that was freed last is used first, so that a wrong one shows soon. */
  put(value) {
    const slot = this.#vacant.pop() ?? this.#slots++;
    this.#held.set(slot, value);
    return slot;
  }

  at(slot) {
    if (!this.#held.has(slot)) throw new Error(`the core gave slot ${slot}, which holds no value`);
    return this.#held.get(slot);
  }

  /** Lets go the value of a slot that the core no longer uses. */
  free(slot) {
    if (!this.#held.delete(slot)) throw new Error(`the core freed slot ${slot}, which was not in use`);
    this.#vacant.push(slot);
  }

  /** How many are held. */
  get size() {
    return this.#held.size;
  }
}
