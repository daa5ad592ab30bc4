/** The example as a user has it: built, run on this machine, and its README's commands. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { install } from "./install.mjs";
import { environment, Project } from "./project.mjs";

/** How long a reader may go without looking at the stream (`catchUpEvery`), and a little. */
const CATCH_UP_EVERY = 1_100;

let project;
let local;
/** In a copy of its own, beside the other tests, because it takes a while. */
let demo;

before(
  async () => {
    install();
    project = new Project();
    await project.npm("run", "build");
    local = await project.local();
    demo = new Project();
    demo.said = demo.npm("run", "--silent", "demo");
    demo.said.catch(() => {});
  },
  { timeout: 300_000 },
);
after(async () => {
  await demo?.remove();
  await project?.remove();
});

test("the types are right", async () => {
  await project.npm("run", "check");
});

test("a bundle and its addon are all that is needed", async () => {
  for (const name of ["read", "invalidate"]) {
    const folder = project.alone("dist", name);
    assert.match(fs.readdirSync(folder).sort().join(" "), new RegExp(`^${name}\\.js snowmelt-\\w+\\.node$`));
    const program = `
      const { handler } = require("./${name}.js");
      handler({ routeKey: "POST /invalidate", headers: {}, body: '{"ids":["1"]}' }).then(({ statusCode }) => console.log(statusCode));
    `;
    const variables = { INVALIDATION_STREAM: "memory:", PRICES_TABLE: "prices", PRODUCTS_URL: "http://127.0.0.1:9/products", AWS_REGION: "us-east-1" };
    const said = await project.run(process.execPath, ["-e", program], { cwd: folder, env: { ...environment(), ...variables } });
    // The reader is given no id, and says so; before that its cache reports.
    assert.equal(said.trim().split("\n").at(-1), name === "read" ? "400" : "200");
  }
});

test("the template says what the sources need", async () => {
  const program = 'import("./local/template.mjs").then(({ functions, template }) => console.log(JSON.stringify({ functions: functions(), template: template() })))';
  const { functions, template } = JSON.parse(await project.run(process.execPath, ["-e", program]));
  assert.deepEqual(functions.map(({ name }) => name), ["read", "invalidate"]);
  for (const { name, handler, variables, bundle } of functions) {
    assert.equal(handler, `${name}.handler`);
    assert.deepEqual(bundle.EntryPoints, [`src/${name}.ts`]);
    const sources = [`${name}.ts`, "products.ts", "http.ts"].map((file) => project.read("src", file)).join("\n");
    const used = [...sources.matchAll(/(?:process\.env\["|required\(")(\w+)"/g)].map(([, variable]) => variable);
    assert.deepEqual(Object.keys(variables).sort(), [...new Set(used)].sort(), name);
  }
  const [read, invalidate] = functions;
  assert.deepEqual(read.actions, ["kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords", "dynamodb:GetItem"]);
  assert.deepEqual(invalidate.actions, ["kinesis:PutRecords", "dynamodb:PutItem"]);
  assert.deepEqual(invalidate.routes.filter((route) => !project.read("src", "invalidate.ts").includes(`case "${route}"`)), []);
  // What Snowmelt takes for granted unless its option `retention` says otherwise.
  assert.equal(template.Resources.Invalidations.Properties.RetentionPeriodHours, 24);
  assert.doesNotMatch(JSON.stringify(template), /Vpc|Subnet|ElastiCache|NatGateway/);
});

test("each sandbox loads once", async () => {
  const before = await local.requests();
  for (const sandbox of [1, 2]) {
    assert.deepEqual(await local.get(sandbox, 1), product({ from: "origin", price: 12 }));
    assert.deepEqual(await local.get(sandbox, 1), product({ from: "memory", price: 12 }));
  }
  assert.equal((await local.requests()) - before, 2);
});

test("with the position of a write both sandboxes have its price at the next read", async () => {
  const { status, position } = await local.ask("PUT", "/products/1", { body: { price: 9.5 } });
  assert.equal(status, 200);
  for (const sandbox of [1, 2]) {
    assert.deepEqual(await local.get(sandbox, 1, { "x-min-position": position }), product({ from: "origin", price: 9.5 }));
    assert.deepEqual(await local.get(sandbox, 1, { "x-min-position": position }), product({ from: "memory", price: 9.5 }));
  }
});

test("without it, once a second has gone by", async () => {
  assert.equal((await local.ask("PUT", "/products/1", { body: { price: 8 } })).status, 200);
  await sleep(CATCH_UP_EVERY);
  for (const sandbox of [1, 2]) assert.deepEqual(await local.get(sandbox, 1), product({ from: "origin", price: 8 }));
});

test("a webhook invalidates ids and categories, and nothing else", async () => {
  await Promise.all([2, 3].map((id) => local.get(1, id)));
  const from = async (position) => {
    const answers = [];
    for (const id of [1, 2, 3]) answers.push((await local.get(1, id, { "x-min-position": position })).from);
    return answers.join(" ");
  };
  const category = await local.ask("POST", "/invalidate", { body: { category: "mugs" } });
  assert.equal(await from(category.position), "origin origin memory");
  const ids = await local.ask("POST", "/invalidate", { body: { ids: ["2", "3"] } });
  assert.equal(await from(ids.position), "memory origin origin");
});

test("what is wrong with a request is said", async () => {
  const wrong = [
    ["GET", "/products/1", { "x-min-position": "yesterday" }, 400, /sm1\./],
    ["GET", "/products/a%20b", {}, 400, /an id is/],
    ["GET", "/products/77", {}, 404, /no such product/],
    ["PUT", "/products/1", { body: { price: "8" } }, 400, /"price": 12\.5/],
    ["POST", "/invalidate", { body: {} }, 400, /nothing to invalidate/],
    ["POST", "/invalidate", { body: { id: "1" } }, 400, /"ids"/],
  ];
  for (const [method, path, options, expected, message] of wrong) {
    const { status, error } = await local.ask(method, path, options);
    assert.deepEqual([status, message.test(error)], [expected, true], `${method} ${path}: ${status} ${error}`);
  }
});

test("the README's session does what it says", { skip: process.platform === "win32" }, async () => {
  const session = blocks().find((block) => block.includes("curl"));
  const said = await project.run("bash", ["-euo", "pipefail", "-c", session.replaceAll("http://127.0.0.1:8080", local.url)]);
  const from = [...said.matchAll(/^x-from: (\w+)/gm)].map(([, from]) => from);
  const prices = [...said.matchAll(/"price":([\d.]+)/g)].map(([, price]) => Number(price));
  // Other tests had product 2 in memory before.
  assert.deepEqual([from.slice(1), prices], [["memory", "origin", "origin"], [13, 13, 11, 11]]);
});

test("the README's other commands exist", () => {
  const { scripts } = JSON.parse(project.read("package.json"));
  const commands = blocks().join("\n").match(/^npm run \w+/gm);
  assert.deepEqual(commands, ["npm run demo", "npm run local"]);
  for (const command of commands) assert.ok(scripts[command.replace("npm run ", "")], command);
});

test("without the stream reads go on, and a write says that it was not announced", async () => {
  await local.get(1, 1);
  process.kill(local.pids.kinesis, "SIGKILL");
  await sleep(CATCH_UP_EVERY);
  const { status, from } = await local.get(1, 1);
  assert.deepEqual([status, from], [200, "memory"]);
  const written = await local.ask("PUT", "/products/1", { body: { price: 7 } });
  assert.deepEqual([written.status, written.position], [503, undefined]);
  assert.match(written.error, /^the price is saved, but/);
});

test("all processes end with the local run, however it ends", async () => {
  assert.equal(await local.end("SIGTERM"), 0);
  await (await project.local()).end("SIGKILL");
});

test("a sandbox that has cached nothing yet takes a position too", async () => {
  local = await project.local();
  const { position } = await local.ask("PUT", "/products/1", { body: { price: 10 } });
  assert.deepEqual(await local.get(1, 1, { "x-min-position": position }), product({ from: "origin", price: 10 }));
  await local.end();
});

test("the demo runs, and ends by itself", async () => {
  const said = await demo.said;
  const reads = [...said.matchAll(/^ {2}read (\d) +[\d.]+ ms {2}Blue mug ([\d.]+), from (\w+)$/gm)].map(([, ...read]) => read.join(" "));
  assert.deepEqual(reads, [
    "1 12.00 origin", "1 12.00 memory", "2 12.00 origin", "2 12.00 memory",
    "2 9.50 origin", "1 9.50 origin", "1 9.50 memory",
    "1 9.50 origin", "2 9.50 origin",
  ]);
  assert.match(said, /In all 109 reads, and 6 requests to the external API\.\n$/);
});

const product = (changes) => ({ status: 200, position: undefined, id: "1", title: "Blue mug", category: "mugs", ...changes });

/** The README's commands. */
function blocks() {
  return [...project.read("README.md").matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block);
}
