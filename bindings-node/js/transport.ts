/** Streams that are reached by functions of the caller's own. */

import type { Core, PlainCall, PlainRefusal, Write } from "./binding";
import type { Apply, Link } from "./link";
import { unref } from "./loads";

/** A point in time as the AWS SDK has it, or in seconds since the Unix epoch as the API's JSON has it. */
export type Timestamp = Date | number;

export interface ListShardsInput {
  StreamName?: string;
  StreamARN?: string;
  NextToken?: string;
  ShardFilter?: { Type: "FROM_TIMESTAMP"; Timestamp: Date };
}

export interface ListShardsOutput {
  Shards?: {
    ShardId: string | undefined;
    ParentShardId?: string | undefined;
    AdjacentParentShardId?: string | undefined;
    HashKeyRange: { StartingHashKey: string | undefined; EndingHashKey: string | undefined } | undefined;
    SequenceNumberRange: { StartingSequenceNumber: string | undefined; EndingSequenceNumber?: string | undefined } | undefined;
  }[] | undefined;
  NextToken?: string | undefined;
}

export interface GetShardIteratorInput {
  StreamName?: string;
  StreamARN?: string;
  ShardId: string;
  ShardIteratorType: "AT_TIMESTAMP" | "TRIM_HORIZON";
  Timestamp?: Date;
}

export interface GetShardIteratorOutput {
  ShardIterator?: string | undefined;
}

export interface GetRecordsInput {
  StreamARN?: string;
  ShardIterator: string;
  Limit: number;
}

export interface GetRecordsOutput {
  Records: {
    SequenceNumber: string | undefined;
    /** Bytes, or base64 text as the API's JSON has it. */
    Data: Uint8Array | string | undefined;
    ApproximateArrivalTimestamp?: Timestamp | undefined;
  }[] | undefined;
  NextShardIterator?: string | undefined;
  MillisBehindLatest?: number | undefined;
  ChildShards?: {
    ShardId: string | undefined;
    ParentShards: string[] | undefined;
    HashKeyRange: { StartingHashKey: string | undefined; EndingHashKey: string | undefined } | undefined;
  }[] | undefined;
}

export interface PutRecordsInput {
  StreamName?: string;
  StreamARN?: string;
  Records: { Data: Uint8Array; PartitionKey: string; ExplicitHashKey?: string }[];
}

export interface PutRecordsOutput {
  Records: {
    SequenceNumber?: string | undefined;
    ShardId?: string | undefined;
    ErrorCode?: string | undefined;
    ErrorMessage?: string | undefined;
  }[] | undefined;
}

/** What every function of a transport may add to its output. */
export interface Dated {
  /** The HTTP `Date` header. With it the cache notices a clock that is off. */
  date?: Date | undefined;
}

export interface CallOptions {
  /** Aborted when `callTimeout` is over: the answer would come too late. */
  signal: AbortSignal;
}

/**
 * A way to a Kinesis data stream: four of its operations, with inputs and
 * outputs as the Kinesis API reference and the AWS SDK for JavaScript have
 * them. Each sends its request once; it does not retry. On failure it rejects
 * with an error whose `name` is the service's exception, as the SDK's have.
 * (The SDK speaks HTTP/2 to Kinesis, which most emulators do not: give it a
 * `NodeHttpHandler` there.)
 *
 * ```ts
 * const transport: Transport = {
 *   listShards: (input) => client.send(new ListShardsCommand(input)),
 *   getShardIterator: (input) => client.send(new GetShardIteratorCommand(input)),
 *   getRecords: (input) => client.send(new GetRecordsCommand(input)),
 *   putRecords: (input) => client.send(new PutRecordsCommand(input)),
 * };
 * ```
 */
export interface Transport {
  /** Where it goes, for messages; the cache's own options come first. */
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  listShards(input: ListShardsInput, options: CallOptions): Promise<ListShardsOutput & Dated>;
  getShardIterator(input: GetShardIteratorInput, options: CallOptions): Promise<GetShardIteratorOutput & Dated>;
  getRecords(input: GetRecordsInput, options: CallOptions): Promise<GetRecordsOutput & Dated>;
  putRecords(input: PutRecordsInput, options: CallOptions): Promise<PutRecordsOutput & Dated>;
}

const METHODS = {
  ListShards: "listShards",
  GetShardIterator: "getShardIterator",
  GetRecords: "getRecords",
  PutRecords: "putRecords",
} as const;

/** The names of a transport's functions. */
export const TRANSPORT_METHODS = Object.values(METHODS);

type Outcome = { output: unknown; date: number | undefined } | { refusal: PlainRefusal; date: undefined };

/** Calls go through a transport of the caller's own. */
export class TransportLink implements Link {
  readonly name: string;
  readonly #transport: Transport;
  readonly #timeout: number;

  constructor(name: string, transport: Transport, timeout: number) {
    this.name = name;
    this.#transport = transport;
    // A little before the core gives the call up, which could not say where it went.
    this.#timeout = Math.ceil((timeout * 19) / 20);
  }

  next(core: Core): Promise<Apply> | undefined {
    const call = core.pollCall();
    return call === null ? undefined : this.#answer(call);
  }

  async #answer({ id, operation, input }: PlainCall): Promise<Apply> {
    const outcome = await this.#call(operation, input);
    return (current) => {
      if ("refusal" in outcome) current.refuse(id, operation, outcome.refusal, outcome.date);
      else current.answer(id, operation, outcome.output, outcome.date);
      return "output" in outcome;
    };
  }

  put(core: Core, write: Write): Promise<Apply> | { wait: number } | "done" {
    const step = write.poll(core);
    return step === "done" || "wait" in step ? step : this.#put(step.put, write);
  }

  async #put(input: Record<string, unknown>, write: Write): Promise<Apply> {
    const outcome = await this.#call("PutRecords", input);
    return (current) => {
      if ("refusal" in outcome) write.refuse(current, outcome.refusal, outcome.date);
      else write.answer(current, outcome.output, outcome.date);
      return "output" in outcome;
    };
  }

  /** One call, that ends in time whatever the transport does. */
  async #call(operation: keyof typeof METHODS, input: Record<string, unknown>): Promise<Outcome> {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        resolve({ refusal: { code: "", message: "", status: 0, timedOut: true }, date: undefined });
        controller.abort(new DOMException(`no answer within ${this.#timeout} ms`, "TimeoutError"));
      }, this.#timeout);
      // Whoever waits for the answer has a timer of their own.
      unref(timer);
    });
    try {
      return await Promise.race([this.#send(operation, input, controller.signal), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(operation: keyof typeof METHODS, input: Record<string, unknown>, signal: AbortSignal): Promise<Outcome> {
    try {
      const send = this.#transport[METHODS[operation]] as (input: unknown, options: CallOptions) => Promise<Dated>;
      const { date, ...output } = await send.call(this.#transport, sdkInput(input), { signal });
      return { output: plainOutput(output), date: finite(date?.getTime()) };
    } catch (error) {
      return { refusal: refusal(error), date: undefined };
    }
  }

  forget(): void {}

  async warm(): Promise<void> {}
}

/** The API's JSON as the SDK has it: times are `Date`s, data are bytes. */
function sdkInput(value: unknown, name = ""): unknown {
  if (name === "Timestamp" && typeof value === "number") return new Date(Math.round(value * 1000));
  if (name === "Data" && typeof value === "string") return fromBase64(value);
  if (Array.isArray(value)) return value.map((item) => sdkInput(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, sdkInput(field, name)]));
}

/** An output as the API's JSON has it: what cannot be in JSON is null, whatever a transport puts in. */
function plainOutput(value: unknown): unknown {
  if (value instanceof Date) return finite(value.getTime() / 1000) ?? null;
  if (typeof value === "number") return finite(value) ?? null;
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return null;
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(plainOutput);
  if (typeof value !== "object" || value === null) return value ?? null;
  const fields = Object.entries(value).filter(([name, field]) => field !== undefined && name !== "$metadata");
  return Object.fromEntries(fields.map(([name, field]) => [name, plainOutput(field)]));
}

function finite(number: number | undefined): number | undefined {
  return Number.isFinite(number) ? number : undefined;
}

/** Whatever was thrown: even what throws when it is looked at. */
function refusal(error: unknown): PlainRefusal {
  try {
    return refused(error);
  } catch {
    return { code: "", message: "the transport threw what is no error", status: 0, timedOut: false };
  }
}

function refused(error: unknown): PlainRefusal {
  const thrown = Object(error) as { name?: unknown; message?: unknown; status?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const status = Number(thrown.$metadata?.httpStatusCode ?? thrown.status ?? 0);
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    code: text(thrown.name).replace(/^(TypeError|Error)$/, ""),
    message: why(error),
    status: Number.isInteger(status) && status >= 0 && status < 1000 ? status : 0,
    timedOut: thrown.name === "TimeoutError",
  };
}

/** What an error says, and what its causes do: `fetch` itself says no more than that it failed. */
function why(error: unknown): string {
  const messages: string[] = [];
  // Some error might be its own cause.
  for (let at = error; at instanceof Error && messages.length < 4; at = at.cause) {
    const parts: unknown[] = at instanceof AggregateError ? at.errors : [];
    messages.push(at.message || parts.map((part) => (part as Error).message).join(", "));
  }
  return messages.filter((message) => message !== "").join(": ") || String(error);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In parts: a call takes only so many arguments.
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}
