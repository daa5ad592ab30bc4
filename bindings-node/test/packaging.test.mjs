/**
 * The packages as users get them: packed, installed into an empty project,
 * loaded, compiled against, and bundled. SNOWMELT_PACKAGES names a folder of
 * tarballs; without it the tests' own build is packed.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { manifest, packageName, platforms } from "../scripts/platforms.mjs";
import { Workbench, askWorkerd, here, require } from "./packaging/workbench.mjs";

const bench = new Workbench();
before(() => bench.install(), { timeout: 600_000 });
after(() => bench.remove());

/** What each environment is to run: it fails, or says "melted 1". */
const USE = `
async function use({ Cache, SnowmeltError }) {
  try {
    new Cache({ stream: undefined });
    throw new Error("a stream must be given");
  } catch (error) {
    if (!(error instanceof SnowmeltError)) throw error;
  }
  const cache = new Cache({ stream: "memory:", ttl: { min: "30s", max: "60s" }, maxEntries: 100 });
  let loads = 0;
  for (const _ of [1, 2]) await cache.getOrLoad("users/1", () => ({ loads: ++loads }));
  await cache.invalidate("users/2");
  const { loads: seen } = cache.get("users/1");
  await cache.close();
  return \`melted \${seen}\`;
}
`;
const MELTED = /^melted 1\s*$/;
const esm = (name) => `import * as snowmelt from "${name}";\n${USE}\nconsole.log(await use(snowmelt));\n`;
const cjs = (name) => `const snowmelt = require("${name}");\n${USE}\nuse(snowmelt).then(console.log);\n`;

// --- the tarballs ---

test("the package has what it should have, and nothing else", async () => {
  const files = await bench.files(bench.main);
  const lib = files.filter((name) => name.startsWith("lib/"));
  assert.deepEqual(files.filter((name) => !name.startsWith("lib/")), ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "THIRD-PARTY.txt", "package.json"]);
  const strange = lib.filter((name) => !/^lib\/(types\/.*\.d\.ts|(index|middy|http|wasm)[.a-z]*\.(cjs|mjs|d\.cts|d\.mts)|snowmelt_bg\.wasm)$/.test(name));
  assert.deepEqual(strange, []);
  assert.equal(lib.some((name) => name.includes("internal.cjs")), false);
});

test("the platform package has the addon", async () => {
  assert.deepEqual(await bench.files(bench.platform), ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "THIRD-PARTY.txt", "package.json", "snowmelt.node"]);
  const { os, cpu, main, name, version } = await bench.manifest(bench.platform);
  assert.deepEqual([os, cpu, main, version], [[process.platform], [process.arch], "snowmelt.node", manifest.version]);
  assert.ok(platforms.map(packageName).includes(name));
});

/** The texts under a crate's name, which several crates may share. */
const licence = (text, crate) =>
  text.split(`${"=".repeat(80)}\n`).filter((part) => new RegExp(`^${crate} \\d+\\.\\d+\\.\\d+ \\(`, "m").test(part)).join("\n");

test("each package gives the licences of the crates that are linked in it, and of no others", async () => {
  const [addon, wasm] = [["napi", "tokio", "rustls", "ring", "aws-sdk-kinesis"], ["wasm-bindgen", "js-sys", "serde-wasm-bindgen"]];
  for (const [tarball, own, foreign] of [[bench.platform, addon, wasm], [bench.main, wasm, addon]]) {
    const text = await bench.text(tarball, "THIRD-PARTY.txt");
    for (const crate of ["http", "serde_json", ...own]) assert.notEqual(licence(text, crate), "", `${crate} is missing`);
    for (const crate of ["syn", "snowmelt\\S*", ...foreign]) assert.equal(licence(text, crate), "", `${crate} is not linked`);
    // One of those whose licence asks for its whole text.
    assert.match(licence(text, "http-cache-semantics"), /\(BSD-2-Clause\)\n-+\nCopyright .* Kornel Lesiński\n[^]*Redistributions in binary form must reproduce/);
    assert.match(licence(text, "serde_json"), /Permission is hereby granted/);
  }
});

test("no JavaScript of others is in the bundles, whose licence would be missing", async () => {
  const lib = path.join(bench.app, "node_modules/snowmelt/lib");
  const bundles = fs.readdirSync(lib).filter((name) => /\.[cm]js$/.test(name));
  assert.ok(bundles.length > 0);
  for (const name of bundles) {
    // So esbuild says where each part is from.
    assert.doesNotMatch(fs.readFileSync(path.join(lib, name), "utf8"), /^\s*\/\/ \S*node_modules\//m, name);
  }
});

test("nothing runs when it is installed, and each platform has its package", async () => {
  for (const tarball of [bench.main, bench.platform]) {
    const { scripts, devDependencies } = await bench.manifest(tarball);
    assert.deepEqual([scripts, devDependencies], [undefined, undefined]);
  }
  const { optionalDependencies } = await bench.manifest(bench.main);
  assert.deepEqual(optionalDependencies, Object.fromEntries(platforms.map((one) => [packageName(one), manifest.version])));
  const loader = fs.readFileSync(path.join(bench.app, "node_modules/snowmelt/lib/index.cjs"), "utf8");
  for (const name of Object.keys(optionalDependencies)) assert.ok(loader.includes(`require("${name}")`), `${name} is never loaded`);
});

test("are the types wrong?", async () => {
  await bench.tool("@arethetypeswrong/cli/dist/index.js", bench.main, "--no-emoji", "--no-color");
});

test("publint finds nothing", async () => {
  for (const tarball of [bench.main, bench.platform]) await bench.tool("publint/src/cli.js", "run", tarball, "--strict");
});

// --- Node.js ---

for (const name of ["snowmelt", "snowmelt/wasm"]) {
  const stem = name.replace("/", "-");

  test(`${name} by import`, async () => {
    assert.match(await bench.node(bench.write(`app/${stem}.mjs`, esm(name))), MELTED);
  });

  test(`${name} by require`, async () => {
    assert.match(await bench.node(bench.write(`app/${stem}.cjs`, cjs(name))), MELTED);
  });
}

test("import and require give the same classes and functions", async () => {
  const file = bench.write("app/same.mjs", `
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    for (const name of ["snowmelt", "snowmelt/wasm", "snowmelt/middy", "snowmelt/http"]) {
      const [imported, required] = [await import(name), require(name)];
      const names = Object.keys(required).filter((one) => one !== "__esModule").sort();
      if (names.length === 0) throw new Error(name + " is empty");
      for (const one of names) if (imported[one] !== required[one]) throw new Error(name + " has two of " + one);
      console.log(name, names.join(" "));
    }
  `);
  const said = await bench.node(file);
  assert.match(said, /^snowmelt Cache .*DataId .*SnowmeltError/m);
  assert.match(said, /^snowmelt\/wasm Cache .*DataId .*SnowmeltError .*kinesisTransport/m);
  assert.match(said, /^snowmelt\/middy \w/m);
  assert.match(said, /^snowmelt\/http cacheHttp$/m);
});

test("without its platform package the error names the remedy", async () => {
  const moved = bench.moved(path.join(bench.app, "node_modules/snowmelt"), "alone/node_modules/snowmelt");
  const file = bench.write("elsewhere/alone/load.cjs", `
    const { Cache } = require("snowmelt");
    try { new Cache({ stream: "memory:" }); } catch (error) { console.log(error.code, error.message); }
  `);
  assert.ok(fs.existsSync(moved));
  const said = await bench.node(file);
  assert.match(said, new RegExp(`^ADDON_MISSING .* ${process.platform} ${process.arch} `));
  assert.match(said, new RegExp(`@snowmelt/node-${process.platform}-${process.arch}.*: not installed`));
  assert.match(said, new RegExp(`npm install --os=${process.platform} --cpu=${process.arch}.* snowmelt`));
});

// --- TypeScript ---

const PROGRAM = `
import { Cache, DataId, SnowmeltError } from "snowmelt";
import { cacheHttp } from "snowmelt/http";
import * as middy from "snowmelt/middy";
import * as wasm from "snowmelt/wasm";

interface User {
  name: string;
}

export async function main(): Promise<string> {
  await using cache = new Cache<User>({ stream: "memory:", ttl: { min: "30s", max: "60s" }, maxEntries: 10_000 });
  const user = await cache.getOrLoad("users/1", async ({ key, signal }) => ({ name: signal.aborted ? "" : key }));
  const name: string = user.name;
  // @ts-expect-error: it is a string
  const wrong: number = user.name;
  // @ts-expect-error: the stream is missing
  new Cache<User>({});
  const maybe: User | undefined = cache.get("users/1");
  const other = new wasm.Cache<User>({ stream: "memory:" });
  await other.close();
  const http = cacheHttp(cache, { ttl: "1m" });
  const server: (request: Request) => Promise<Response> = http.fetch(async ({ url }: Request) => new Response(url));
  if (new Error(name) instanceof SnowmeltError) return String(wrong);
  return [maybe?.name, new DataId("a", "b"), typeof middy, typeof server, typeof wasm.kinesisTransport].join();
}
`;
const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true, target: "es2022" };
const NODE = { types: ["node"], typeRoots: [path.join(here, "node_modules/@types")], lib: ["es2022", "esnext.disposable"] };
const BROWSER = { types: [], lib: ["es2022", "esnext.disposable", "dom", "dom.iterable"] };

for (const [name, file, options] of [
  ["node16, ESM", "app.mts", { module: "node16", ...NODE }],
  ["node16, CJS", "app.cts", { module: "node16", ...NODE }],
  ["bundler", "app.ts", { module: "esnext", moduleResolution: "bundler", ...NODE }],
  ["bundler, without Node.js's types", "app.ts", { module: "esnext", moduleResolution: "bundler", ...BROWSER }],
]) {
  test(`TypeScript, strict: ${name}`, async () => {
    bench.write(`app/${file}`, PROGRAM);
    const project = bench.write("app/tsconfig.json", JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files: [file] }));
    await bench.tool("typescript/bin/tsc", "-p", project);
  });
}

// --- bundles for Lambda ---

const esbuild = (options) => require("esbuild").build({ absWorkingDir: bench.app, bundle: true, logLevel: "error", ...options });

test("an esbuild bundle runs with nothing but its .node beside it", async () => {
  const entry = bench.write("app/lambda.mjs", `import { Cache, SnowmeltError } from "snowmelt";\n${USE}\nuse({ Cache, SnowmeltError }).then(console.log);\n`);
  const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
  for (const [format, extension, more] of [["cjs", ".cjs", {}], ["esm", ".mjs", { banner }]]) {
    const out = bench.folder(`esbuild-${format}`);
    const outputs = { format, outdir: out, outExtension: { ".js": extension }, ...more };
    await esbuild({ entryPoints: [entry], platform: "node", target: "node20", loader: { ".node": "copy" }, ...outputs });
    const moved = bench.moved(out, format);
    assert.match(await bench.node(path.join(moved, `lambda${extension}`)), MELTED);
  }
});

test("a webpack bundle runs with nothing but its .node beside it", async () => {
  const entry = bench.write("app/webpack.mjs", esm("snowmelt"));
  const out = bench.folder("webpack");
  const webpack = require("webpack")({
    mode: "production",
    target: "node20",
    context: bench.app,
    entry,
    output: { path: out, filename: "main.cjs" },
    node: { __dirname: false },
    module: { rules: [{ test: /\.node$/, loader: require.resolve("node-loader") }] },
  });
  const stats = await new Promise((resolve, reject) => webpack.run((error, result) => (error ? reject(error) : resolve(result))));
  await new Promise((resolve) => webpack.close(resolve));
  assert.equal(stats.hasErrors(), false, stats.toString({ preset: "errors-only" }));
  assert.match(await bench.node(path.join(bench.moved(out, "webpack"), "main.cjs")), MELTED);
});

test("a rollup bundle runs with the platform package beside it", async () => {
  const entry = bench.write("app/rollup.mjs", `import { Cache, SnowmeltError } from "snowmelt";\n${USE}\nuse({ Cache, SnowmeltError }).then(console.log);\n`);
  const out = bench.folder("rollup");
  const [nodeResolve, commonjs] = [require("@rollup/plugin-node-resolve").default, require("@rollup/plugin-commonjs").default];
  const bundle = await require("rollup").rollup({
    input: entry,
    external: [/^@snowmelt\/node-/],
    plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
    onLog: () => {},
  });
  await bundle.write({ file: path.join(out, "main.cjs"), format: "cjs" });
  await bundle.close();
  fs.cpSync(path.join(bench.app, "node_modules/@snowmelt"), path.join(out, "node_modules/@snowmelt"), { recursive: true });
  assert.match(await bench.node(path.join(bench.moved(out, "rollup"), "main.cjs")), MELTED);
});

// --- the wasm build elsewhere ---

/** What browsers have that is no part of the language. */
const WEB = ["AbortController", "AbortSignal", "Event", "EventTarget", "Headers", "Request", "Response", "TextDecoder", "TextEncoder", "URL", "URLSearchParams",
  "atob", "btoa", "clearInterval", "clearTimeout", "console", "crypto", "fetch", "performance", "queueMicrotask", "setInterval", "setTimeout", "structuredClone"];

test("a browser bundle needs web globals only", async () => {
  const entry = bench.write("app/browser.mjs", `import { Cache, SnowmeltError } from "snowmelt/wasm";\n${USE}\nglobalThis.used = use({ Cache, SnowmeltError });\n`);
  const runner = bench.write("app/browser-runner.mjs", `
    import fs from "node:fs";
    import vm from "node:vm";
    const [kind, file] = process.argv.slice(2);
    const context = vm.createContext(Object.fromEntries(${JSON.stringify(WEB)}.map((name) => [name, globalThis[name]])));
    const source = fs.readFileSync(file, "utf8");
    if (kind === "iife") vm.runInContext(source, context);
    else {
      const module = new vm.SourceTextModule(source, { context });
      await module.link((name) => { throw new Error("not bundled: " + name); });
      await module.evaluate();
    }
    console.log(await context.used);
  `);
  for (const format of ["iife", "esm"]) {
    const outfile = path.join(bench.folder("browser"), `${format}.js`);
    await esbuild({ entryPoints: [entry], platform: "browser", format, outfile });
    const said = await bench.run(process.execPath, ["--experimental-vm-modules", "--no-warnings", runner, format, outfile]);
    assert.match(said, MELTED);
  }
});

test("importing the wasm build compiles nothing", async () => {
  const file = bench.write("app/lazy.mjs", `
    WebAssembly.Module = class { constructor() { throw new Error("compiled"); } };
    await import("snowmelt/wasm");
  `);
  await bench.node(file);
});

test("a worker under workerd", { skip: process.platform === "win32" }, async () => {
  const entry = bench.write("app/worker.mjs", `import * as snowmelt from "snowmelt/wasm";\n${USE}
    export default { async fetch() { return new Response(await use(snowmelt).catch((error) => String(error.stack))); } };\n`);
  const out = bench.folder("worker");
  const conditions = ["workerd", "worker", "browser"];
  await esbuild({ entryPoints: [entry], conditions, format: "esm", external: ["*.wasm"], outfile: path.join(out, "worker.js") });
  fs.copyFileSync(path.join(bench.app, "node_modules/snowmelt/lib/snowmelt_bg.wasm"), path.join(out, "snowmelt_bg.wasm"));
  const config = bench.write("worker/config.capnp", `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "snowmelt_bg.wasm", wasm = embed "snowmelt_bg.wasm"),
  ],
  compatibilityDate = "2025-01-01",
);
`);
  assert.match(await askWorkerd(out, config), MELTED);
});
