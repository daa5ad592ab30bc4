// The addon under test: of the profile that users get, because any other one
// says nothing about speed.
//
// SNOWMELT_ADDON names a `.node` to measure in place of the one that is linked
// into node_modules, whatever it was built with.
import fs from "node:fs";
import Module, { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));

/** `require` as in this package's own files. */
export const require = createRequire(path.join(here, "package.json"));

// What ships is stripped and about 5 MB; without that and LTO it is several times as much.
const LIMIT = 10_000_000;
const PLATFORM = /^@snowmelt\/node-/;

const given = process.env.SNOWMELT_ADDON && path.resolve(process.env.SNOWMELT_ADDON);
if (given) {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (name, ...rest) => (PLATFORM.test(name) ? given : resolve.call(Module, name, ...rest));
}

/** The file of the addon. Throws if there is none that is fit to be measured. */
export function addon() {
  if (given) {
    if (!fs.existsSync(given)) throw new Error(`SNOWMELT_ADDON is ${given}, and there is no such file`);
    return given;
  }
  const folder = path.join(here, "node_modules", "@snowmelt");
  const packages = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const file = packages.map((name) => path.join(folder, name, "snowmelt.node")).find((name) => fs.existsSync(name));
  if (!file || !fs.existsSync(path.join(here, "lib", "index.cjs"))) {
    throw new Error("nothing is built: run `node scripts/build.mjs --profile packages`");
  }
  const { size } = fs.statSync(file);
  if (size > LIMIT) {
    throw new Error(
      `${path.relative(here, file)} has ${(size / 1e6).toFixed(1)} MB, so it is a build for tests, whose speed says nothing: ` +
        "run `node scripts/build.mjs --profile packages`, or name a .node in SNOWMELT_ADDON",
    );
  }
  return file;
}
