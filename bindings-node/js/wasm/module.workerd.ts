/**
 * The WebAssembly side in workerd (Cloudflare Workers and its kin), which
 * compiles no bytes at run time: the module is a file beside the bundle.
 */

import module from "./snowmelt_bg.wasm";

import * as generated from "../../build/wasm/snowmelt.js";

let ready = false;

/** The functions that wasm-bindgen made, ready for use. */
export function glue(): typeof generated {
  if (!ready) {
    generated.initSync({ module });
    ready = true;
  }
  return generated;
}
