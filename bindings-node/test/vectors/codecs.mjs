/** Steps that need no cache: records, keys, tokens, options. */
import { Buffer } from "node:buffer";

import { bytes, invalidation, names } from "./data.mjs";
import { attempt, configError, expect, inputError, invalidation as named, same } from "./observed.mjs";
import { settings, stream } from "./options.mjs";

export const codecSteps = {
  configure: ({ binding }, { config, expect: expected }) => {
    // Its name is no setting; that it is a name is checked here.
    stream(config);
    const changed = settings(config);
    expect(expected, attempt(() => ok(binding.checkConfig(changed)), configError));
  },
  check_name: ({ binding }, { what, name, expect: expected }) => {
    const [one, ...more] = names([name]);
    if (one === undefined || more.length > 0) throw new Error("not one name");
    expect(expected, attempt(() => ok(binding.checkName(what, one)), inputError));
  },
  decode: ({ binding }, { record, namespace = "", source = null, expect: expected }) =>
    expect(expected, decoded(binding, bytes(record).toString("base64"), namespace, source)),
  encode: ({ binding }, { what, format, namespace = "", written, expect: expected }) => {
    const said = invalidation(what);
    const encode = () => ({ records: binding.encode(said, format, namespace, written) });
    const observed = attempt(encode, inputError);
    if (!("split" in expected) || "error" in observed) return expect(expected, observed);
    const sizes = observed.records.map((text) => Buffer.byteLength(text));
    expect(expected, { split: { records: sizes.length, longest: Math.max(0, ...sizes) } });
    checkJoined(binding, observed.records, namespace, said);
  },
  data_id: ({ binding }, { source, id, expect: expected }) => {
    expect(expected, binding.printDataId(source, id));
    expect({ source, id }, binding.parseDataId(expected));
  },
  parse_data_id: ({ binding }, { text, expect: expected }) =>
    expect(expected, attempt(() => binding.parseDataId(text), () => "error")),
  parse_token: ({ binding }, { text, expect: expected }) =>
    expect(expected, attempt(() => binding.parseToken(text), inputError)),
  lane_hash_key: ({ binding }, { lane, lanes, expect: expected }) =>
    expect(expected, binding.laneHashKey(lane, lanes)),
};

const ok = () => "ok";

function decoded(binding, base64, namespace, source) {
  const decoded = binding.decode(base64, namespace, source);
  if (typeof decoded === "string") return decoded;
  return Object.fromEntries(Object.entries(decoded).map(([outcome, names]) => [outcome, named(names)]));
}

/** Records of a split say together, in order, what was to be said. */
function checkJoined(binding, records, namespace, said) {
  const heard = { keys: [], tags: [], prefixes: [], all: false };
  for (const text of records) {
    const { apply } = decoded(binding, Buffer.from(text).toString("base64"), namespace, null);
    if (apply === undefined) throw new Error("a part of a split cannot be decoded");
    for (const kind of ["keys", "tags", "prefixes"]) heard[kind] = heard[kind].concat(apply[kind] ?? []);
    heard.all ||= apply.all ?? false;
  }
  if (!same(named(said), named(heard))) throw new Error("the parts of a split do not say the whole");
}
