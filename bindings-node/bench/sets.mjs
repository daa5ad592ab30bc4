// Writes in three patterns, with keys built for each. Run by main.mjs.
import { PEERS } from "./peers.mjs";
import { compiled, inTurn } from "./rounds.mjs";
import { ENTRIES, key, OPERATIONS, uniform, zipf } from "./workload.mjs";

const COMPARED = ["snowmelt", "lru", "map"];
const values = Array.from({ length: 2 * ENTRIES }, (_, number) => ({ number }));

const writing = (peer) =>
  compiled(
    ["numbers", "values"],
    `(cache) => {
      for (let i = 0; i < numbers.length; i++) {
        const number = numbers[i];
        const key = \`users/\${number}\`;
        const value = values[number];
        ${peer.set};
      }
    }`,
  );

const byPeer = (make) => Object.fromEntries(COMPARED.map((id) => [id, make(PEERS[id])]));

/** Writes to one cache that is full. */
function toFull(numbers) {
  return byPeer((peer) => {
    const cache = peer.make(ENTRIES);
    const set = compiled(["cache", "key", "value"], peer.set).bind(undefined, cache);
    for (let number = 0; number < ENTRIES; number++) set(key(number), values[number]);
    const write = writing(peer)(numbers, values);
    return () => write(cache);
  });
}

/** Fills a new cache. */
function toNew(numbers) {
  return byPeer((peer) => {
    const write = writing(peer)(numbers, values);
    let last;
    return {
      before: () => {
        if (last) peer.close(last);
        return (last = peer.make(ENTRIES));
      },
      body: write,
    };
  });
}

/** Each pattern is to be measured in a process of its own. */
export const PATTERNS = {
  replace: {
    title: "set, replaces",
    run: () => inTurn(toFull(zipf(ENTRIES, OPERATIONS, 0.99, 1)), OPERATIONS),
  },
  evict: {
    title: "set, twice as many keys as room",
    // Without a bound it is no rival.
    run: async () => ({ ...(await inTurn(toFull(uniform(2 * ENTRIES, OPERATIONS, 2)), OPERATIONS)), map: undefined }),
  },
  fill: {
    title: "set, fills a new cache",
    run: () => inTurn(toNew(Uint32Array.from({ length: ENTRIES }, (_, number) => number)), ENTRIES),
  },
};

export function print(report, results) {
  const ratios = Object.entries(PATTERNS).map(([id, { title }]) => {
    const { snowmelt: ours, lru, map } = results[id];
    const ratio = report.row(title, { unit: "ns", ours, peer: PEERS.lru.name, theirs: lru });
    if (map) report.row(title, { unit: "ns", ours, peer: PEERS.map.name, theirs: map });
    return ratio;
  });
  const mean = ratios.reduce((product, ratio) => product * ratio, 1) ** (1 / ratios.length);
  report.row("set, all three", { unit: "–", peer: PEERS.lru.name, ratio: mean, target: 1 });
  report.note("“set, all three” is the geometric mean of the three ratios to lru-cache.");
}
