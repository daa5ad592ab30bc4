/**
 * The WebAssembly side where a module can be compiled from bytes: Node.js and
 * browsers. The bytes are text of this bundle, so that no bundler, server or
 * path has to know of a second file. Nothing happens before the first use.
 */

import encoded from "snowmelt:wasm";

import * as generated from "../../build/wasm/snowmelt.js";

let ready = false;

/** The functions that wasm-bindgen made, ready for use. */
export function glue(): typeof generated {
  if (!ready) {
    generated.initSync({ module: new WebAssembly.Module(decode(encoded)) });
    ready = true;
  }
  return generated;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const characters = atob(base64);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
