/** Steps that read, load and fill. */
import { Buffer } from "node:buffer";

import { names, numbered, wall } from "./data.mjs";
import { expect } from "./observed.mjs";

export const loadingSteps = {
  get: (replay, { key, expect: expected }) => {
    expect(expected, lookup(replay, replay.hotGet(key)));
  },
  get_after_catch_up: (replay, { key, expect: expected }) =>
    expect(expected, lookup(replay, replay.core.getAfterCatchUp(key))),
  peek: (replay, { key, expect: expected }) => expect(expected, lookup(replay, replay.core.peek(key))),
  keys: ({ core }, expected) => expect(expected, [...core.keys()].sort(byBytes)),
  begin: (replay, { key, expect: expected }) => expect(expected, begun(replay, replay.core.begin(key))),
  next: (replay, { key, ahead = false, expect: expected }) => expect(expected, next(replay, replay.core.next(key, ahead))),
  note_stale: ({ core }, key) => core.noteStale(key),
  rescue: (replay, { key, expect: expected }) => expect(expected, rescued(replay, [...replay.core.rescue(key)])),
  arrive: ({ core, arrivals }, number) => {
    arrivals.push(core.arrive());
    expect(number, arrivals.length);
  },
  serves: ({ core, leases, arrivals }, { lease, arrival, expect: expected }) => {
    const { id } = numbered(leases, lease, "lease");
    expect(expected, core.accepts(numbered(arrivals, arrival, "arrival"), id));
  },
  fill: ({ core, leases, values }, { lease, value, expect: expected, ...loaded }) => {
    const held = numbered(leases, lease, "lease");
    expect(expected, core.fill(held, values.put(value), extras(loaded)));
  },
  abandon: ({ core, leases }, lease) => core.abandon(numbered(leases, lease, "lease")),
  insert: (replay, { key, value, expect: expected, as_of, ...loaded }) => {
    const slot = replay.values.put(value);
    const plain = as_of === undefined && Object.keys(loaded).length === 0;
    const asOf = as_of === undefined ? undefined : wall(as_of);
    const outcome = plain
      ? insertPlain(replay, key, slot)
      : replay.core.insertWith(key, slot, extras(loaded), asOf);
    expect(expected, outcome);
  },
  delete: ({ core }, { key, expect: expected }) => expect(expected, core.delete(key)),
  clear: ({ core }) => core.clear(),
};

/** What a closed core says in place of a slot. */
export const CLOSED = -5;

/** Places in the numbers that the hot path shares, and what it says of many slots, as `js/binding.ts` names them. */
const [RESULT, SLOT, WEIGHT, FREED, MANY_FREED] = [0, 1, 2, 3, -2];

/** What the hot path says in place of a slot, as `js/binding.ts` names it. */
const instead = new Map([
  [-1, "miss"],
  [-2, "due"],
  [-3, "not_text"],
  [-4, "unusable"],
  [CLOSED, "closed"],
]);

/** From here on down the hot path names slots as well, as `js/binding.ts` says. */
const OLD = -16;

/** The value of a slot or of such a code, and whether it was the latter. */
const read = ({ values }, code) => ({ value: values.at(code <= OLD ? OLD - code : code), stale: code <= OLD });

function lookup(replay, code) {
  if (instead.has(code)) return instead.get(code);
  const { value, stale } = read(replay, code);
  return stale ? { ahead: value } : { hit: value };
}

function next(replay, next) {
  if (typeof next === "number") {
    const { value, stale } = read(replay, next);
    return { serve: value, stale };
  }
  const what = begun(replay, next);
  return instead.get(next.old) === "miss" ? what : { ...what, old: read(replay, next.old) };
}

const kinds = ["fresh", "stale", "on_error"];

function rescued({ values }, [slot, kind]) {
  return slot === undefined ? null : { [kinds[kind]]: values.at(slot) };
}

function begun({ leases }, begun) {
  const known = leases.findIndex(({ id }) => id === begun.id);
  if (!begun.leads) {
    if (leases[known]?.start !== begun.start) throw new Error("a join names another lease than its flight");
    return { join: known + 1 };
  }
  if (known >= 0) throw new Error("a lease that was given out before");
  return { lead: leases.push(begun) };
}

const outcomes = ["stored", "fenced", "too_heavy", "not_kept"];

function insertPlain(replay, key, slot) {
  const { insert, shared } = replay.hot;
  [shared[SLOT], shared[WEIGHT]] = [slot, 1];
  insert(key);
  const [outcome, freed] = [shared[RESULT], shared[FREED]];
  if (outcome < 0) return instead.get(outcome) ?? outcome;
  if (freed >= 0) replay.values.free(freed);
  const more = replay.release();
  if (more > 0 !== (freed === MANY_FREED)) throw new Error(`insert says ${freed} of what was freed, and ${more} more were`);
  return outcomes[outcome] ?? outcome;
}

/** What goes with a value; left out where the step leaves it out. */
function extras({ tags, ...numbers }) {
  return tags === undefined ? numbers : { ...numbers, tags: names(tags) };
}

/** As Rust sorts text. */
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
