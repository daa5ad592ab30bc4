// The platforms that packages are made for. Their list is package.json's; all
// else about one follows from its name.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));
export const root = fileURLToPath(new URL("../..", import.meta.url));
export const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
export const platforms = manifest.snowmelt.platforms;

const CPUS = { x64: "x86_64", arm64: "aarch64" };
const SYSTEMS = { linux: "unknown-linux", darwin: "apple-darwin", win32: "pc-windows" };
const LIBCS = { gnu: "glibc", musl: "musl" };

export const packageName = (platform) => `@snowmelt/node-${platform}`;

/** The Rust target of a platform. */
export function targetOf(platform) {
  const [os, cpu, abi] = platform.split("-");
  return [CPUS[cpu], SYSTEMS[os], abi].filter(Boolean).join("-");
}

export function platformOf(target) {
  const platform = platforms.find((one) => targetOf(one) === target);
  if (!platform) throw new Error(`no platform package for the Rust target ${target}`);
  return platform;
}

/** The platform that rustc builds for if it is not told otherwise. */
export function hostPlatform() {
  const version = execFileSync("rustc", ["-vV"], { cwd: root, encoding: "utf8" });
  return platformOf(/^host: (.*)$/m.exec(version)[1]);
}

/** The package.json of a platform package. */
export function platformManifest(platform) {
  const [os, cpu, abi] = platform.split("-");
  const { version, license, repository, engines } = manifest;
  return {
    name: packageName(platform),
    version,
    description: `snowmelt's native addon for ${platform}`,
    license,
    repository,
    engines,
    os: [os],
    cpu: [cpu],
    ...(LIBCS[abi] && { libc: [LIBCS[abi]] }),
    main: "snowmelt.node",
    files: ["snowmelt.node", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"],
    publishConfig: { access: "public" },
  };
}
