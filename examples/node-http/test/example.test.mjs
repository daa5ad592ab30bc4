/** The example as a user has it: a copy elsewhere, and its README's commands. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { install } from "./install.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
const own = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "snowmelt-node-http-")));
const folder = path.join(own, "example");
const readme = fs.readFileSync(path.join(here, "README.md"), "utf8");
const manifest = JSON.parse(fs.readFileSync(path.join(here, "package.json"), "utf8"));
const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind, text]) => ({ kind, text }));
// What the test runner tells its own children is not for these.
const { NODE_TEST_CONTEXT: _, INVALIDATION_STREAM: __, ...env } = process.env;
let server;
let url;

const run = async (program, options, settings = {}) => (await promisify(execFile)(program, options, { cwd: folder, env, timeout: 60_000, ...settings })).stdout;

before(async () => {
  fs.cpSync(here, folder, { recursive: true, filter: (file) => !["node_modules", "test"].includes(path.relative(here, file)) });
  install(folder);
  server = spawn(process.execPath, ["src/server.mjs"], { cwd: folder, env: { ...env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: server.stdout }).once("line", (line) => resolve(line.replace("listening on ", "")));
  });
}, { timeout: 60_000 });

after(() => {
  server?.kill("SIGKILL");
  fs.rmSync(own, { recursive: true, force: true });
});

test("the demo says what the README says", async () => {
  const promised = blocks.find(({ kind }) => kind === "text").text.trim().split("\n");
  const said = (await run(process.execPath, ["src/demo.mjs"])).trim().split("\n");
  // How many came after the first ones were answered depends on the machine.
  assert.match(said[0], /^100 at once: 1 miss, \d+ (coalesced|hit)(, \d+ hit)?; queries: 1$/);
  assert.deepEqual(said.slice(1), promised.slice(1));
});

test("the README's session does what it says", { skip: process.platform === "win32" }, async () => {
  const session = blocks.find(({ text }) => text.includes("curl")).text.replaceAll("http://127.0.0.1:8080", url);
  const said = await run("bash", ["-euo", "pipefail", "-c", session]);
  assert.deepEqual([...said.matchAll(/^x-cache: (\w+)/gim)].map(([, way]) => way), ["miss", "hit", "hit", "bypass", "miss"]);
  assert.deepEqual([...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ["200", "200", "304", "200", "200"]);
  assert.deepEqual([...said.matchAll(/"price":([\d.]+)/g)].map(([, price]) => Number(price)), [19, 19, 18, 18]);
});

test("the README's other commands exist", () => {
  const commands = blocks.flatMap(({ text }) => text.match(/^npm (run )?\w+$/gm) ?? []);
  assert.deepEqual(commands, ["npm install", "npm run demo", "npm start"]);
  for (const name of ["demo", "start"]) assert.ok(manifest.scripts[name]);
});

test("the function does the same behind an HTTP API", async () => {
  const program = `
    import { handler } from "./src/lambda.mjs";
    const event = (method, body) => ({
      version: "2.0", routeKey: method + " /products/{id}", rawPath: "/products/1", rawQueryString: "", headers: { host: "api.example", "x-forwarded-proto": "https" },
      pathParameters: { id: "1" }, requestContext: { domainName: "api.example", http: { method, path: "/products/1" } }, body, isBase64Encoded: false,
    });
    const said = [];
    for (const given of [event("GET"), event("GET"), event("PUT", '{"price": 11}'), event("GET")]) {
      const { statusCode, headers, body } = await handler(given, {});
      said.push([statusCode, headers["x-cache"], JSON.parse(body).price]);
    }
    console.log(JSON.stringify(said));
  `;
  const said = await run(process.execPath, ["--input-type=module", "-e", program]);
  assert.deepEqual(JSON.parse(said.trim().split("\n").at(-1)), [[200, "miss", 12.5], [200, "hit", 12.5], [200, "bypass", 11], [200, "miss", 11]]);
});
