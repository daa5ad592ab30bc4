// Makes node_modules of this checkout's Snowmelt and of what the lock file
// names, for as long as the npm registry has no snowmelt. Does nothing that is
// done already. SNOWMELT_PACKAGES names a folder of packed tarballs to take
// instead of bindings-node, whose `node scripts/build.mjs` has to have run.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
const modules = path.join(here, "node_modules");
const windows = process.platform === "win32";

const bindings = path.join(here, "..", "..", "bindings-node");

export function install() {
  // A copy of this folder elsewhere has what `npm install` gave it.
  if (!fs.existsSync(bindings)) return;
  const lock = fs.readFileSync(path.join(here, "package-lock.json"), "utf8");
  const stamp = path.join(modules, ".snowmelt-lock");
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, "utf8") !== lock) {
    locked();
    fs.writeFileSync(stamp, lock);
  }
  if (process.env.SNOWMELT_PACKAGES) unpack(process.env.SNOWMELT_PACKAGES);
  else link();
}

/** `npm ci` of all but snowmelt. */
function locked() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "snowmelt-install-"));
  try {
    const manifest = JSON.parse(fs.readFileSync(path.join(here, "package.json"), "utf8"));
    delete manifest.dependencies.snowmelt;
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
    for (const name of ["package-lock.json", ".npmrc"]) fs.copyFileSync(path.join(here, name), path.join(folder, name));
    const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync(windows ? "npm.cmd" : "npm", options, { cwd: folder, stdio: "inherit", shell: windows });
    fs.rmSync(modules, { recursive: true, force: true });
    fs.cpSync(path.join(folder, "node_modules"), modules, { recursive: true, verbatimSymlinks: true });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function unpack(packages) {
  remove();
  for (const file of fs.readdirSync(packages).filter((name) => /^snowmelt-.*\.tgz$/.test(name))) {
    const tarball = path.resolve(packages, file);
    const { name } = JSON.parse(execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" }));
    const to = path.join(modules, name);
    fs.mkdirSync(to, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "-C", to, "--strip-components=1"]);
  }
}

/** The addon is found as bindings-node's own tests find it. */
function link() {
  if (!fs.existsSync(path.join(bindings, "lib", "index.cjs"))) throw new Error("run `node scripts/build.mjs` in bindings-node first");
  const name = path.join(modules, "snowmelt");
  if (fs.lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  remove();
  fs.symlinkSync(windows ? bindings : path.relative(modules, bindings), name, "junction");
}

function remove() {
  for (const name of ["snowmelt", "@snowmelt"]) fs.rmSync(path.join(modules, name), { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
