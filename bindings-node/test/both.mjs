/** The package as its users have it, in both builds, and what most tests need beside it. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
export const libraries = {
  napi: fileURLToPath(new URL("../lib/index.cjs", import.meta.url)),
  wasm: fileURLToPath(new URL("../lib/wasm.cjs", import.meta.url)),
};

export { pause };

/** The public API of one build. */
export const api = (build) => require(libraries[build]);

/** A test for each build: `run(api, context, build)`. */
export function both(name, run) {
  for (const build of Object.keys(libraries)) test(`${name} (${build})`, (context) => run(api(build), context, build));
}

let streams = 0;

/** An embedded stream that no other test uses. */
export const ownStream = () => `memory:test-${process.pid}-${(streams += 1)}`;

/** A promise, and what settles it. */
export function gate() {
  const made = {};
  made.promise = new Promise((open, fail) => Object.assign(made, { open, fail }));
  return made;
}

/** Waits until it holds, and fails if it never does. */
export async function eventually(holds, what, most = 5_000) {
  for (const end = Date.now() + most; !(await holds()); await pause(5)) {
    if (Date.now() > end) throw new Error(`not within ${most} ms: ${what}`);
  }
}

/** Whether a promise is settled by now, give or take a few turns. */
export async function settled(promise) {
  let over = false;
  const note = () => void (over = true);
  promise.then(note, note);
  await pause(10);
  return over;
}

/**
 * Runs a function in a process of its own: `run(api, ...args)`. It sees nothing
 * of where it is written but `require`.
 */
export function child(run, { build = "napi", args = [], flags = [], env = {}, most = 30_000 } = {}) {
  const source = `(${run})(require(${JSON.stringify(libraries[build])}), ...${JSON.stringify(args)})`;
  const began = Date.now();
  // What the test runner tells its own children is not for this one.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const started = spawn(process.execPath, [...flags, "-e", source], { env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const name of Object.keys(texts)) started[name].setEncoding("utf8").on("data", (text) => void (texts[name] += text));
  const timer = setTimeout(() => started.kill("SIGKILL"), most);
  return new Promise((resolve, reject) => {
    started.on("error", reject).on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, took: Date.now() - began, ...texts });
    });
  });
}
