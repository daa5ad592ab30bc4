/** What the README shows compiles under strict TypeScript, and runs. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { transform } from "esbuild";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const blocks = [...fs.readFileSync(path.join(here, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
// In this package, so that "snowmelt" is itself.
const folder = fs.mkdtempSync(path.join(here, "test", "readme-"));
const program = (number, kind) => path.join(folder, `block-${number}.${kind}`);

before(() => {
  blocks.forEach((code, number) => fs.writeFileSync(program(number, "mts"), code));
  const options = { strict: true, module: "nodenext", target: "es2022", lib: ["es2022", "esnext.disposable", "dom"], types: ["node"], noEmit: true, skipLibCheck: true };
  fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.mts"] }));
});

after(() => fs.rmSync(folder, { recursive: true, force: true }));

test("there are examples", () => assert.ok(blocks.length >= 7, `only ${blocks.length}`));

test("they compile", () => {
  const tsc = path.join(here, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

for (const [number, code] of blocks.entries()) {
  test(`example ${number} runs: ${code.split("\n").find((line) => line.includes("cache")) ?? ""}`, async () => {
    const { code: javascript } = await transform(code, { loader: "ts", format: "esm", target: "es2022" });
    fs.writeFileSync(program(number, "mjs"), javascript);
    const env = { ...process.env, INVALIDATION_STREAM: "memory:readme" };
    const printed = execFileSync(process.execPath, [program(number, "mjs")], { env, encoding: "utf8", timeout: 10_000 });
    const [, promised] = /console\.log\(.*\); \/\/ (.*)$/m.exec(code) ?? [];
    if (promised !== undefined) assert.equal(printed.trim(), promised);
  });
}
