/** The WebAssembly build as a `Binding`. */

import type { Binding, Core } from "../binding";
import { FREED, NONE_FREED, NOT_TEXT, RESULT, SLOT, UNUSABLE, WEIGHT } from "../binding";
import { glue } from "./module";

let loaded: Binding | undefined;

/** Compiles the module, at the first use. */
export function binding(): Binding {
  if (loaded === undefined) {
    const raw = glue() as unknown as Omit<Binding, "build" | "createCore"> & { createCore(...args: Parameters<Binding["createCore"]>): RawCore };
    loaded = { ...raw, build: "wasm", createCore: (settings, stream, seed, clock) => withHotFunctions(raw.createCore(settings, stream, seed, clock)) };
  }
  return loaded;
}

type RawCore = Core & { getHot(key: string): number; insertHot(key: string, slot: number, weight: number): Int32Array };

function withHotFunctions(core: RawCore): Core {
  const shared = new Int32Array(4);
  const get = (key: string) => {
    shared[RESULT] = refused(key) ?? core.getHot(key);
  };
  const insert = (key: string) => {
    const code = refused(key);
    const [outcome, freed] = code === undefined ? core.insertHot(key, shared[SLOT] as number, shared[WEIGHT] as number) : [code, NONE_FREED];
    shared[RESULT] = outcome as number;
    shared[FREED] = freed as number;
  };
  core.hotFunctions = () => ({ shared, get, insert });
  core.getUnusual = (key) => core.getHot(key);
  return core;
}

const LONG = 512;

/** As the addon's functions have it. */
function refused(key: unknown): number | undefined {
  if (typeof key !== "string") return NOT_TEXT;
  return key === "" || key.length > LONG || !PLAIN.test(key) ? UNUSABLE : undefined;
}

/** Without surrogates there is no lone one. */
const PLAIN = /^[\0-\ud7ff\ue000-\uffff]*$/;
