/**
 * What the Rust core offers to this package: the same from both builds, napi
 * and wasm. Internal; `cache.ts` and its siblings are written against it.
 *
 * Values never cross this line. A value lives in a JavaScript array, and the
 * core knows the number of its *slot*. Numbers that the core can give instead
 * of a slot are negative.
 *
 * All times are milliseconds of the cache's time, which starts near Unix time.
 * Failures are thrown as an `Error` whose message is a JSON `Failure`.
 */

/** No entry, or none that may be served. */
export const MISS = -1;
/** There is one, and a catch-up is to be tried before it is served. */
export const DUE = -2;
/** The key is no string. */
export const NOT_TEXT = -3;
/** The key has a lone surrogate, or is empty or too long. */
export const UNUSABLE = -4;
/** The cache was closed. */
export const CLOSED = -5;
/**
 * From here on down there is a slot as well: `OLD - code`. Its value may be
 * served; it is to be refreshed by readers who can (`get`, `getAfterCatchUp`),
 * or is past its lifetime (`next`, `Begun.old`).
 */
export const OLD = -16;

export interface Failure {
  code: string;
  message: string;
  /** Of a configuration: the option's name in the core, and what it was. */
  option?: string;
  value?: string;
  /** Of a name: `key`, `tag` or `prefix`; its length and the most. */
  what?: string;
  bytes?: number;
  most?: number;
  /** Of a write: how many records were not written. */
  unwritten?: number;
  /** `empty`, `too_long`, …: the kind of an input error; `throttled`, `denied`, …: the kind of a write's failure. */
  kind?: string;
}

/** A value as the core takes it. `other` as the only field is the type of a value that can be none. */
export type Plain = string | number | boolean | null | Plain[] | { [field: string]: Plain };

/** A core option by its name in the core. */
export type Setting = [option: string, value: Plain];

export interface Extras {
  weight?: number;
  tags?: string[];
  /** Milliseconds. */
  ttl?: number;
  /** How long the load took, in milliseconds. */
  took?: number;
  /** Windows past the lifetime, in milliseconds, and the share of it past which it is refreshed early. */
  stale_while_revalidate?: number;
  stale_if_error?: number;
  refresh_ahead?: number;
  /** It says that there is nothing. */
  absent?: boolean;
}

/**
 * What became of a value: it was stored; not, because it may be stale by now; not, because it alone is over a bound;
 * not, because its lifetime is 0.
 */
export type FillOutcome = "stored" | "fenced" | "too_heavy" | "not_kept";

/** A load: the one that was asked for (`leads`), or one under way that is to be waited for. */
export interface Begun {
  readonly leads: boolean;
  /** The number of its lease. */
  readonly id: number;
  /** When it began, on the cache's time. */
  readonly start: number;
  /** Of `next`: the slot of what may be served if the load goes on without its reader (see `OLD`), or `MISS`. */
  readonly old: number;
}

/** What `rescue` calls what it gives. */
export const RESCUED = ["hit", "stale", "stale_on_error"] as const;

export type CatchUpStep = { state: "up_to_date" | "not_due" } | { state: "running" | "earlier"; id: number };
export interface CatchUpOutcome {
  outcome: "succeeded" | "throttled" | "out_of_budget" | "failed";
  /** Of a failure. */
  kind?: string;
  /** What it is to whoever waited for it, unless it succeeded. */
  code?: string;
  message?: string;
}

export interface Names {
  keys?: string[];
  tags?: string[];
  prefixes?: string[];
  all?: boolean;
}

/** One call to the stream: a Kinesis operation, its input as the API's JSON has it (times in seconds, data in base64). */
export interface PlainCall {
  id: string;
  operation: "ListShards" | "GetShardIterator" | "GetRecords";
  input: Record<string, unknown>;
}

/** Why a call brought no answer. */
export interface PlainRefusal {
  /** The service's exception, or "" if it gave none. */
  code: string;
  message: string;
  /** The HTTP status; 0 if there was no answer at all. */
  status: number;
  /** There was no answer in time. */
  timedOut?: boolean;
}

/** An answer that came back, for `Core.take` or `Write.take`. */
export interface Answered {
  /** Whether it is no error. */
  readonly ok: boolean;
  /** What a native stream gave for it; else 0. */
  readonly ticket: number;
}

/** One invalidation on its way to the stream. Its methods are given the core that made it, for the time. */
export interface Write {
  /** What to do next: a `PutRecords` input, or until when to wait. */
  poll(core: Core): { put: Record<string, unknown> } | { wait: number } | "done";
  /** The answer to what `poll` gave: the API's JSON output. `date` is the HTTP header in milliseconds since the epoch. */
  answer(core: Core, output: unknown, date?: number): void;
  refuse(core: Core, refusal: PlainRefusal, date?: number): void;
  /** Takes an answer of a native stream. */
  take(core: Core, answered: Answered): void;
}

/** An invocation under way. */
export interface InvocationMark {
  readonly __invocation?: never;
}

export type CoreEvent =
  | { type: "gap"; reason: string }
  | { type: "undecodable"; sequenceNumber: string; why: string }
  | { type: "flushed"; sequenceNumber: string }
  | { type: "catch_up_ended"; id: number; outcome: CatchUpOutcome["outcome"]; message?: string };

/** Counters; durations in milliseconds. Names in camelCase. */
export type PlainStats = Record<string, number | null>;

/** Places in `HotFunctions.shared`. */
export const RESULT = 0;
export const SLOT = 1;
export const WEIGHT = 2;
export const FREED = 3;

/** What `FREED` says if it is not one slot. */
export const NONE_FREED = -1;
export const MANY_FREED = -2;

export interface HotFunctions {
  readonly shared: Int32Array;
  /** Leaves a slot (see `OLD`), `MISS`, `DUE`, or an error in `RESULT`. */
  get(key: string): void;
  /**
   * Stores a value that is true now, without tags or a lifetime of its own, in
   * `SLOT` and with `WEIGHT`. Leaves an error or the outcome in `RESULT` (its
   * place in `FillOutcome`), and in `FREED` the slot that became free.
   */
  insert(key: string): void;
}

export interface Core {
  /**
   * Makes the functions of the hot path, which need no receiver. What they are
   * given beside the key, and what they say, is in `shared`.
   */
  hotFunctions(): HotFunctions;
  /** `get` for keys that the hot one calls `UNUSABLE`, and that are fit to be keys. */
  getUnusual(key: string): number;

  /** Both clocks, precisely. */
  now(): number;
  /** For tests: from now on time is what this says. Milliseconds. */
  setClock(monotonic: number, wall: number): void;

  getAfterCatchUp(key: string): number;
  peek(key: string): number;
  arrive(): number;
  /** Whether a reader who came at `arrival` can take what lease `id` brings, revoked or not. */
  accepts(arrival: number, id: number): boolean;
  begin(key: string): Begun;
  /** What a reader does who can load: a slot (see `OLD`) is to be served, else this load is to be led or joined. `ahead`: the read gave such a slot. */
  next(key: string, ahead: boolean): number | Begun;
  /** Whether anything is kept under a key, servable or not: whether it is worth a catch-up to ask `rescue`. */
  keeps(key: string): boolean;
  /** What may be served although the load failed or takes long: the slot and its place in `RESCUED`, or nothing. */
  rescue(key: string): ArrayLike<number>;
  /** Counts an old value that was served while its load goes on. */
  noteStale(key: string): void;
  fill(begun: Begun, slot: number, extras: Extras): FillOutcome;
  abandon(begun: Begun): void;
  insertWith(key: string, slot: number, extras: Extras, asOf?: number): FillOutcome;
  delete(key: string): boolean;
  clear(): void;
  keys(): string[];
  /** Entries, expired ones included, and their weight. */
  size(): [entries: number, weight: number];
  /** Slots that became free since the last time, or nothing. Their values must be let go. */
  takeFreed(): Uint32Array | null | undefined;

  invalidate(what: Names): Write;
  /** The position token. Throws a failure if the stream did not take everything. */
  finishWrite(write: Write): string;
  reached(token: string): boolean;

  catchUp(purpose: "read" | "everything" | number): CatchUpStep;
  outcome(id: number): CatchUpOutcome | null;
  nextTimeout(): number | null;
  handleTimeout(): void;
  pollCall(): PlainCall | null;
  /** `output` is the API's JSON; `date` the HTTP header in milliseconds since the epoch. */
  answer(id: string, operation: string, output: unknown, date?: number): void;
  refuse(id: string, operation: string, refusal: PlainRefusal, date?: number): void;
  /** Takes the answer of a native link. */
  take(answered: Answered): void;
  events(): CoreEvent[];

  beginInvocation(): InvocationMark;
  /** What happened since, and the line to print; null for "off". */
  endInvocation(mark: InvocationMark, style: "json" | "emf" | "off", namespace: string): { line: string | null; report: PlainReport };
  /** This is a copy, restored from a snapshot. */
  restored(): void;
  stats(): PlainStats;

  limits(): Limits;
  validate(): void;
  /** Drops everything; all else then throws, or gives `CLOSED`. */
  close(): void;
}

/** Options in force that the host needs, in milliseconds. */
export interface Limits {
  loadTimeout: number;
  softLoadTimeout: number | null;
  catchUpBudget: number;
  callTimeout: number;
  /** After this long without an answer connections are not trusted. */
  connectionsLast: number;
  /** Between two looks for what a token names. */
  tokenPause: number;
  /** The most tags of one entry. */
  maxTags: number;
}

export type PlainReport = Record<string, number | null>;

/** What a `stream` option says. */
export type StreamSpec = { kind: "none" } | { kind: "memory"; name: string } | { kind: "kinesis"; name: string };

/** A stream that lives in this process. Its answers are there at once. */
export interface MemoryStream {
  readonly name: string;
  /** Answers the next call that the core wants made; undefined if there is none. */
  next(core: Core): Answered | null;
  /** Answers what the write wants put; or says otherwise what to do. */
  put(core: Core, write: Write): Answered | { wait: number } | "done";
}

/** Where answers of Kinesis streams wait to be taken, each with its ticket. */
export interface Inbox {
  take(): Answered | null;
}

/** A Kinesis data stream, read by Rust. Answers come into its inbox. */
export interface KinesisStream {
  readonly name: string;
  next(core: Core): number | null;
  put(core: Core, write: Write): number | { wait: number } | "done";
  warm(): number;
  /** Connections that idled through a freeze are not to be used again. */
  forget(): void;
}

/** Where a stream is that a transport of the caller's own reaches. */
export interface StreamPlace {
  /** Its name or its ARN. */
  stream: string;
  region?: string;
  endpoint?: string;
}

/**
 * The HTTP policy (`core/http`). What has fields crosses as a text of lines,
 * which `http/policy.ts` writes and reads; with a text goes how many lines it
 * has to have. Times are milliseconds since 1970.
 */
export interface HttpPolicy {
  /** A request, and what the policy is going to say of it: its number, until it is closed. */
  open(request: string, lines: number, custom: string | undefined): number;
  /** `what` is one of the numbers of `http/policy.ts`. */
  say(exchange: number, what: number, text: string, lines: number, number: number, bytes: Uint8Array): string;
}

/** Under this a cache has its build, for this package's other entries. */
export const BINDING = Symbol.for("snowmelt.binding");

/** Under this it has its windows for old values, as they were given. */
export const WINDOWS = Symbol.for("snowmelt.windows");

/** Everything that one build gives. */
export interface Binding {
  readonly build: "napi" | "wasm";
  /**
   * `stream` is the stream's identity for position tokens, or null for none;
   * it is never among the settings. `clock` is for tests: what both clocks
   * say, until `setClock`. Does no I/O.
   */
  createCore(settings: Setting[], stream: string | StreamPlace | null, seed?: number, clock?: [monotonic: number, wall: number]): Core;
  parseStream(value: Setting[1]): StreamSpec;
  /** A duration as options write it, in milliseconds. */
  duration(option: string, value: Setting[1]): number;

  openMemory(name: string): MemoryStream;
  /** The native reader; missing in the wasm build. */
  openKinesis?(stream: string, region: string | undefined, endpoint: string | undefined, callTimeout: number, inbox: Inbox): KinesisStream;
  /** `wake` is called when answers wait. It keeps no event loop alive. */
  openInbox?(wake: () => void): Inbox;

  createHttpPolicy(settings: Setting[]): HttpPolicy;

  checkName(what: "key" | "tag" | "prefix", name: string): void;
  printDataId(source: string, id: string): string;
  parseDataId(text: string): { source: string; id: string };

  /** For the vectors only. */
  checkConfig(settings: Setting[]): void;
  decode(base64: string, namespace: string, source: Plain): { apply: Names } | { lacking: Names } | "other_namespace" | "for_others" | "flush_all" | "undecodable";
  /** The records' texts. */
  encode(what: Names, format: string, namespace: string, written: number): string[];
  parseToken(text: string): { positions: Record<string, string>; text: string };
  laneHashKey(lane: number, lanes: number): string;
}
