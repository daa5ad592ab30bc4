// Builds what the package consists of:
//
//     node scripts/build.mjs [--profile dev|packages] [--no-wasm] [--target TRIPLE [--zig GLIBC|musl]]
//
//   npm/<platform>/   the platform package, linked into node_modules, so that
//                     tests load the addon as users do
//   build/wasm/       wasm-bindgen's JavaScript, and the module
//   lib/              the bundles and their types
//
// With --target only the addon of that platform is built. What is up to date
// is left alone. SNOWMELT_JOBS limits cargo; SNOWMELT_WHOLE_WORKSPACE takes
// what `cargo test --workspace` has built.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { here, hostPlatform, packageName, platformManifest, platformOf, root } from "./platforms.mjs";

const PROFILES = ["dev", "packages"];
const generated = path.join(here, "build", "wasm");
const lib = path.join(here, "lib");

/** Builds; `profile` is one of `PROFILES`. */
export async function build({ profile = "dev", wasm = true, addon = true, target, zig } = {}) {
  if (!PROFILES.includes(profile)) throw new Error(`--profile is one of ${PROFILES.join(", ")}`);
  if (addon) await buildAddon(profile, target, zig);
  if (target) return;
  if (wasm) await glue();
  await bundles(wasm);
  declarations(wasm);
}

// --- the addon ---

async function buildAddon(profile, target, zig) {
  const platform = target ? platformOf(target) : hostPlatform();
  const options = [...scope(profile, "snowmelt-node", "--lib"), "--profile", profile];
  if (target) options.push("--target", zig && zig !== "musl" ? `${target}.${zig}` : target);
  const runner = zig ? ["cargo-zigbuild"] : ["cargo"];
  const files = await cargo(profile, [...command(profile), ...options, ...last(profile, platform, zig)], { target, runner, codegen: codegen(platform) });
  const library = files.find((file) => /\.(so|dylib|dll)$/.test(file));
  const folder = path.join(here, "npm", platform);
  fs.mkdirSync(folder, { recursive: true });
  writeIfChanged(path.join(folder, "package.json"), `${JSON.stringify(platformManifest(platform), null, 2)}\n`);
  const copied = copyIfChanged(library, path.join(folder, "snowmelt.node"));
  if (!target) link(folder, path.join(here, "node_modules", packageName(platform)));
  say(`addon ${platform}`, copied, profile);
}

/** As part of the whole a crate is what `cargo test` has built already: alone, its dependencies have fewer features, and are built again. */
const scope = (profile, crate, ...target) =>
  profile === "dev" && process.env.SNOWMELT_WHOLE_WORKSPACE ? ["--workspace", "--all-targets"] : ["-p", crate, ...target];

/** With a second crate type, the Rust library's, cargo does no LTO. */
const command = (profile) => (profile === "dev" ? ["build"] : ["rustc", "--crate-type", "cdylib"]);

/** rustc's own linker folds functions that came out the same: 2 % less. */
const last = (profile, platform, zig) => (profile !== "dev" && platform === "linux-x64-gnu" && !zig ? ["--", "-Clink-arg=-Wl,--icf=all"] : []);

/**
 * Without a frame pointer each push onto the stack is told to unwinders apart:
 * with one the tables are 160 kB smaller, and the code 12 kB larger.
 */
const codegen = (platform) => (platform.startsWith("linux-x64") ? ["-Cforce-frame-pointers=yes"] : []);

/** Runs cargo and gives the files of this folder's crates that it made. */
async function cargo(profile, [command, ...options], { target, runner = ["cargo"], codegen = [] } = {}) {
  const [program, ...first] = runner;
  const jobs = process.env.SNOWMELT_JOBS ? [`-j${process.env.SNOWMELT_JOBS}`] : [];
  const format = "--message-format=json-render-diagnostics";
  const child = spawn(program, [...first, command, "--locked", "--quiet", format, ...jobs, ...options], {
    cwd: root,
    env: { ...process.env, ...(profile === "packages" && flags(target, codegen)) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => void (output += text));
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`cargo ${command} ${options.join(" ")} failed`);
  const messages = output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const made = messages.filter(({ reason, package_id: id }) => reason === "compiler-artifact" && id.includes("/bindings-node"));
  return made.flatMap(({ filenames, executable }) => [...filenames, executable].filter(Boolean));
}

/** Packages do not tell on which machine they were made. */
function flags(target = "", codegen = []) {
  const home = process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo");
  const metadata = JSON.parse(
    execFileSync("cargo", ["metadata", "--no-deps", "--offline", "--format-version=1"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 }),
  );
  const given = process.env.RUSTFLAGS?.split(/\s+/).filter(Boolean) ?? [];
  const hidden = [
    [`${root}`, ""],
    [`${metadata.target_directory}${path.sep}`, "target/"],
    [`${home}${path.sep}`, "cargo/"],
    ...sources(home).map((folder) => [`${folder}${path.sep}`, "crates/"]),
  ];
  const all = [...given, ...codegen, ...hidden.map(([from, to]) => `--remap-path-prefix=${from}=${to}`)];
  // An addon is a shared library, which musl's static default cannot make.
  if (target.endsWith("-musl")) all.push("-Ctarget-feature=-crt-static");
  return { CARGO_ENCODED_RUSTFLAGS: all.join("\x1f") };
}

/** Where cargo unpacks registries. The last prefix that matches counts. */
function sources(home) {
  const folder = path.join(home, "registry", "src");
  return fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
}

// --- the WebAssembly module ---

async function glue() {
  // wasm-bindgen strips; until then what it reads must be there.
  const settings = ['strip="none"'];
  const options = [...command("packages"), ...settings.flatMap((one) => ["--config", `profile.packages.${one}`]), "-p", "snowmelt-node", "--lib", "--profile", "packages"];
  const files = await cargo("packages", options, { runner: ["bash", path.join(root, ".ci", "cargo-wasm.sh")] });
  const module = files.find((file) => file.endsWith(".wasm"));
  const made = path.join(generated, "snowmelt_bg.wasm");
  const stale = !fresh([made], [module, fileURLToPath(new URL("../../Cargo.lock", import.meta.url))]);
  if (stale) {
    const tool = await cargo("dev", ["build", ...scope("dev", "snowmelt-wasm-bindgen")]);
    execFileSync(tool.find((file) => /snowmelt-wasm-bindgen(\.exe)?$/.test(file)), [module, generated], { stdio: "inherit" });
  }
  say("wasm", stale, `${(fs.statSync(made).size / 1000).toFixed(0)} kB`);
}

// --- the bundles ---

const node = { platform: "node", target: "node20" };
const web = { platform: "neutral", target: "es2022", external: ["aws4fetch"], define: { "import.meta.url": "undefined" } };

/** The addons stay what they are: `require`s of packages. */
const addons = ["@snowmelt/*"];

const BUNDLES = [
  { from: "index.ts", to: "index.cjs", wrapper: "index.mjs", ...node, format: "cjs", external: addons },
  { from: "middy.ts", to: "middy.cjs", wrapper: "middy.mjs", ...node, format: "cjs", external: addons },
  // It has no build of its own, and runs where either does.
  { from: "http/index.ts", to: "http.cjs", wrapper: "http.node.mjs", ...web, platform: "node", format: "cjs" },
  { from: "http/index.ts", to: "http.mjs", ...web, format: "esm" },
  { from: "wasm/index.ts", to: "wasm.cjs", wrapper: "wasm.node.mjs", ...web, platform: "node", format: "cjs", wasm: true },
  { from: "wasm/index.ts", to: "wasm.mjs", ...web, format: "esm", wasm: true },
  { from: "wasm/index.ts", to: "wasm.workerd.mjs", ...web, format: "esm", wasm: true, workerd: true },
  // For this folder's tests; not packed.
  { from: "internal.ts", to: "internal.cjs", ...node, format: "cjs", external: [...addons, "aws4fetch"], wasm: true },
];

async function bundles(wasm) {
  const wanted = BUNDLES.filter((one) => wasm || !one.wasm).filter((one) => fs.existsSync(path.join(here, "js", one.from)));
  const inputs = [...listed(path.join(here, "js")), ...listed(path.join(here, "scripts")), path.join(here, "package-lock.json")];
  if (wasm) inputs.push(...listed(generated));
  const outputs = wanted.flatMap(({ to, wrapper }) => [to, ...(wrapper ? [wrapper] : [])]).map((name) => path.join(lib, name));
  const stale = !fresh(outputs, inputs);
  if (stale) {
    const { build: esbuild } = await import("esbuild");
    for (const one of wanted) await bundle(esbuild, one);
    if (wasm) copyIfChanged(path.join(generated, "snowmelt_bg.wasm"), path.join(lib, "snowmelt_bg.wasm"));
  }
  say("bundles", stale, wanted.map(({ to }) => to).join(" "));
}

async function bundle(esbuild, { from, to, wrapper, wasm: _, workerd, ...options }) {
  await esbuild({
    ...options,
    absWorkingDir: here,
    entryPoints: [path.join("js", from)],
    outfile: path.join(lib, to),
    bundle: true,
    charset: "utf8",
    legalComments: "none",
    minifySyntax: true,
    logLevel: "warning",
    plugins: [wasmPlugin(workerd), onePlugin(from)],
  });
  if (!wrapper) return;
  const names = await exported(esbuild, from);
  writeIfChanged(path.join(lib, wrapper), `export { ${names.join(", ")} } from "./${to}";\n`);
}

/** The names that an entry exports: those of its bundle as a module. */
async function exported(esbuild, from) {
  const { metafile } = await esbuild({
    absWorkingDir: here,
    entryPoints: [path.join("js", from)],
    outfile: "names.mjs",
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    external: [...addons, "aws4fetch"],
    logLevel: "silent",
    plugins: [wasmPlugin(), onePlugin(from)],
  });
  const names = Object.values(metafile.outputs)[0].exports.sort();
  if (names.length === 0 || names.includes("default")) throw new Error(`js/${from} must export names, and no default`);
  return names;
}

/** Puts in the module's bytes; in workerd it stays a file. */
function wasmPlugin(workerd) {
  return {
    name: "snowmelt-wasm",
    setup(build) {
      build.onResolve({ filter: /^snowmelt:wasm$/ }, () => ({ path: path.join(generated, "snowmelt_bg.wasm"), namespace: "base64" }));
      build.onLoad({ filter: /.*/, namespace: "base64" }, ({ path: file }) => ({ contents: fs.readFileSync(file), loader: "base64" }));
      build.onResolve({ filter: /\.wasm$/ }, ({ path: name }) => ({ path: name, external: true }));
      if (workerd) {
        build.onResolve({ filter: /^\.\/module$/ }, ({ resolveDir }) => ({ path: path.join(resolveDir, "module.workerd.ts") }));
      }
    },
  };
}

/** Another entry uses the first one's bundle, so that each class exists once. */
function onePlugin(from) {
  return {
    name: "snowmelt-one",
    setup(build) {
      if (from !== "index.ts" && !from.startsWith("wasm/")) {
        build.onResolve({ filter: /^\.\/index$/ }, () => ({ path: "./index.cjs", external: true }));
      }
    },
  };
}

// --- the types ---

const TYPES = { index: "index", middy: "middy", http: "http/index", wasm: "wasm/index" };

function declarations(wasm) {
  const entries = Object.entries(TYPES).filter(([name]) => wasm || name !== "wasm").filter(([, from]) => fs.existsSync(path.join(here, "js", `${from}.ts`)));
  const types = path.join(lib, "types");
  const outputs = entries.flatMap(([name]) => [path.join(lib, `${name}.d.mts`), path.join(lib, `${name}.d.cts`)]);
  const inputs = [...listed(path.join(here, "js")), path.join(here, "tsconfig.json"), fileURLToPath(import.meta.url)];
  if (wasm) inputs.push(...listed(generated));
  const stale = !fresh(outputs, inputs);
  if (stale) {
    fs.rmSync(types, { recursive: true, force: true });
    const files = entries.map(([, from]) => `../js/${from}.ts`);
    // Entries only: without wasm its generated types need not exist.
    const project = path.join(here, "build", "tsconfig.json");
    writeIfChanged(project, JSON.stringify({ extends: "../tsconfig.json", compilerOptions: { rootDir: "../js", outDir: "../lib/types" }, include: ["../js/**/*.d.ts"], files }));
    const tsc = path.join(here, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", project], { cwd: here, stdio: "inherit" });
    prune(types, entries.map(([, from]) => path.join(types, `${from}.d.ts`)));
    // One set of types for both, because there is one set of classes.
    for (const [name, from] of entries) {
      for (const kind of ["mts", "cts"]) fs.writeFileSync(path.join(lib, `${name}.d.${kind}`), `export * from "./types/${from}.js";\n`);
    }
  }
  say("types", stale, entries.map(([name]) => name).join(" "));
}

/** Keeps the declarations that users can reach. */
function prune(folder, entries) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, name] of fs.readFileSync(file, "utf8").matchAll(/(?:from |import\()"(\.[^"]*)"/g)) {
      const base = path.join(path.dirname(file), name);
      const found = [`${base}.d.ts`, path.join(base, "index.d.ts")].find((one) => fs.existsSync(one));
      if (!found) throw new Error(`${file} needs ${name}, which is not shipped`);
      visit(found);
    }
  };
  entries.forEach(visit);
  for (const file of listed(folder)) if (!reached.has(file)) fs.rmSync(file);
}

// --- files ---

function listed(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;

/** Whether all outputs are there and none is older than an input. */
function fresh(outputs, inputs) {
  const oldest = Math.min(...outputs.map((file) => modified(file) ?? 0));
  return oldest >= Math.max(...inputs.map((file) => modified(file) ?? Infinity));
}

function writeIfChanged(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) fs.utimesSync(file, new Date(), new Date());
  else fs.writeFileSync(file, text);
}

/** By size and time; replaces at once, because a process may have loaded it. */
function copyIfChanged(from, to) {
  const source = fs.statSync(from);
  const copy = fs.statSync(to, { throwIfNoEntry: false });
  if (copy && copy.size === source.size && Math.abs(copy.mtimeMs - source.mtimeMs) < 2) return false;
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const half = `${to}.${process.pid}`;
  fs.copyFileSync(from, half);
  fs.utimesSync(half, source.atime, source.mtime);
  fs.renameSync(half, to);
  return true;
}

function link(folder, name) {
  const there = path.relative(path.dirname(name), folder);
  if (fs.lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() && fs.readlinkSync(name) === there) return;
  fs.rmSync(name, { recursive: true, force: true });
  fs.mkdirSync(path.dirname(name), { recursive: true });
  fs.symlinkSync(process.platform === "win32" ? folder : there, name, "junction");
}

function say(step, changed, detail) {
  console.log(`build: ${step}: ${changed ? "built" : "up to date"} (${detail})`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      profile: { type: "string", default: "dev" },
      "no-wasm": { type: "boolean", default: false },
      target: { type: "string" },
      zig: { type: "string" },
    },
  });
  await build({ profile: values.profile, wasm: !values["no-wasm"], target: values.target, zig: values.zig });
}
