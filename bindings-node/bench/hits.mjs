// Reads that find what they look for, with keys built for each and with keys
// at hand. Run by main.mjs.
import { PEERS } from "./peers.mjs";
import { all, compiled, inTurn } from "./rounds.mjs";
import { ENTRIES, key, OPERATIONS, zipf } from "./workload.mjs";

const draws = zipf(ENTRIES, OPERATIONS, 0.99, 1);
const values = Array.from({ length: ENTRIES }, (_, number) => ({ number }));

/** A full cache, and the very strings that it was filled with: another cache may change how V8 keeps them. */
function filled(peer) {
  const cache = peer.make(ENTRIES);
  const keys = values.map((_, number) => key(number));
  const set = compiled(["cache", "key", "value"], peer.set).bind(undefined, cache);
  values.forEach((value, number) => set(keys[number], value));
  return { cache, keys };
}

function reading(peer, { cache, keys }, expression) {
  const source = `() => {
    let found = 0;
    for (let i = 0; i < draws.length; i++) {
      const key = ${expression};
      if (${peer.get} !== undefined) found++;
    }
    return found;
  }`;
  const loop = compiled(["cache", "keys", "draws"], source)(cache, keys, draws);
  return () => all(loop(), draws.length, peer.name);
}

export async function measure() {
  const full = Object.fromEntries(Object.entries(PEERS).map(([id, peer]) => [id, filled(peer)]));
  const loops = (expression) => Object.fromEntries(Object.entries(PEERS).map(([id, peer]) => [id, reading(peer, full[id], expression)]));
  const built = await inTurn(loops("`users/${draws[i]}`"), OPERATIONS);
  const atHand = await inTurn(loops("keys[draws[i]]"), OPERATIONS);
  for (const [id, peer] of Object.entries(PEERS)) peer.close(full[id].cache);
  return { built, atHand };
}

const RIVALS = { map: undefined, nodeCache: undefined };

export function print(report, { built, atHand }) {
  const rows = (what, times, target) => {
    for (const [id, bound] of Object.entries({ lru: target, ...RIVALS })) {
      report.row(what, { unit: "ns", ours: times.snowmelt, peer: PEERS[id].name, theirs: times[id], target: bound });
    }
  };
  rows("hit, key built", built, 0.75);
  rows("hit, key at hand", atHand, 1.1);
}
