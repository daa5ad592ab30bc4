/** Caches in processes of their own, which do what they are told by lines. */
import readline from "node:readline";
import { fileURLToPath } from "node:url";

import { program, start, stop } from "./servers.mjs";

const CHILD = fileURLToPath(new URL("program.mjs", import.meta.url));

export class Peer {
  #process;
  #answers = [];
  #waiting = [];

  constructor(name, child) {
    this.name = name;
    this.#process = child;
    readline.createInterface({ input: child.stdout }).on("line", (line) => {
      const answer = JSON.parse(line);
      const wait = this.#waiting.shift();
      if (wait) wait(answer);
      else this.#answers.push(answer);
    });
    const ended = ({ code, signal }) => this.#waiting.splice(0).forEach((wait) => wait({ error: `${name} ended: ${code ?? signal}` }));
    child.exited.then(ended, (error) => ended({ code: error.message }));
  }

  get pid() {
    return this.#process.pid;
  }

  /** `build` is "napi", "wasm" or "sdk"; `options` are the cache's. */
  static async node(name, server, build, options) {
    const peer = new Peer(name, start(process.execPath, [CHILD, build, JSON.stringify(options)], { env: server.environment }));
    await peer.#answer();
    return peer;
  }

  /** A cache of the Rust crate: `native/tests/peer` says what it takes. */
  static async rust(name, server, { stream }) {
    const peer = new Peer(name, start(program("test-peer", "snowmelt-test-peer"), [stream], { env: server.environment }));
    await peer.#answer();
    return peer;
  }

  async #answer() {
    const answer = this.#answers.shift() ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
    if ("error" in answer) throw new Error(`${this.name}: ${answer.error}`);
    return answer.ok;
  }

  /** Has a command carried out; several may be under way. */
  ask(what, members = {}) {
    this.#process.stdin.write(`${JSON.stringify({ do: what, ...members })}\n`);
    return this.#answer();
  }

  signal(name) {
    this.#process.kill(name);
  }

  stop() {
    return stop(this.#process);
  }
}
