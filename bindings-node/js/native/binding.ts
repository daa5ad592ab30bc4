/** The addon as a `Binding`. */

import type { Binding } from "../binding";
import { load } from "./load";

let loaded: Binding | undefined;

/** Loads the addon, at the first use. */
export function binding(): Binding {
  loaded ??= { ...(load() as Omit<Binding, "build">), build: "napi" };
  return loaded;
}
