/** An empty project that the packed tarballs are installed into, and what is done there. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { pack } from "../../scripts/pack.mjs";

const run = promisify(execFile);
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";

/** This package's folder. */
export const here = fileURLToPath(new URL("../..", import.meta.url));
export const require = createRequire(path.join(here, "package.json"));

export class Workbench {
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), "snowmelt-packaging-"));
  /** The project. */
  app = this.folder("app");

  /** Installs what SNOWMELT_PACKAGES has, or else the tests' own build. Nothing is asked of a registry. */
  async install() {
    const packages = process.env.SNOWMELT_PACKAGES;
    const tarballs = packages ? inFolder(packages) : await pack({ profile: "dev", out: this.folder("tarballs") });
    this.main = tarballs.find((file) => /snowmelt-\d[^/\\]*\.tgz$/.test(file));
    this.platform = tarballs.find((file) => file !== this.main);
    const dependency = await this.#dependency("aws4fetch");
    this.write("app/package.json", JSON.stringify({ name: "app", private: true }));
    const options = ["--offline", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    await this.run(NPM, ["install", ...options, ...tarballs, dependency]);
  }

  /** A tarball of what `npm ci` put here. */
  async #dependency(name) {
    const to = this.folder("dependencies");
    const { stdout } = await run(NPM, ["pack", "--json", "--ignore-scripts", `--pack-destination=${to}`], { cwd: path.join(here, "node_modules", name) });
    return path.join(to, JSON.parse(stdout)[0].filename);
  }

  folder(name) {
    const folder = path.join(this.#folder, name);
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Writes a file and gives its path. */
  write(name, text) {
    const file = path.join(this.#folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  }

  /** A copy of a folder, somewhere else. */
  moved(folder, name) {
    const to = path.join(this.#folder, "elsewhere", name);
    fs.cpSync(folder, to, { recursive: true, dereference: true });
    return to;
  }

  /** Runs a program in the project; fails with what it printed. */
  async run(program, options, cwd = this.app) {
    try {
      return (await run(program, options, { cwd, env: environment(), timeout: 60_000, maxBuffer: 1 << 26 })).stdout;
    } catch (error) {
      assert.fail(`${path.basename(program)} ${options.join(" ")}\n${error.stdout}\n${error.stderr}`);
    }
  }

  node(file, ...flags) {
    return this.run(process.execPath, [...flags, file], path.dirname(file));
  }

  /** Runs a tool of this folder's node_modules. */
  tool(file, ...options) {
    return this.run(process.execPath, [path.join(here, "node_modules", file), ...options]);
  }

  /** The files of a tarball. */
  async files(tarball) {
    const listed = await this.run("tar", ["-tzf", tarball]);
    return listed.trim().split("\n").map((name) => name.replace(/^package\//, "")).sort();
  }

  /** What a file of a tarball says. */
  text(tarball, name) {
    return this.run("tar", ["-xzOf", tarball, `package/${name}`]);
  }

  async manifest(tarball) {
    return JSON.parse(await this.text(tarball, "package.json"));
  }

  remove() {
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the programs see: no settings of whoever runs the tests. */
function environment() {
  const { NODE_OPTIONS: _, NODE_PATH: __, NODE_TEST_CONTEXT: ___, ...rest } = process.env;
  return rest;
}

function inFolder(folder) {
  const files = fs.readdirSync(folder).filter((name) => /^snowmelt-.*\.tgz$/.test(name));
  assert.equal(files.length, 2, `${folder} has the package and this machine's platform package`);
  return files.map((name) => path.resolve(folder, name));
}

/** Runs a worker under workerd on a free port of the loopback; gives what one request is answered. */
export async function askWorkerd(folder, config) {
  const child = spawn(require("workerd").default, ["serve", "--control-fd=3", config], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  try {
    const port = await new Promise((resolve, reject) => {
      let said = "";
      child.once("error", reject).once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
      child.stdio[3].setEncoding("utf8").on("data", (text) => {
        said += text;
        const listening = said.split("\n").slice(0, -1).map((line) => JSON.parse(line)).find(({ event }) => event === "listen");
        if (listening) resolve(listening.port);
      });
    });
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) });
    return await answer.text();
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await ended;
    }
  }
}
