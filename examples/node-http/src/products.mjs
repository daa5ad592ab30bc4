/** Stands for a database: slow, and it counts how often it is asked. */
import { setTimeout as sleep } from "node:timers/promises";

const products = new Map([
  ["1", { id: "1", name: "mug", price: 12.5 }],
  ["2", { id: "2", name: "plate", price: 19 }],
]);

export const database = {
  queries: 0,

  async get(id) {
    this.queries += 1;
    await sleep(200);
    return products.get(id);
  },

  async all() {
    this.queries += 1;
    await sleep(200);
    return [...products.values()];
  },

  async setPrice(id, price) {
    const product = products.get(id);
    if (product !== undefined) products.set(id, { ...product, price });
    return product !== undefined;
  },
};
