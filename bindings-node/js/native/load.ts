/**
 * Finds the addon of the platform package that npm chose. Each `require` is
 * written out, and has a `try` of its own: so bundlers see them, and take those
 * of other platforms for optional.
 */

/** Thrown if there is no addon. */
export const ADDON_MISSING = "ADDON_MISSING";

interface Attempt {
  name: string;
  error: unknown;
}

/** The addon's exports. Throws an `Error` with `code` `ADDON_MISSING`. */
export function load(): unknown {
  const failed: Attempt[] = [];
  const addon = attempt((name, error) => void failed.push({ name, error }));
  if (addon !== undefined) return addon;
  const cause = failed.find(({ error }) => !notInstalled(error))?.error ?? failed[0]?.error;
  throw Object.assign(new Error(explain(failed), { cause }), { code: ADDON_MISSING });
}

function attempt(miss: (name: string, error: unknown) => void): unknown {
  switch (`${process.platform}-${process.arch}`) {
    // Which libc it is shows in what loads: that of the other one does not.
    case "linux-x64":
      try {
        return require("@snowmelt/node-linux-x64-gnu");
      } catch (error) {
        miss("@snowmelt/node-linux-x64-gnu", error);
      }
      try {
        return require("@snowmelt/node-linux-x64-musl");
      } catch (error) {
        miss("@snowmelt/node-linux-x64-musl", error);
      }
      return undefined;
    case "linux-arm64":
      try {
        return require("@snowmelt/node-linux-arm64-gnu");
      } catch (error) {
        miss("@snowmelt/node-linux-arm64-gnu", error);
      }
      try {
        return require("@snowmelt/node-linux-arm64-musl");
      } catch (error) {
        miss("@snowmelt/node-linux-arm64-musl", error);
      }
      return undefined;
    case "darwin-x64":
      try {
        return require("@snowmelt/node-darwin-x64");
      } catch (error) {
        miss("@snowmelt/node-darwin-x64", error);
      }
      return undefined;
    case "darwin-arm64":
      try {
        return require("@snowmelt/node-darwin-arm64");
      } catch (error) {
        miss("@snowmelt/node-darwin-arm64", error);
      }
      return undefined;
    case "win32-x64":
      try {
        return require("@snowmelt/node-win32-x64-msvc");
      } catch (error) {
        miss("@snowmelt/node-win32-x64-msvc", error);
      }
      return undefined;
    case "win32-arm64":
      try {
        return require("@snowmelt/node-win32-arm64-msvc");
      } catch (error) {
        miss("@snowmelt/node-win32-arm64-msvc", error);
      }
      return undefined;
    default:
      return undefined;
  }
}

function explain(failed: Attempt[]): string {
  const here = `${process.platform} ${process.arch}`;
  if (failed.length === 0) {
    return `snowmelt has no native addon for ${here}. "snowmelt/wasm" has the same API and runs everywhere.`;
  }
  const libc = process.platform === "linux" ? " --libc=glibc" : "";
  const lines = [
    `snowmelt's native addon could not be loaded on ${here} with Node.js ${process.version}:`,
    ...failed.map(({ name, error }) => `  ${name}: ${notInstalled(error) ? "not installed" : describe(error)}`),
    "It is an optional dependency, which npm chooses by the system it runs on.",
    "- If node_modules or the lock file was made on another system, or optional dependencies were omitted:",
    `    npm install --os=${process.platform} --cpu=${process.arch}${libc} snowmelt`,
  ];
  if (libc !== "") lines.push("  (--libc=musl on Alpine)");
  lines.push(
    "- If this is a bundle: the .node file must be beside it (esbuild: --loader:.node=copy; webpack: node-loader;",
    "  rollup: external: [/^@snowmelt\\/node-/], and node_modules/@snowmelt deployed with the bundle).",
  );
  return lines.join("\n");
}

/** The package itself is missing, or a bundler left it out. */
function notInstalled(error: unknown): boolean {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  return code === "MODULE_NOT_FOUND" && String(message).includes("@snowmelt/node-");
}

function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? text;
}
