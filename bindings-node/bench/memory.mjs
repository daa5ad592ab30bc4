// What an entry takes: how much the process grows when a cache is filled. Run
// by main.mjs, in a process of its own for each peer and each time.
//
// The number is the growth of the resident set, after the garbage is gone. V8
// does not see what lies in Rust's memory and the system does not tell V8's
// heap from the rest; the resident set has both.
import { PEERS } from "./peers.mjs";
import { compiled } from "./rounds.mjs";
import { key } from "./workload.mjs";

export const COMPARED = ["snowmelt", "lru", "map"];
export const TIMES = 5;

const ENTRIES = 100_000;
// Few and shared: the values' own memory is nobody's merit.
const values = Array.from({ length: 16 }, (_, number) => ({ number }));

export function measure(id) {
  const peer = PEERS[id];
  const set = compiled(["cache", "key", "value"], peer.set);
  // The young generation grows to its full size before it counts.
  let garbage = 0;
  for (let number = 0; number < 40 * ENTRIES; number++) garbage += key(number).length;
  if (garbage === 0) throw new Error("keys are empty");
  const before = settled();
  const cache = peer.make(ENTRIES);
  for (let number = 0; number < ENTRIES; number++) set(cache, key(number), values[number % values.length]);
  const after = settled();
  const size = cache.size ?? cache.keys().length;
  if (size !== ENTRIES) throw new Error(`${peer.name} holds ${size} of ${ENTRIES} entries`);
  peer.close(cache);
  return { rss: (after.rss - before.rss) / ENTRIES, heap: (after.heapUsed + after.external - before.heapUsed - before.external) / ENTRIES };
}

function settled() {
  for (let time = 0; time < 4; time++) globalThis.gc();
  return process.memoryUsage();
}

/** `results` has a list of measurements by peer. */
export function print(report, results) {
  const sizes = (id) => results[id].map(({ rss }) => rss);
  report.row("memory of an entry", { unit: "bytes", ours: sizes("snowmelt"), peer: PEERS.lru.name, theirs: sizes("lru"), target: 1 });
  report.row("memory of an entry", { unit: "bytes", ours: sizes("snowmelt"), peer: PEERS.map.name, theirs: sizes("map") });
}
