/** The addon as a `Binding`. */

import type { Binding } from "../binding";
import { type Addon, named } from "./core";
import { load } from "./load";

let loaded: Binding | undefined;

/** Loads the addon, at the first use. */
export function binding(): Binding {
  loaded ??= { ...named(load() as Addon), build: "napi" };
  return loaded;
}
