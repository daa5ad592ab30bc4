/**
 * Replays every transcript of `core/tests/vectors` on every build.
 *
 * `core/tests/vectors/README.md` says what each step means; Rust replays the
 * same files in `core/tests/conformance.rs`. A transcript holds for every seed,
 * so each is replayed with several; and for every way of splitting the store,
 * so it is replayed with more segments where its bounds allow that.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { builds } from "./builds.mjs";
import { replay, steps } from "./vectors/replay.mjs";
import { CONTRACT, LEAST, readSet, readme, schema, transcripts } from "./vectors/set.mjs";

/** Another one in each run; set it to repeat a run that failed. */
const drawn = Number(process.env.SNOWMELT_SEED ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
const SEEDS = [0, 1, 7, 0xdead_beef, Number.MAX_SAFE_INTEGER, drawn];

const bounded = ["max_entries", "max_weight", "max_leases", "max_fences", "segments"];

function replayAllWays(binding, transcript) {
  const free = bounded.every((option) => !Object.hasOwn(transcript.config ?? {}, option));
  for (const seed of SEEDS) {
    for (const segments of free ? [undefined, 8] : [undefined]) {
      try {
        replay(binding, transcript, seed, segments);
      } catch (error) {
        throw new Error(`seed ${seed}, segments ${segments}: ${error.message}`, { cause: error });
      }
    }
  }
}

test("there are builds to replay on", () => {
  assert.deepEqual(builds.map(({ name }) => name), ["napi", "wasm"]);
});

for (const { name, load } of builds) {
  test(`${name}: every transcript replays`, async (t) => {
    const binding = load();
    assert.equal(binding?.build, name);
    const all = transcripts();
    let replayed = 0;
    for (const { file, transcript } of all) {
      await t.test(`${file}: ${transcript.name}`, () => {
        replayed += 1;
        try {
          replayAllWays(binding, transcript);
        } catch (error) {
          throw new Error(`${file}: ${transcript.name}: ${error.message}`, { cause: error });
        }
      });
    }
    assert.equal(replayed, all.length, "a transcript was skipped");
    assert.ok(replayed >= LEAST, `${replayed} transcripts are too few to be the whole set`);
  });

  test(`${name}: a wrong expectation fails`, () => {
    const steps = [{ get: { key: "k", expect: { hit: "v" } } }];
    const wrong = () => replay(load(), { name: "n", contract: [1], steps }, 0);
    assert.throws(wrong, /^Error: step 1: .*expected {"hit":"v"}, observed "miss"$/);
  });
}

test("every line of the contract has a transcript", () => {
  const proven = new Set(transcripts().flatMap(({ transcript }) => transcript.contract));
  assert.deepEqual([...proven].sort((a, b) => a - b), CONTRACT);
});

test("names are unique", () => {
  const names = transcripts().map(({ transcript }) => transcript.name);
  assert.deepEqual(names.filter((name, at) => names.indexOf(name) < at), []);
});

test("the schema, the README and the runner know the same steps", () => {
  const kinds = Object.keys(schema().$defs.step.properties);
  assert.deepEqual(Object.keys(steps).sort(), [...kinds].sort());
  const explained = readme();
  for (const kind of kinds) assert.ok(explained.includes(`| \`${kind}\` |`), `the README does not explain \`${kind}\``);
});

test("an empty set fails", () => {
  assert.throws(() => readSet("empty.json", { transcripts: [] }));
});

test("an unknown step, an unknown field and a missing one fail", () => {
  const set = (step) => readSet("n.json", { transcripts: [{ name: "n", contract: [1], steps: [step] }] });
  assert.equal(set({ at: 5 }).length, 1);
  assert.throws(() => set({ fly: 5 }));
  assert.throws(() => set({ at: 5, note: "two kinds" }));
  assert.throws(() => set({ get: { key: "k", expects: "miss" } }));
  assert.throws(() => set({ get: { key: "k" } }));
});
