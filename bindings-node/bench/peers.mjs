// The caches that are compared, each made and used as its users would.
import { require } from "./addon.mjs";

const TTL = 300_000;

const { Cache } = require("./lib/index.cjs");
const { LRUCache } = require("lru-cache");
const NodeCache = require("node-cache");

/** Everything that can be measured; `get`, `set` and `load` are source text. */
export const PEERS = {
  snowmelt: {
    name: "snowmelt",
    make: (max) => new Cache({ stream: "none", maxEntries: max, ttl: TTL }),
    get: "cache.get(key)",
    set: "cache.set(key, value)",
    load: "cache.getOrLoad(key, load)",
    loading: (max) => PEERS.snowmelt.make(max),
    close: (cache) => cache.close(),
  },
  lru: {
    name: "lru-cache 11 with ttl",
    make: (max) => new LRUCache({ max, ttl: TTL }),
    get: "cache.get(key)",
    set: "cache.set(key, value)",
    // Its loader is the cache's.
    load: "cache.fetch(key)",
    loading: (max, load) => new LRUCache({ max, ttl: TTL, fetchMethod: load }),
    close: (cache) => cache.clear(),
  },
  map: {
    name: "Map",
    make: () => new Map(),
    get: "cache.get(key)",
    set: "cache.set(key, value)",
    close: (cache) => cache.clear(),
  },
  nodeCache: {
    name: "node-cache 5",
    // By reference, as all others; with copies it is some 50 times slower.
    make: (max) => new NodeCache({ stdTTL: TTL / 1000, useClones: false, maxKeys: max }),
    get: "cache.get(key)",
    set: "cache.set(key, value)",
    close: (cache) => cache.close(),
  },
};
