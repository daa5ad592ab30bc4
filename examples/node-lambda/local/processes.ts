/** The processes of the local run. Each ends when this one does, however that ends. */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

import type { Answer, Request } from "../src/http";

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

export class Kinesis {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(stream: string): Promise<Kinesis> {
    const child = spawn(process.execPath, [path.join("local", "kinesis.cjs"), stream], { stdio: ["pipe", "pipe", "inherit"] });
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`kinesis-local ended with ${code}`)));
      createInterface(child.stdout).on("line", (line) => {
        const said = /^listening on (.*)$/.exec(line);
        if (said?.[1] !== undefined) resolve(said[1]);
      });
    });
    return new Kinesis(child, url);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  end(): Promise<void> {
    return end(this.child);
  }
}

interface Reply {
  id: number;
  result?: Answer;
  error?: string;
}

/** A sandbox as Lambda has it: one invocation at a time. */
export class Sandbox {
  readonly #child: ChildProcess;
  #last: Promise<unknown>;
  #invocations = 0;

  /** `handler` is as in template.yaml. What the function prints goes to `print`. */
  constructor(
    readonly name: string,
    folder: string,
    handler: string,
    environment: Record<string, string>,
    print: (line: string) => void,
  ) {
    const [file = "", exported = ""] = handler.split(".");
    this.#child = fork(path.join("dist", "local", "sandbox.mjs"), [path.resolve(folder, `${file}.js`), exported], {
      env: environment,
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    if (this.#child.stdout !== null) createInterface(this.#child.stdout).on("line", (line) => print(`${name}: ${line}`));
    this.#last = this.#heard();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Rejects if the sandbox could not be started. */
  async ready(): Promise<void> {
    await this.#last;
  }

  async invoke(event: Request): Promise<Answer> {
    const turn = this.#last;
    const invoked = turn.then(() => this.#invoke(event));
    this.#last = invoked.catch(() => {});
    return invoked;
  }

  async #invoke(event: Request): Promise<Answer> {
    const id = ++this.#invocations;
    this.#child.send({ id, event });
    const { result, error } = await this.#heard();
    return result ?? { statusCode: 502, body: JSON.stringify({ error: error ?? "the function returned nothing" }) };
  }

  /** The next message. */
  #heard(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const over = (code: number | null) => reject(new Error(`sandbox ${this.name} ended with ${code}`));
      this.#child.once("exit", over).once("message", (message) => {
        this.#child.off("exit", over);
        resolve(message as Reply);
      });
    });
  }

  end(): Promise<void> {
    return end(this.#child);
  }
}
