/** Values as the core takes them, and as messages show them. */

import type { Plain } from "./binding";

/**
 * How many arrays and objects may lie within each other, as the core has it:
 * no option has more, and what is given may contain itself.
 */
const MAX_DEPTH = 4;

/** A value as the core takes it. */
export function plain(value: unknown, depth = MAX_DEPTH): Plain {
  switch (typeof value) {
    case "string":
      return isWellFormed(value) ? value : { other: "a string with a lone surrogate" };
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { other: String(value) };
    case "undefined":
      return null;
    case "object":
      return value === null ? null : nested(value, depth);
    default:
      return { other: describe(value) };
  }
}

/** Arrays and objects of fields; what has fields of another kind (a `Map`, bytes, a `Date`) is told by its name. */
function nested(value: object, depth: number): Plain {
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (kind !== "Array" && kind !== "Object") return { other: kind };
  if (depth === 0) return { other: describe(value) };
  if (Array.isArray(value)) return Array.from(value, (item) => plain(item, depth - 1));
  // A field that is there without a value is as good as left out.
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, unmistakable(name, plain(field, depth - 1))]));
}

/** `{ other: text }` is how the core is told a type. No option has a field of that name, so that its value is not missed. */
function unmistakable(name: string, field: Plain): Plain {
  return name === "other" ? null : field;
}

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return value.length > 64 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return `the ${typeof value} ${String(value)}`;
}

/** `String.prototype.isWellFormed` is newer than some hosts. */
export function isWellFormed(text: string): boolean {
  const native = (text as { isWellFormed?: () => boolean }).isWellFormed;
  return native === undefined ? !/\p{Surrogate}/u.test(text) : native.call(text);
}
