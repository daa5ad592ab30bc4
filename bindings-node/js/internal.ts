/** Both builds' cores, for this package's own tests. Not published. */

import type { Binding } from "./binding";
import { binding as native } from "./native/binding";
import { binding as webAssembly } from "./wasm/binding";

export { Policy as HttpPolicy } from "./http/policy";

export const napi: Binding = native();
export const wasm: Binding = webAssembly();
