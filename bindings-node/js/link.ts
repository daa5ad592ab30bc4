/** Ways from the core to a stream. They decide nothing. */

import type { Answered, Core, Inbox, KinesisStream, MemoryStream, Write } from "./binding";

/** Hands an answer to the core; tells whether it was no error. */
export type Apply = (core: Core) => boolean;

export interface Link {
  /** The stream's identity. */
  readonly name: string;
  /** Starts the next call that the core wants made; undefined if there is none. Never rejects. */
  next(core: Core): Promise<Apply> | undefined;
  /** Starts what the write wants put; or says until when to wait, or that it is done. Never rejects. */
  put(core: Core, write: Write): Promise<Apply> | { wait: number } | "done";
  /** Connections that idled through a freeze are not to be used again. */
  forget(): void;
  /** Makes the first connection. */
  warm(): Promise<void>;
}

/** The embedded stream. Its answers come a turn later, as any stream's do. */
export class MemoryLink implements Link {
  readonly name: string;
  readonly #stream: MemoryStream;

  constructor(stream: MemoryStream) {
    this.#stream = stream;
    this.name = stream.name;
  }

  next(core: Core): Promise<Apply> | undefined {
    const answered = this.#stream.next(core);
    return answered === null ? undefined : Promise.resolve(taking(answered));
  }

  put(core: Core, write: Write): Promise<Apply> | { wait: number } | "done" {
    const answered = this.#stream.put(core, write);
    return "ok" in Object(answered) ? Promise.resolve(writing(answered as Answered, write)) : (answered as { wait: number } | "done");
  }

  forget(): void {}

  async warm(): Promise<void> {}
}

/** Answers of Kinesis streams that are awaited, by their tickets; one for all caches of a thread. */
export class Tickets {
  readonly inbox: Inbox;
  readonly #waiting = new Map<number, (answered: Answered) => void>();

  constructor(open: (wake: () => void) => Inbox) {
    this.inbox = open(() => this.#deliver());
  }

  wait(ticket: number): Promise<Answered> {
    return new Promise((resolve) => this.#waiting.set(ticket, resolve));
  }

  #deliver(): void {
    for (let answered = this.inbox.take(); answered !== null; answered = this.inbox.take()) {
      this.#waiting.get(answered.ticket)?.(answered);
      this.#waiting.delete(answered.ticket);
    }
  }
}

/** A Kinesis data stream that Rust reads. */
export class KinesisLink implements Link {
  readonly name: string;
  readonly #stream: KinesisStream;
  readonly #tickets: Tickets;

  constructor(stream: KinesisStream, tickets: Tickets) {
    this.#tickets = tickets;
    this.#stream = stream;
    this.name = stream.name;
  }

  next(core: Core): Promise<Apply> | undefined {
    const ticket = this.#stream.next(core);
    return ticket === null ? undefined : this.#tickets.wait(ticket).then(taking);
  }

  put(core: Core, write: Write): Promise<Apply> | { wait: number } | "done" {
    const step = this.#stream.put(core, write);
    if (typeof step !== "number") return step;
    return this.#tickets.wait(step).then((answered) => writing(answered, write));
  }

  forget(): void {
    this.#stream.forget();
  }

  async warm(): Promise<void> {
    await this.#tickets.wait(this.#stream.warm());
  }
}

function taking(answered: Answered): Apply {
  return (core) => {
    core.take(answered);
    return answered.ok;
  };
}

function writing(answered: Answered, write: Write): Apply {
  return (core) => {
    write.take(core, answered);
    return answered.ok;
  };
}
