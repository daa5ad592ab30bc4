// Keys, values and sequences: the same for all peers, and in every run.

/** Entries of a full cache. */
export const ENTRIES = 10_000;
/** Operations in one turn of one peer. */
export const OPERATIONS = 1 << 16;

export const key = (number) => `users/${number}`;

/** Pseudorandom numbers in [0, 1): mulberry32. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers below `n` with Zipf's law; which of them are popular is shuffled. */
export function zipf(n, count, exponent, seed) {
  const next = random(seed);
  const sums = new Float64Array(n);
  let sum = 0;
  for (let rank = 0; rank < n; rank++) sums[rank] = sum += (rank + 1) ** -exponent;
  const names = shuffled(n, next);
  return Uint32Array.from({ length: count }, () => names[rankOf(sums, next() * sum)]);
}

/** The first rank whose sum is at least `at`. */
function rankOf(sums, at) {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The numbers below `n`, in any order. */
export function shuffled(n, next) {
  const numbers = Uint32Array.from({ length: n }, (_, index) => index);
  for (let last = n - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    [numbers[last], numbers[other]] = [numbers[other], numbers[last]];
  }
  return numbers;
}

/** Numbers below `n`, all equally likely. */
export function uniform(n, count, seed) {
  const next = random(seed);
  return Uint32Array.from({ length: count }, () => Math.floor(next() * n));
}
