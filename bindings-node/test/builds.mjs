/** The builds of the Rust core that the tests run on. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const internal = () => require("../lib/internal.cjs");

/** Loaded when asked for, so that a build that does not load fails its own tests alone. */
export const builds = [
  { name: "napi", load: () => internal().napi },
  { name: "wasm", load: () => internal().wasm },
];
