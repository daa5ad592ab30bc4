/** What scripts/build.mjs puts in: the module's bytes in base64. */
declare module "snowmelt:wasm" {
  const base64: string;
  export default base64;
}

/** What workerd makes of such a file. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** What is used of it; neither ES nor Node.js 20's types declare it. */
declare namespace WebAssembly {
  class Module {
    private readonly opaque;
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
}
