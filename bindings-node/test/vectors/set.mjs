/** The files of transcripts, which the core owns. */
import { readdirSync, readFileSync } from "node:fs";

import { check } from "./schema.mjs";

const folder = new URL("../../../core/tests/vectors/", import.meta.url);

/** The fewest transcripts that are taken for a whole set. */
export const LEAST = 40;

/** The lines of the contract, each of which some transcript proves. */
export const CONTRACT = Array.from({ length: 11 }, (_, line) => line + 1);

export const readme = () => readFileSync(new URL("README.md", folder), "utf8");
export const schema = () => read("schema.json");

/** Every transcript of every file, in order: `{file, transcript}`. */
export function transcripts() {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json");
  return names.sort().flatMap((file) => readSet(file, read(file)).map((transcript) => ({ file, transcript })));
}

/** The transcripts of one file; throws if it does not follow the schema or holds none. */
export function readSet(file, set) {
  try {
    check(schema(), set);
  } catch (error) {
    throw new Error(`${file} does not follow the schema: ${error.message}`);
  }
  if (set.transcripts.length === 0) throw new Error(`${file} holds no transcript`);
  return set.transcripts;
}

function read(name) {
  try {
    return JSON.parse(readFileSync(new URL(name, folder), "utf8"), exact);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

/** JavaScript would round larger integers without a word. */
function exact(name, value) {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new Error(`\`${name}\` is beyond 53 bits: write it as a string`);
  }
  return value;
}
