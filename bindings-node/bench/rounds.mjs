// How the times of peers are compared: in one process, in turn, many times.
// Turns are short, so that what disturbs one disturbs the others of its round.
import { random, shuffled } from "./workload.mjs";

/** Rounds that count, unless SNOWMELT_BENCH_ROUNDS says otherwise. */
const ROUNDS = Number(process.env.SNOWMELT_BENCH_ROUNDS ?? 61);
/** Rounds before them: the compiler and the garbage collector settle. */
const WARM_UP = 6;

/**
 * Runs all in turn, several times, each time in another order: a turn finds the
 * processor's caches full of what the one before it left there.
 * `runs` has by peer a function that does `count` operations (it may be async)
 * or an object `{ before, body }`. Gives by peer the nanoseconds of an operation
 * in each round.
 */
export async function inTurn(runs, count) {
  const peers = Object.keys(runs);
  const times = Object.fromEntries(peers.map((peer) => [peer, []]));
  const next = random(5);
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const turn of shuffled(peers.length, next)) {
      const took = await timed(runs[peers[turn]]);
      if (round >= 0) times[peers[turn]].push(took / count);
    }
  }
  return times;
}

async function timed(run) {
  const { before, body } = typeof run === "function" ? { body: run } : run;
  const given = await before?.();
  const start = process.hrtime.bigint();
  await body(given);
  return Number(process.hrtime.bigint() - start);
}

let texts = 0;

/**
 * A function from source text, so that what V8 learns of one peer does not
 * slow down another. Functions of one text would share what was learnt; hence
 * the number.
 */
export function compiled(parameters, source) {
  return new Function(...parameters, `return ${source}; // ${texts++}`);
}

/** Fails unless all was found: a loop whose results nobody uses may be left out. */
export function all(found, wanted, peer) {
  if (found !== wanted) throw new Error(`${peer}: ${found} of ${wanted} reads were hits`);
}
