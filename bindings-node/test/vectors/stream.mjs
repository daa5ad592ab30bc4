/** Calls to the stream and their answers: between the API's JSON and the words of the transcripts. */
import { bytes, only, sinceStart, wall } from "./data.mjs";
import { same, told } from "./observed.mjs";

/** A call in the words of the transcripts, and the shard it is about: `{request, shard}`. */
export function request({ operation, input }, { stream, iterators }) {
  if (!Object.hasOwn(requests, operation)) throw new Error(`no call is a ${operation}`);
  return requests[operation](plain(input), { stream, iterators });
}

const requests = {
  ListShards: (input, { stream }) => {
    if ("NextToken" in input) {
      // The API refuses a stream or a filter beside it.
      fields(input, ["NextToken"]);
      return { request: { list_shards: { next: input.NextToken } } };
    }
    fields(input, ["StreamName", "ShardFilter"]);
    fields(input.ShardFilter, ["Type", "Timestamp"]);
    expectText(input.StreamName, stream);
    expectText(input.ShardFilter.Type, "FROM_TIMESTAMP");
    return { request: { list_shards: { from: time(input.ShardFilter.Timestamp) } } };
  },
  GetShardIterator: (input, { stream }) => {
    const atTimestamp = input.ShardIteratorType === "AT_TIMESTAMP";
    fields(input, ["StreamName", "ShardId", "ShardIteratorType", ...(atTimestamp ? ["Timestamp"] : [])]);
    expectText(input.StreamName, stream);
    if (!atTimestamp) expectText(input.ShardIteratorType, "TRIM_HORIZON");
    const from = atTimestamp ? { at_timestamp: time(input.Timestamp) } : "trim_horizon";
    return { request: { shard_iterator: { shard: input.ShardId, from } }, shard: input.ShardId };
  },
  GetRecords: (input, { iterators }) => {
    fields(input, ["ShardIterator", "Limit"]);
    const { ShardIterator: iterator, Limit: limit } = input;
    if (!iterators.has(iterator)) throw new Error(`no answer gave the iterator ${told(iterator)}`);
    const shard = iterators.get(iterator);
    return { request: { get_records: { shard, iterator, limit } }, shard };
  },
};

/** What is sent is JSON. */
export const plain = (input) => JSON.parse(JSON.stringify(input));

/** An input has these fields and no other: a wrong one would be refused, or silently ignored. */
export function fields(input, names) {
  const same = Object.keys(input ?? {}).sort().join() === [...names].sort().join();
  if (!same) throw new Error(`expected the fields ${names.join(", ")}, observed ${told(input)}`);
}

export function expectText(observed, expected) {
  if (observed !== expected) throw new Error(`expected ${told(expected)}, observed ${told(observed)}`);
}

/** A time of the API, in seconds, as a transcript writes it. */
function time(seconds) {
  const millis = Math.round(seconds * 1000);
  // The API's times are floating-point; these are whole milliseconds.
  if (typeof seconds !== "number" || Math.abs(seconds * 1000 - millis) > 0.01) {
    throw new Error(`${told(seconds)} is no time in whole milliseconds`);
  }
  return sinceStart(millis);
}

/** Whether this is the call that was expected; `limit` may be left unsaid. */
export function isCall(expected, observed) {
  const silent = expected.get_records !== undefined && expected.get_records.limit === undefined;
  if (!silent || observed.get_records === undefined) return same(expected, observed);
  const { limit: _, ...call } = observed.get_records;
  return same(expected, { get_records: call });
}

/** Notes which shard the iterator of an answer reads. */
export function noteIterator(iterators, output, shard) {
  const iterator = output.ShardIterator ?? output.NextShardIterator;
  if (iterator === undefined) return;
  if (iterators.has(iterator) && iterators.get(iterator) !== shard) {
    throw new Error(`the transcript gives two shards the iterator ${told(iterator)}`);
  }
  iterators.set(iterator, shard);
}

/** An answer as the API gives it: its operation, which may be another than was called, and its output. */
export function answered(body) {
  const [kind, content] = only(body);
  switch (kind) {
    case "shards":
      return { operation: "ListShards", output: shards(content) };
    case "iterator":
      return { operation: "GetShardIterator", output: { ShardIterator: content } };
    case "records":
      return { operation: "GetRecords", output: records(content) };
    default:
      throw new Error(`no answer is called \`${kind}\``);
  }
}

function shards({ list, next_token }) {
  return { Shards: list.map(described), ...given("NextToken", next_token) };
}

function described(shard) {
  const { id, parents = [], starting_sequence_number } = shard;
  const [parent, adjacent, ...more] = parents;
  if (more.length > 0) throw new Error("a shard has two parents at the most");
  return {
    ShardId: id,
    ...given("ParentShardId", parent),
    ...given("AdjacentParentShardId", adjacent),
    HashKeyRange: hashKeys(shard),
    SequenceNumberRange: { StartingSequenceNumber: starting_sequence_number },
  };
}

function records({ list = [], next_iterator, millis_behind_latest = 0, child_shards }) {
  return {
    Records: list.map(record),
    ...given("NextShardIterator", next_iterator),
    MillisBehindLatest: millis_behind_latest,
    ...given("ChildShards", child_shards?.map(child)),
  };
}

function record({ sequence_number, arrival, data }) {
  return {
    SequenceNumber: sequence_number,
    Data: bytes(data).toString("base64"),
    PartitionKey: "p",
    ...given("ApproximateArrivalTimestamp", arrival === undefined ? undefined : wall(arrival) / 1000),
  };
}

function child(shard) {
  return { ShardId: shard.id, ParentShards: shard.parents ?? [], HashKeyRange: hashKeys(shard) };
}

const hashKeys = ({ hash_keys: [start, end] }) => ({ StartingHashKey: start, EndingHashKey: end });

/** A field that the API leaves out where there is nothing. */
const given = (name, value) => (value === undefined ? {} : { [name]: value });

/** What the service, or the lack of one, says for each kind of error. */
const refusals = {
  throttled: { code: "ProvisionedThroughputExceededException", status: 400 },
  expired: { code: "ExpiredIteratorException", status: 400 },
  refused: { code: "InvalidArgumentException", status: 400 },
  not_found: { code: "ResourceNotFoundException", status: 400 },
  denied: { code: "AccessDeniedException", status: 400 },
  timed_out: { code: "", status: 0, timedOut: true },
  failed: { code: "InternalFailure", status: 500 },
};

export function refusal({ kind, message = "" }) {
  if (!Object.hasOwn(refusals, kind)) throw new Error(`no kind of error is called ${told(kind)}`);
  return { ...refusals[kind], message };
}
