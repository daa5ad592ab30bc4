/** How the transcripts write bytes, names and times. */
import { Buffer } from "node:buffer";

/** The wall clock's reading at a transcript's start. */
export const START = 1_790_000_000_000;
/** The monotonic clock's reading at a transcript's start. */
export const MONOTONIC_START = 1_000_000_000;

/** A transcript's time in milliseconds since the Unix epoch. */
export const wall = (time) => notNegative(START + time, "a time before the epoch");

/** A transcript's time on the monotonic clock. */
export const monotonic = (time) => notNegative(MONOTONIC_START + time, "a monotonic clock below zero");

/** Milliseconds since the Unix epoch as a transcript writes them. */
export const sinceStart = (millis) => millis - START;

function notNegative(millis, otherwise) {
  if (millis < 0) throw new Error(otherwise);
  return millis;
}

/** The bytes of a record. */
export function bytes(record) {
  const [form, content] = only(record);
  switch (form) {
    case "json":
      return Buffer.from(JSON.stringify(content));
    case "text":
      return Buffer.from(content);
    case "base64":
      return fromBase64(content);
    case "repeat":
      return Buffer.from((content.before ?? "") + content.text.repeat(content.times) + (content.after ?? ""));
    default:
      throw new Error(`bytes cannot be written as \`${form}\``);
  }
}

/** Node's own decoder skips what it does not know. */
export function fromBase64(text) {
  const decoded = Buffer.from(text, "base64");
  if (decoded.toString("base64") !== text) throw new Error(`${JSON.stringify(text)} is not base64`);
  return decoded;
}

/** All names that a list stands for. */
export const names = (list = []) => list.flatMap(expand);

function expand(name) {
  if (typeof name === "string") return [name];
  if ("repeat" in name) return [name.repeat.repeat(name.times)];
  return Array.from({ length: name.count }, (_, number) => `${name.numbered}${number}`);
}

/** What an invalidation names, as the core takes it. */
export function invalidation(what) {
  const named = {};
  for (const kind of ["keys", "tags", "prefixes"]) {
    if (what[kind] !== undefined) named[kind] = names(what[kind]);
  }
  if (what.all !== undefined) named.all = what.all;
  return named;
}

/** The one property of an object: its name and value. */
export function only(object) {
  const entries = Object.entries(object);
  if (entries.length !== 1) throw new Error(`${JSON.stringify(object)} has not one property`);
  return entries[0];
}

/** The thing that a transcript calls by this number. */
export function numbered(list, number, what) {
  const found = list[number - 1];
  if (found === undefined) throw new Error(`no ${what} ${number}`);
  return found;
}
