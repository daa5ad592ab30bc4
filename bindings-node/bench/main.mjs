// The speed, memory and start of the Node package beside its peers:
//
//     node bench/main.mjs [PART…]      parts: hits sets memory loads http startup
//
// Fails if a target is missed. What is compared is measured in the same run.
// Each part has processes of its own, so that what V8 learns in one does not
// show in another. SNOWMELT_BENCH_ROUNDS sets the number of rounds,
// SNOWMELT_ADDON the addon (see addon.mjs).
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { addon } from "./addon.mjs";
import { Report } from "./report.mjs";

const part = (name) => import(`./${name}.mjs`);

const PARTS = {
  hits: async () => alone("hits"),
  sets: async () => Object.fromEntries(Object.keys((await part("sets")).PATTERNS).map((pattern) => [pattern, alone("sets", pattern)])),
  memory: async () => {
    const { COMPARED, TIMES } = await part("memory");
    const results = Object.fromEntries(COMPARED.map((id) => [id, []]));
    for (let time = 0; time < TIMES; time++) for (const id of COMPARED) results[id].push(alone("memory", id));
    return results;
  },
  loads: async () => alone("loads"),
  http: async () => alone("http"),
  startup: async () => (await part("startup")).measure(),
};

/** Measures in another process. */
function alone(...what) {
  const options = { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 24 };
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", fileURLToPath(import.meta.url), "--alone", ...what], options));
}

/** What that process does. */
async function measure(name, detail) {
  const { measure, PATTERNS } = await part(name);
  const result = PATTERNS ? await PATTERNS[detail].run() : await measure(detail);
  process.stdout.write(JSON.stringify(result), () => process.exit());
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in PARTS));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(", ")}; parts are ${Object.keys(PARTS).join(", ")}`);
  addon();
  const report = new Report();
  report.head();
  for (const [name, run] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const { print } = await part(name);
    print(report, await run());
  }
  process.exitCode = report.end() ? 0 : 1;
}

const [mode, ...rest] = process.argv.slice(2);
try {
  await (mode === "--alone" ? measure(...rest) : main(process.argv.slice(2)));
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}
