/** The declarations, as users compile against them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
const sources = path.join(here, "test", "types");

const OPTIONS = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: "es2022",
  lib: ["es2022", "esnext.disposable", "dom"],
  types: ["node"],
  typeRoots: [path.join(here, "node_modules/@types")],
  // What others declare is not ours to check.
  skipLibCheck: true,
};

const MODES = {
  node16: { module: "node16", moduleResolution: "node16" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

function compile(files, options) {
  // Inside the package, so that it finds itself by its name.
  const folder = mkdtempSync(path.join(here, "test", "types", "tmp-"));
  try {
    const project = path.join(folder, "tsconfig.json");
    writeFileSync(project, JSON.stringify({ compilerOptions: { ...OPTIONS, ...options }, files }));
    const tsc = path.join(here, "node_modules", "typescript", "bin", "tsc");
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
    return { status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [mode, options] of Object.entries(MODES)) {
  for (const file of ["right.mts", "http.mts", "wrong.mts"]) {
    test(`${file}, resolved as ${mode} does`, () => {
      const { status, said } = compile([path.join(sources, file)], options);
      assert.equal(status, 0, said);
    });
  }
}

test("a wrong use that is not expected fails", () => {
  const { status, said } = compile([path.join(sources, "right.mts"), ...readdirSync(sources).filter((name) => name === "none.ts")], { ...MODES.bundler, types: [] });
  assert.notEqual(status, 0, "without Node's types it cannot compile");
  assert.match(said, /error TS/);
  assert.ok(readFileSync(path.join(sources, "wrong.mts"), "utf8").split("@ts-expect-error").length > 25);
});
