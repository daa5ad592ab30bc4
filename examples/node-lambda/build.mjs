// Builds dist/<function>/ just as `sam build` builds .aws-sam/build/<Function>:
// with the options that template.yaml gives to esbuild. And dist/local/, the
// functions' surroundings on this machine.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { functions } from "./local/template.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
process.chdir(here);
fs.rmSync("dist", { recursive: true, force: true });

for (const { name, bundle } of functions()) {
  await build({
    entryPoints: bundle.EntryPoints,
    bundle: true,
    platform: "node",
    format: bundle.Format,
    target: bundle.Target,
    minify: bundle.Minify,
    loader: Object.fromEntries(bundle.Loader.map((pair) => pair.split("="))),
    outdir: `dist/${name}`,
    logLevel: "warning",
  });
}

await build({
  entryPoints: ["local/main.ts", "local/sandbox.ts"],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  outdir: "dist/local",
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
