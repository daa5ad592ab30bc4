// Makes the tarballs that npm gets:
//
//     node scripts/pack.mjs [--profile packages|dev] [--out FOLDER] [--only main|TARGET [--zig GLIBC|musl]]
//
// `snowmelt` and the platform package of this machine (or, with --only, one of
// them), in dist/ at the top. A package is refused if it is too large, needs a
// newer glibc than Lambda has, names a path of this machine, or would run a
// script when it is installed. Nothing is published. The licences of crates are
// collected by the Python package's script, so this needs Python too.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { build } from "./build.mjs";
import { here, hostPlatform, manifest, packageName, platformOf, platforms, root, targetOf } from "./platforms.mjs";

const LARGEST = 5_000_000;
/** What the WebAssembly build is built for. */
const WASM = "wasm32-unknown-unknown";
/** Amazon Linux 2023, on which Lambda's Node.js runs. */
const GLIBC = [2, 34];

/** Gives the tarballs' paths. */
export async function pack({ profile = "packages", out = path.join(root, "dist"), only, zig } = {}) {
  const target = only === "main" ? undefined : only;
  await build({ profile, target, zig, addon: only !== "main" });
  fs.mkdirSync(out, { recursive: true });
  const tarballs = [];
  if (only !== "main") tarballs.push(packPlatform(target ? platformOf(target) : hostPlatform(), profile, out));
  if (!target) tarballs.push(packMain(out));
  return tarballs;
}

function packMain(out) {
  const { devDependencies: _, scripts: __, snowmelt: ___, ...published } = manifest;
  // Not in package.json itself: `npm ci` there refuses what was never published.
  published.optionalDependencies = Object.fromEntries(platforms.map((one) => [packageName(one), manifest.version]));
  published.publishConfig = { access: "public" };
  const stage = staged("snowmelt", published, WASM);
  fs.cpSync(path.join(here, "lib"), path.join(stage, "lib"), { recursive: true });
  return tarball(stage, out);
}

function packPlatform(platform, profile, out) {
  const from = path.join(here, "npm", platform);
  const stage = staged(platform, JSON.parse(fs.readFileSync(path.join(from, "package.json"), "utf8")), targetOf(platform));
  const addon = path.join(stage, "snowmelt.node");
  fs.copyFileSync(path.join(from, "snowmelt.node"), addon);
  if (profile === "packages") inspect(addon, platform);
  return tarball(stage, out);
}

/** A folder with what every package has; `target` is the Rust target of what is linked in it. */
function staged(name, published, target) {
  const stage = path.join(here, "build", "pack", name);
  fs.rmSync(stage, { recursive: true, force: true });
  fs.mkdirSync(stage, { recursive: true });
  fs.writeFileSync(path.join(stage, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) fs.copyFileSync(path.join(root, file), path.join(stage, file));
  fs.writeFileSync(path.join(stage, "THIRD-PARTY.txt"), notices(target));
  fs.writeFileSync(path.join(stage, "README.md"), readme(name, published));
  return stage;
}

/**
 * The licences of the crates that are linked for a target. They are all there is to give: the bundles have no JavaScript
 * but ours and what wasm-bindgen makes, whose crate is among them.
 */
function notices(target) {
  const python = process.platform === "win32" ? "python" : "python3";
  const options = { cwd: path.join(root, "bindings-python", "scripts"), stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 };
  return execFileSync(python, ["-m", "packing.notices", "snowmelt-node", target], options);
}

function readme(name, { description }) {
  if (name !== "snowmelt") return `# ${packageName(name)}\n\n${description}. npm installs it with \`snowmelt\`; do not install it by hand.\n`;
  const own = path.join(here, "README.md");
  return fs.readFileSync(fs.existsSync(own) ? own : path.join(root, "README.md"), "utf8");
}

function tarball(stage, out) {
  const { scripts = {} } = JSON.parse(fs.readFileSync(path.join(stage, "package.json"), "utf8"));
  if (Object.keys(scripts).length > 0) throw new Error("packages run no scripts");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = { cwd: stage, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" };
  const [made] = JSON.parse(execFileSync(npm, ["pack", "--json", "--ignore-scripts", "--loglevel=error", `--pack-destination=${out}`], options));
  say(`${made.filename}: ${made.files.length} files, ${kb(made.unpackedSize)}, packed ${kb(made.size)}`);
  return path.join(out, made.filename);
}

// --- what an addon must be ---

function inspect(file, platform) {
  const bytes = fs.readFileSync(file);
  say(`${platform}: snowmelt.node has ${kb(bytes.length)}, gzipped ${kb(gzipSync(bytes).length)}`);
  if (bytes.length > LARGEST) throw new Error(`snowmelt.node is over ${kb(LARGEST)}`);
  const text = bytes.toString("latin1");
  for (const place of places()) {
    const at = text.indexOf(place);
    if (at >= 0) throw new Error(`snowmelt.node names a path of this machine: ${text.slice(at, at + 120).replace(/[^ -~].*/s, "")}`);
  }
  if (platform.endsWith("-gnu")) glibc(text);
}

/** Folders of this machine that could have got into it. */
function places() {
  const homes = [os.homedir(), process.env.CARGO_HOME, process.env.CARGO_TARGET_DIR];
  const own = [root, fs.realpathSync(root), ...homes.filter(Boolean)];
  return own.map((folder) => path.resolve(folder) + path.sep).filter((folder) => folder.length > 2);
}

/** Version names stand in the dynamic string table as they are. */
function glibc(text) {
  const versions = [...new Set(text.match(/GLIBC_2\.\d+(?:\.\d+)?(?=\0)/g))].map((name) => name.slice(6).split(".").map(Number));
  const [newest] = versions.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  say(`needs glibc ${newest.join(".")}`);
  if (newest[1] > GLIBC[1]) throw new Error(`glibc ${newest.join(".")} is needed; Lambda has ${GLIBC.join(".")}`);
}

const kb = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;

function say(line) {
  console.log(`pack: ${line}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      profile: { type: "string", default: "packages" },
      out: { type: "string", default: path.join(root, "dist") },
      only: { type: "string" },
      zig: { type: "string" },
    },
  });
  await pack({ ...values, out: path.resolve(values.out) });
}
