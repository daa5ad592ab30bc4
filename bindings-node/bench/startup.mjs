// From `require` to a cache or a client that is made, each bundled as for
// Lambda, and how large the bundles are. Run by main.mjs.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";

import { addon, here, require } from "./addon.mjs";

const TIMES = 15;

const SOURCES = {
  snowmelt: `
    import { Cache } from "./lib/index.mjs";
    export const make = () => new Cache({ stream: "invalidations", region: "us-east-1", ttl: { min: "30s", max: "60s" } });
  `,
  kinesis: `
    import { KinesisClient } from "@aws-sdk/client-kinesis";
    export const make = () => new KinesisClient({ region: "us-east-1" });
  `,
};

const TIMER = `
  const start = performance.now();
  try {
    require(process.argv[2]).make();
  } catch (error) {
    // A minified line is no help.
    process.exit(process.stderr.write(error.message + "\\n") && 1);
  }
  console.log(performance.now() - start);
  process.exit();
`;

export async function measure() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "snowmelt-bench-"));
  try {
    const bundles = {};
    for (const [id, source] of Object.entries(SOURCES)) bundles[id] = await bundle(source, path.join(folder, id));
    const timer = path.join(folder, "timer.cjs");
    fs.writeFileSync(timer, TIMER);
    const times = { snowmelt: [], kinesis: [] };
    for (let time = -1; time < TIMES; time++) {
      for (const [id, file] of Object.entries(bundles)) {
        const took = Number(execFileSync(process.execPath, [timer, file], { encoding: "utf8" }));
        // The first one reads the files from the disk.
        if (time >= 0) times[id].push(took);
      }
    }
    return { times, sizes: { snowmelt: sizes(path.dirname(bundles.snowmelt)), kinesis: sizes(path.dirname(bundles.kinesis)) } };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(source, folder) {
  const outfile = path.join(folder, "index.js");
  await require("esbuild").build({
    stdin: { contents: source, resolveDir: here },
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: `node${process.versions.node.split(".")[0]}`,
    format: "cjs",
    // What a user of the package writes; it puts the addon beside the bundle.
    loader: { ".node": "copy" },
    logLevel: "error",
    plugins: [measured],
  });
  return outfile;
}

/** Takes the addon that is measured, if it is not the one that is installed. */
const measured = {
  name: "measured-addon",
  setup(build) {
    if (process.env.SNOWMELT_ADDON) build.onResolve({ filter: /^@snowmelt\/node-/ }, () => ({ path: addon() }));
  },
};

function sizes(folder) {
  const files = fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name)));
  const sum = (numbers) => numbers.reduce((all, one) => all + one, 0) / 1000;
  return { raw: sum(files.map((file) => file.length)), packed: sum(files.map((file) => zlib.gzipSync(file, { level: 9 }).length)) };
}

export function print(report, { times, sizes }) {
  const peer = "client-kinesis, bundled";
  report.row("import to ready", { unit: "ms", ours: times.snowmelt, peer, theirs: times.kinesis, target: 0.15, digits: 1 });
  const size = (what, how) => report.row(what, { unit: "kB", ours: [sizes.snowmelt[how]], peer, theirs: [sizes.kinesis[how]] });
  size("bundle and addon", "raw");
  size("bundle and addon, gzip", "packed");
}
