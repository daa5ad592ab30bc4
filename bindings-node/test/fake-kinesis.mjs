/** A tiny Kinesis in memory, with the shapes of the AWS SDK. Faults are switched on by `before`. */
import { createHash } from "node:crypto";

const SPACE = 2n ** 128n;
const FIRST = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000n;

/** An error as the SDK throws it. */
export function refusal(name, message = "refused by the test", status = 400) {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

export class FakeKinesis {
  shards = [];
  calls = { listShards: 0, getShardIterator: 0, getRecords: 0, putRecords: 0 };
  /** May throw, wait, or return an output that is given instead. */
  before = async (_operation, _input) => undefined;
  /** What the `Date` header says is off by this. */
  skew = 0;
  #last = FIRST;

  constructor(shards = 1) {
    const part = SPACE / BigInt(shards);
    for (let index = 0n; index < shards; index += 1n) this.#open(index * part, (index + 1n) * part - 1n, []);
  }

  get transport() {
    const names = Object.keys(this.calls);
    return Object.fromEntries(names.map((name) => [name, (input, options) => this.#call(name, input, options)]));
  }

  /** Records of any content, as somebody else would write them. */
  put(data, hashKey = 0n) {
    const shard = this.shards.find(({ closed, from, to }) => !closed && from <= hashKey && hashKey <= to);
    shard.records.push({ number: this.#next(), arrival: Date.now(), data: typeof data === "string" ? new TextEncoder().encode(data) : data });
  }

  split(index) {
    const shard = this.shards[index];
    shard.closed = Date.now();
    const middle = (shard.from + shard.to) / 2n;
    this.#open(shard.from, middle, [shard.id]);
    this.#open(middle + 1n, shard.to, [shard.id]);
  }

  async #call(operation, input, options) {
    this.calls[operation] += 1;
    const instead = await this.before(operation, input, options);
    const output = instead ?? this[operation](input);
    return { $metadata: {}, ...output, date: new Date(Date.now() + this.skew) };
  }

  listShards({ ShardFilter: filter }) {
    const wanted = this.shards.filter(({ closed }) => !closed || filter === undefined || closed >= filter.Timestamp.getTime());
    return {
      Shards: wanted.map((shard) => ({
        ShardId: shard.id,
        ParentShardId: shard.parents[0],
        HashKeyRange: range(shard),
        SequenceNumberRange: { StartingSequenceNumber: String(shard.start), ...(shard.closed ? { EndingSequenceNumber: String(this.#last) } : {}) },
      })),
    };
  }

  getShardIterator({ ShardId: id, ShardIteratorType: type, Timestamp: time }) {
    const shard = this.shards.find((one) => one.id === id);
    if (shard === undefined) throw refusal("ResourceNotFoundException");
    if (time !== undefined && !(time instanceof Date)) throw new TypeError("a timestamp is a Date");
    const found = type === "TRIM_HORIZON" ? 0 : shard.records.findIndex(({ arrival }) => arrival >= time.getTime());
    return { ShardIterator: `${id}:${found < 0 ? shard.records.length : found}` };
  }

  getRecords({ ShardIterator: iterator, Limit: limit }) {
    const [id, text] = iterator.split(":");
    const shard = this.shards.find((one) => one.id === id);
    const end = Math.min(Number(text) + limit, shard.records.length);
    const records = shard.records.slice(Number(text), end);
    const Records = records.map(({ number, arrival, data }) => ({ SequenceNumber: String(number), ApproximateArrivalTimestamp: new Date(arrival), Data: data }));
    const more = end < shard.records.length;
    if (!more && shard.closed) {
      const children = this.shards.filter(({ parents }) => parents.includes(id));
      return { Records, MillisBehindLatest: 0, ChildShards: children.map((one) => ({ ShardId: one.id, ParentShards: one.parents, HashKeyRange: range(one) })) };
    }
    return { Records, MillisBehindLatest: more ? 1 : 0, NextShardIterator: `${id}:${end}` };
  }

  putRecords({ Records: records }) {
    return {
      FailedRecordCount: 0,
      Records: records.map(({ Data, PartitionKey, ExplicitHashKey }) => {
        if (!(Data instanceof Uint8Array)) throw new TypeError("data are bytes");
        const key = ExplicitHashKey === undefined ? BigInt(`0x${createHash("md5").update(PartitionKey).digest("hex")}`) : BigInt(ExplicitHashKey);
        const shard = this.shards.find(({ closed, from, to }) => !closed && from <= key && key <= to);
        const number = this.#next();
        shard.records.push({ number, arrival: Date.now(), data: Data });
        return { ShardId: shard.id, SequenceNumber: String(number) };
      }),
    };
  }

  #open(from, to, parents) {
    const id = `shardId-${String(this.shards.length).padStart(12, "0")}`;
    this.shards.push({ id, from, to, parents, start: this.#next(), records: [] });
  }

  #next() {
    this.#last += 1n;
    return this.#last;
  }
}

const range = ({ from, to }) => ({ StartingHashKey: String(from), EndingHashKey: String(to) });
