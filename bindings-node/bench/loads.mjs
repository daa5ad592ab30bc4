// `getOrLoad` of what is there, each awaited. Run by main.mjs.
import { PEERS } from "./peers.mjs";
import { all, compiled, inTurn } from "./rounds.mjs";
import { ENTRIES, key, OPERATIONS, zipf } from "./workload.mjs";

const draws = zipf(ENTRIES, OPERATIONS, 0.99, 1);
const values = Array.from({ length: ENTRIES }, (_, number) => ({ number }));
const COMPARED = ["snowmelt", "lru"];

const load = () => {
  throw new Error("nothing is to be loaded");
};

function filled(peer) {
  const cache = peer.loading(ENTRIES, load);
  const keys = values.map((_, number) => key(number));
  values.forEach((value, number) => cache.set(keys[number], value));
  return { cache, keys };
}

function loading(peer, { cache, keys }, expression) {
  const source = `async () => {
    let found = 0;
    for (let i = 0; i < draws.length; i++) {
      const key = ${expression};
      if ((await ${peer.load}) !== undefined) found++;
    }
    return found;
  }`;
  const loop = compiled(["cache", "keys", "draws", "load"], source)(cache, keys, draws, load);
  return async () => all(await loop(), draws.length, peer.name);
}

export async function measure() {
  const full = Object.fromEntries(COMPARED.map((id) => [id, filled(PEERS[id])]));
  const loops = (expression) => Object.fromEntries(COMPARED.map((id) => [id, loading(PEERS[id], full[id], expression)]));
  const built = await inTurn(loops("`users/${draws[i]}`"), OPERATIONS);
  const atHand = await inTurn(loops("keys[draws[i]]"), OPERATIONS);
  for (const id of COMPARED) PEERS[id].close(full[id].cache);
  return { built, atHand };
}

export function print(report, { built, atHand }) {
  const row = (what, times) =>
    report.row(what, { unit: "ns", ours: times.snowmelt, peer: "lru-cache 11 `fetch`", theirs: times.lru, target: 1.5 });
  row("`getOrLoad` hit, key built", built);
  row("`getOrLoad` hit, key at hand", atHand);
}
