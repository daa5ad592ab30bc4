/** The keys of existing scache fleets. */

import { describe } from "./plain";
import { SnowmeltError } from "./errors";
import type { Binding } from "./binding";
import { translated } from "./errors";

let codec: Pick<Binding, "printDataId" | "parseDataId"> | (() => Binding) | undefined;

/** Each entry point says where its core is; either does. */
export function useCodec(binding: () => Binding): void {
  codec ??= binding;
}

function core(): Pick<Binding, "printDataId" | "parseDataId"> {
  if (typeof codec === "function") codec = codec();
  return codec as Binding;
}

/** A datum and where it comes from, as scache names it: `id=12345&s=db.table.id&t=data.ID`. */
export class DataId {
  /** Where it comes from, such as `db.table.id`. */
  readonly source: string;
  /** Which it is, there. */
  readonly id: string;

  constructor(source: string, id: string) {
    for (const [name, value] of [["source", source], ["id", id]] as const) {
      if (typeof value !== "string") throw new SnowmeltError("INVALID_NAME", `the ${name} of a DataId is ${describe(value)}: give a string`);
    }
    this.source = source;
    this.id = id;
  }

  /** Reads a key of that form. */
  static parse(key: string): DataId {
    if (typeof key !== "string") throw new SnowmeltError("INVALID_NAME", `a DataId is read from a string, and this is ${describe(key)}`);
    const { source, id } = translated(() => core().parseDataId(key));
    return new DataId(source, id);
  }

  /** The key. */
  toString(): string {
    return core().printDataId(this.source, this.id);
  }
}
