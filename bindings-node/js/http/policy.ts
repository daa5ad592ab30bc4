/** The HTTP policy of the core, in JavaScript's words: converts, calls, converts. */

import type { Binding, HttpPolicy as RawPolicy, Setting } from "../binding";
import { SnowmeltError, translated } from "../errors";

/** Header fields. A value's characters are its bytes (Latin-1). */
export type Fields = [name: string, value: string][];

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** What follows the `?`; undefined without one. */
  readonly query: string | undefined;
  readonly headers: Fields;
}

/** A response without its body. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Fields;
}

/** What a client gets; `withBody`: whether the body follows. */
export interface Answer extends ResponseHead {
  readonly withBody: boolean;
}

export type Lookup = "shared" | "alone" | "only-cached" | "anew";

export interface Question {
  readonly key: string;
  readonly lookup: Lookup;
  /** Why `alone`. */
  readonly reason: string;
  /** Names of request headers that the handler must not see. */
  readonly dropRequestHeaders: string[];
}

export interface Bypass {
  readonly bypass: string;
}

/** How a response is stored. Times in milliseconds. */
export interface Keep {
  readonly ttl: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  readonly bodyCap: number;
  readonly tags: string[];
  /** For the client alone whose request ran the handler. */
  readonly own: Fields;
}

export interface Pass {
  readonly pass: string;
  /** The load is to fail: an old response may stand in for this one. */
  readonly failure: boolean;
}

/** What is stored beside a body. */
export interface Sealed {
  readonly meta: string;
  readonly weight: number;
}

export interface Refused {
  readonly refused: string;
}

export type Match = "yes" | "too_old" | { readonly other: string };

/** `X-Cache`'s words. */
export type Way = "hit" | "miss" | "stale" | "coalesced" | "bypass";

export class Policy {
  readonly #raw: RawPolicy;

  constructor(binding: Binding, settings: Setting[]) {
    try {
      this.#raw = translated(() => binding.createHttpPolicy(settings));
    } catch (error) {
      throw error instanceof SnowmeltError ? renamed(error) : error;
    }
  }

  /** Throws if the request has what HTTP does not know. */
  exchange(head: RequestHead, custom?: string): Exchange {
    const { method, scheme, host, path, query, headers } = head;
    const lines = [method, scheme, host, path, query === undefined ? "" : `?${query}`];
    const text = joined(lines, headers);
    return new Exchange(this.#raw, translated(() => this.#raw.open(text, lines.length, custom)));
  }
}

/** Options of the core have underscores where digits follow too. */
function renamed({ code, message, option }: SnowmeltError): SnowmeltError {
  const name = (text: string) => text.replace(/store_5xx/g, "store5xx");
  return new SnowmeltError(code, name(message), option === undefined ? {} : { option: name(option) });
}

/** What can be said of a request; the numbers are `say`'s in `src/http.rs`. */
const WANTS_BODY = 0;
const ASK = 1;
const JUDGE = 2;
const SEAL = 3;
const MATCHES = 4;
const ANSWER = 5;
const PASS = 6;
const INVALIDATES = 7;
const UNSATISFIED = 8;
const CLOSE = 9;
const ASKS_AGAIN = 10;

/** That all of the body is there, for `ASK`. */
const READ = 2;
const NOTHING = new Uint8Array(0);

function close(raw: RawPolicy, number: number): void {
  raw.say(number, CLOSE, "", 0, 0, NOTHING);
}

/** Those whose handler never ended. To be watched costs more than a hit does, which therefore is not. */
const forgotten =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<{ raw: RawPolicy; number: number }>(({ raw, number }) => close(raw, number));

/** One request, and what was said of it; until all who hold it have let it go. */
export class Exchange {
  readonly #raw: RawPolicy;
  readonly #number: number;
  #holders = 1;
  #watched = false;

  constructor(raw: RawPolicy, number: number) {
    this.#raw = raw;
    this.#number = number;
  }

  /** For one more, who may never end. */
  hold(): void {
    this.#holders += 1;
    this.watch();
  }

  /** To be called before waiting for what may never come: then it is closed when nothing knows it any more. */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    forgotten?.register(this, { raw: this.#raw, number: this.#number }, this);
  }

  /** The last one who lets it go closes it. */
  letGo(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (this.#watched) forgotten?.unregister(this);
    close(this.#raw, this.#number);
  }

  #say(what: number, text: string, number: number, { lines = 0, bytes = NOTHING }: { lines?: number; bytes?: Uint8Array | undefined } = {}): string {
    return translated(() => this.#raw.say(this.#number, what, text, lines, number, bytes));
  }

  wantsBody(follows: boolean): number | undefined {
    const most = this.#say(WANTS_BODY, "", Number(follows));
    return most === "" ? undefined : Number(most);
  }

  ask(follows = false, bytes?: Uint8Array): Question | Bypass {
    const [lookup, reason, key, ...dropRequestHeaders] = this.#say(ASK, "", bytes === undefined ? Number(follows) : READ, { bytes }).split("\n") as [string, string, string];
    return lookup === "bypass" ? { bypass: reason } : { lookup: lookup as Lookup, reason, key, dropRequestHeaders };
  }

  judge({ status, headers }: ResponseHead, ttl: number | undefined, now: number): Keep | Pass {
    const lines = [`${status}`, `${ttl ?? ""}`];
    const text = joined(lines, headers);
    const said = this.#say(JUDGE, text, now, { lines: lines.length }).split("\n");
    if (said[0] !== "keep") return { pass: said[1] as string, failure: said[0] === "fail" };
    const [ttlKept, staleWhileRevalidate, staleIfError, bodyCap, tags] = said.slice(1, 6).map(Number) as [number, number, number, number, number];
    return { ttl: ttlKept, staleWhileRevalidate, staleIfError, bodyCap, tags: said.slice(6, 6 + tags), own: pairs(said, 6 + tags) };
  }

  seal(bytes: Uint8Array): Sealed | Refused {
    const meta = this.#say(SEAL, "", 0, { bytes });
    const end = meta.indexOf("\n");
    return end < 0 ? { refused: meta } : { meta, weight: Number(meta.slice(0, end)) };
  }

  matches(meta: string, now: number): Match {
    const said = this.#say(MATCHES, meta, now);
    return said === "yes" || said === "too_old" ? said : { other: said.slice("other\n".length) };
  }

  /** Whether who waited in vain, for this reason, asks again, once. */
  asksAgain(reason: string): boolean {
    return this.#say(ASKS_AGAIN, reason, 0) !== "";
  }

  /** From what was found (`matches`) or sealed last. */
  answer(how: Way, now: number): Answer {
    return answered(this.#say(ANSWER, how, now));
  }

  pass(reason: string, { status, headers }: ResponseHead): Answer {
    const lines = [reason, `${status}`];
    const text = joined(lines, headers);
    return answered(this.#say(PASS, text, 0, { lines: lines.length }));
  }

  /** What one gets who takes nothing but what is stored, if there is nothing. */
  unsatisfied(): Answer {
    return answered(this.#say(UNSATISFIED, "", 0));
  }

  invalidates(status: number): { keys: string[]; prefixes: string[] } | undefined {
    const said = this.#say(INVALIDATES, "", status);
    if (said === "") return undefined;
    const [count, ...names] = said.split("\n");
    return { keys: names.slice(0, Number(count)), prefixes: names.slice(Number(count)) };
  }
}

/** Adds the fields to the lines, and gives the text of all. */
function joined(lines: string[], fields: Fields): string {
  for (const [name, value] of fields) lines.push(name, value);
  return lines.join("\n");
}

function answered(text: string): Answer {
  const said = text.split("\n");
  return { status: Number(said[0]), withBody: said[1] === "1", headers: pairs(said, 2) };
}

function pairs(lines: string[], from: number): Fields {
  const fields: Fields = [];
  for (let at = from; at + 1 < lines.length; at += 2) fields.push([lines[at] as string, lines[at + 1] as string]);
  return fields;
}
