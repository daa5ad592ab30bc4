/** What was observed, in the words of the transcripts. */

/** Whether what was observed is what was expected. An expectation `{at_least, at_most}` takes a range of numbers. */
export function same(expected, observed) {
  if (isRange(expected) && typeof observed === "number") {
    return (expected.at_least ?? -Infinity) <= observed && observed <= (expected.at_most ?? Infinity);
  }
  if (Array.isArray(expected) || Array.isArray(observed)) {
    const both = Array.isArray(expected) && Array.isArray(observed) && expected.length === observed.length;
    return both && expected.every((item, index) => same(item, observed[index]));
  }
  if (isObject(expected) && isObject(observed)) {
    const names = Object.keys(expected);
    const known = (name) => Object.hasOwn(observed, name) && same(expected[name], observed[name]);
    return names.length === Object.keys(observed).length && names.every(known);
  }
  return expected === observed;
}

const isObject = (value) => typeof value === "object" && value !== null;

function isRange(value) {
  const names = isObject(value) && !Array.isArray(value) ? Object.keys(value) : [];
  return names.length > 0 && names.every((name) => name === "at_least" || name === "at_most");
}

/** Compares, and says what differs. */
export function expect(expected, observed) {
  if (same(expected, observed)) return;
  throw new Error(`expected ${told(expected)}, observed ${told(observed)}`);
}

/** A value in a message. */
export function told(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text;
}

/** What `act` gives; or its failure, told by `failed`. */
export function attempt(act, failed) {
  let result;
  try {
    result = act();
  } catch (error) {
    return failed(failure(error));
  }
  return result;
}

/** What a thrown error says. One that is no failure is a bug, and thrown on. */
function failure(error) {
  let said;
  try {
    said = JSON.parse(error.message);
  } catch {
    throw error;
  }
  const text = (value) => typeof value === "string" && value !== "";
  if (!(error instanceof Error) || !text(said?.code) || !text(said.message)) throw error;
  return said;
}

export function inputError({ kind, what, bytes, most }) {
  const fields = Object.entries({ kind, what, bytes, most });
  return { error: Object.fromEntries(fields.filter(([, value]) => value !== undefined)) };
}

export function configError({ option, value, message }) {
  const at = message.indexOf(value);
  if (at < 0 || !/\w/.test(message.slice(at + value.length))) throw new Error(`no remedy: ${message}`);
  return { error: { option, value } };
}

export const writeError = ({ kind, unwritten }) => ({ error: { kind, unwritten } });

/** Only what it names. */
export function invalidation({ keys = [], tags = [], prefixes = [], all = false }) {
  const named = Object.entries({ keys, tags, prefixes }).filter(([, list]) => list.length > 0);
  return { ...Object.fromEntries(named), ...(all && { all }) };
}

/** A reported event; `catchUpNumber` numbers a catch-up. */
export function event(event, catchUpNumber) {
  switch (event.type) {
    case "gap":
      return { gap: event.reason };
    case "undecodable":
      return { undecodable: event.sequenceNumber };
    case "flushed":
      return { flushed: event.sequenceNumber };
    case "catch_up_ended":
      return { catch_up_ended: { catch_up: catchUpNumber(event.id), outcome: event.outcome } };
    default:
      return event;
  }
}

const calls = ["list_shards_calls", "shard_iterator_calls", "get_records_calls", "put_records_calls"];
const durations = ["lag", "time_saved", "time_spent"];
const counters = [
  ...["hits", "misses", "loads", "load_failures", "coalesced", "fills", "fenced", "too_heavy", "stale", "rescued", "refreshes"],
  ...["evictions", "expirations"],
  ...["invalidated_by_key", "invalidated_by_tag", "invalidated_by_prefix", "invalidated_by_all"],
  ...["records", "undecodable", "catch_ups_succeeded", "catch_ups_failed", "catch_ups_throttled", "gaps"],
  ...durations,
  ...calls,
  "calls",
  ...["entries", "weight", "leases"],
];

/** Every counter; durations in whole milliseconds. */
export function stats(stats) {
  const observed = Object.fromEntries(counters.map((counter) => [counter, counted(stats, counter)]));
  const sum = calls.reduce((sum, counter) => sum + observed[counter], 0);
  if (observed.calls !== sum) throw new Error(`\`calls\` is ${observed.calls}, and the calls' sum is ${sum}`);
  return observed;
}

function counted(stats, counter) {
  const value = stats[counter.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())];
  if (counter === "lag" && value === null) return null;
  if (typeof value !== "number") throw new Error(`the counter \`${counter}\` is ${told(value)}`);
  return durations.includes(counter) ? Math.floor(value) : value;
}
