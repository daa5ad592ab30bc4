/** Keys, tags and prefixes: checked before anything is done with them. */

import type { Binding, Names } from "./binding";
import { DataId } from "./data-id";
import { SnowmeltError, translated } from "./errors";
import { describe, isWellFormed } from "./plain";

/** What became invalid: keys, or an object that names more. */
export type Invalidation =
  | string
  | DataId
  | readonly (string | DataId)[]
  | {
      /** Entries with these keys. */
      keys?: string | DataId | readonly (string | DataId)[] | undefined;
      /** Entries that bear one of these tags. */
      tags?: string | readonly string[] | undefined;
      /** Entries whose key starts with one of these. */
      prefixes?: string | readonly string[] | undefined;
      /** Everything. */
      all?: boolean | undefined;
    };

/** Shorter names are short enough in UTF-8 too, and need not be measured. */
const SURELY_SHORT = 16 * 1024;

export function checkName(binding: Binding, what: "key" | "tag" | "prefix", name: unknown): asserts name is string {
  if (typeof name !== "string") throw notText(what, name);
  if (!isWellFormed(name)) {
    throw new SnowmeltError("INVALID_NAME", `the ${what} ${describe(name)} has a lone surrogate, so that it is no Unicode text: encode it, or leave that character out`);
  }
  if (name === "" || name.length > SURELY_SHORT) translated(() => binding.checkName(what, name));
}

export function checkedNames(binding: Binding, what: "tag" | "prefix", names: unknown): string[] {
  const list = typeof names === "string" ? [names] : names;
  if (!Array.isArray(list)) throw new SnowmeltError("INVALID_NAME", `${what === "tag" ? "tags are" : "prefixes are"} ${describe(names)}: give an array of strings`);
  for (const name of list) checkName(binding, what, name);
  return list;
}

/** What an invalidation names, as the core takes it. */
export function namesOf(binding: Binding, what: Invalidation): Names {
  if (typeof what === "string" || what instanceof DataId || Array.isArray(what)) return { keys: keysOf(binding, what) };
  if (typeof what !== "object" || what === null) {
    throw new SnowmeltError("INVALID_NAME", `what to invalidate is ${describe(what)}: give a key, or { keys, tags, prefixes, all }`);
  }
  const { keys, tags, prefixes, all, ...rest } = what as Exclude<Invalidation, string | DataId | readonly unknown[]>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new SnowmeltError("INVALID_NAME", `an invalidation has no ${JSON.stringify(unknown)}: give a key, or { keys, tags, prefixes, all }`);
  if (all !== undefined && typeof all !== "boolean") throw new SnowmeltError("INVALID_NAME", `\`all\` is ${describe(all)}: give true, or leave it out`);
  return {
    keys: keys === undefined ? [] : keysOf(binding, keys),
    tags: tags === undefined ? [] : checkedNames(binding, "tag", tags),
    prefixes: prefixes === undefined ? [] : checkedNames(binding, "prefix", prefixes),
    all: all ?? false,
  };
}

function keysOf(binding: Binding, keys: unknown): string[] {
  const list: unknown[] = Array.isArray(keys) ? keys : [keys];
  return list.map((key) => {
    const text = key instanceof DataId ? key.toString() : key;
    checkName(binding, "key", text);
    return text;
  });
}

export function notText(what: string, value: unknown): SnowmeltError {
  return new SnowmeltError("INVALID_NAME", `a ${what} is ${describe(value)}: give a string`);
}
