// Links this checkout's Snowmelt, and the Express that its own tests have, for
// as long as the npm registry has no snowmelt. `node scripts/build.mjs` in
// bindings-node has to have run.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
const bindings = path.join(here, "..", "..", "bindings-node");

/** Into the folder's node_modules. */
export function install(folder = here) {
  if (!fs.existsSync(path.join(bindings, "lib", "http.cjs"))) throw new Error("run `node scripts/build.mjs` in bindings-node first");
  const modules = path.join(folder, "node_modules");
  fs.mkdirSync(modules, { recursive: true });
  for (const [name, to] of [["snowmelt", bindings], ["express", path.join(bindings, "node_modules", "express")]]) {
    const link = path.join(modules, name);
    if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined) fs.symlinkSync(to, link, "junction");
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
