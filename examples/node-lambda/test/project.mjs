/** A copy of this example somewhere else, as a user has it, and what is run in it. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = fileURLToPath(new URL("..", import.meta.url));
const windows = process.platform === "win32";
const LEFT_OUT = ["node_modules", "dist", "test", ".aws-sam"];

export class Project {
  #folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "snowmelt-node-lambda-")));
  folder = path.join(this.#folder, "example");
  #locals = [];

  constructor() {
    const kept = (file) => !LEFT_OUT.includes(path.relative(here, file));
    fs.cpSync(here, this.folder, { recursive: true, filter: kept });
    fs.symlinkSync(path.join(here, "node_modules"), path.join(this.folder, "node_modules"), "junction");
  }

  path(...parts) {
    return path.join(this.folder, ...parts);
  }

  read(...parts) {
    return fs.readFileSync(this.path(...parts), "utf8");
  }

  /** A copy of a folder where there is nothing else. */
  alone(...parts) {
    const to = path.join(this.#folder, "alone", ...parts);
    fs.cpSync(this.path(...parts), to, { recursive: true });
    return to;
  }

  npm(...options) {
    return this.run(windows ? "npm.cmd" : "npm", options, { shell: windows });
  }

  /** Runs a program; fails with what it printed. */
  async run(program, options, settings = {}) {
    try {
      const { stdout } = await promisify(execFile)(program, options, { cwd: this.folder, env: environment(), timeout: 60_000, ...settings });
      return stdout;
    } catch (error) {
      assert.fail(`${path.basename(program)} ${options.join(" ")}\n${error.message}\n${error.stdout}\n${error.stderr}`);
    }
  }

  /** What `npm run local` starts after its build, on a free port. */
  async local() {
    const local = await Local.start(this.folder);
    this.#locals.push(local);
    return local;
  }

  async remove() {
    for (const local of this.#locals) await local.end("SIGKILL");
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class Local {
  pids = {};

  static async start(folder) {
    const local = new Local();
    local.child = spawn(process.execPath, ["dist/local/main.mjs", "--port", "0"], { cwd: folder, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    let complaints = "";
    local.child.stderr.setEncoding("utf8").on("data", (text) => void (complaints += text));
    local.ended = new Promise((resolve) => local.child.once("exit", (code) => resolve(code)));
    local.url = await new Promise((resolve, reject) => {
      local.child.once("close", (code) => reject(new Error(`the local run ended with ${code}: ${readable(complaints)}`)));
      createInterface(local.child.stdout).on("line", (line) => {
        const [, pid, name] = /^process (\d+): (.*)$/.exec(line) ?? [];
        if (pid) local.pids[name] = Number(pid);
        local.productsUrl ??= /^external API: (http:\/\/[\d.:]+)\//.exec(line)?.[1];
        const [, url] = /^listening on (.*)$/.exec(line) ?? [];
        if (url) resolve(url);
      });
    });
    return local;
  }

  async ask(method, path, { body, ...headers } = {}) {
    const response = await fetch(this.url + path, { method, body: body && JSON.stringify(body), headers, signal: AbortSignal.timeout(20_000) });
    const { "x-from": from, "x-min-position": position } = Object.fromEntries(response.headers);
    return { status: response.status, from, position, ...(await response.json()) };
  }

  get(sandbox, id, headers = {}) {
    return this.ask("GET", `/products/${id}`, { "x-sandbox": String(sandbox), ...headers });
  }

  /** How often the external API was asked. */
  async requests() {
    return (await (await fetch(`${this.productsUrl}/requests`)).json()).requests;
  }

  /** Ends it; gives its exit code. All of its processes are gone then. */
  async end(signal = "SIGTERM") {
    this.child.kill(signal);
    const code = await this.ended;
    for (let left = 50; Object.values(this.pids).some(alive); left--) {
      assert.ok(left > 0, `still running: ${JSON.stringify(this.pids)}`);
      await sleep(100);
    }
    return code;
  }
}

/** Without the lines of bundles, which are long. */
const readable = (text) => text.split("\n").filter((line) => line.length < 500).join("\n");

function alive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** No settings of whoever runs the tests. */
export function environment() {
  const { NODE_OPTIONS: _, NODE_PATH: __, NODE_TEST_CONTEXT: ___, ...rest } = process.env;
  return rest;
}
