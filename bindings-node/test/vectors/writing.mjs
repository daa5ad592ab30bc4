/** Steps that write, and position tokens. */
import { Buffer } from "node:buffer";

import { fromBase64, invalidation, numbered, only, sinceStart } from "./data.mjs";
import { attempt, expect, inputError, told, writeError } from "./observed.mjs";
import { expectText, fields, plain, refusal } from "./stream.mjs";

export const writingSteps = {
  invalidate: ({ core, writes }, { what, expect: expected }) => {
    const begin = () => ({ write: writes.push(core.invalidate(invalidation(what))) });
    expect(expected, attempt(begin, inputError));
  },
  poll_write: ({ core, writes, stream }, { write, expect: expected }) => {
    const next = numbered(writes, write, "open write").poll(core);
    expect(expected, polled(next, stream, expected.put));
  },
  answer_write: ({ core, writes }, { write, with: answer }) => {
    const open = numbered(writes, write, "open write");
    if ("error" in answer) open.refuse(core, refusal(answer.error));
    else open.answer(core, outcomes(answer.outcomes));
  },
  finish_write: ({ core, writes }, { write, expect: expected }) => {
    const open = numbered(writes, write, "open write");
    writes[write - 1] = undefined;
    expect(expected, attempt(() => ({ token: core.finishWrite(open) }), writeError));
  },
  reached: ({ core }, { token, expect: expected }) =>
    expect(expected, attempt(() => core.reached(token), inputError)),
};

/** What a write wants next. Of a put only what was `asked` for is told. */
function polled(next, stream, asked) {
  if (next === "done") return next;
  const [kind, content] = only(next);
  if (kind === "wait") return { wait: sinceStart(content) };
  if (kind !== "put") throw new Error(`no write wants to ${kind}`);
  return { put: put(plain(content), stream, asked ?? {}) };
}

function put(input, stream, asked) {
  fields(input, ["StreamName", "Records"]);
  expectText(input.StreamName, stream);
  const records = input.Records;
  for (const record of records) {
    fields(record, ["Data", "PartitionKey", ...("ExplicitHashKey" in record ? ["ExplicitHashKey"] : [])]);
  }
  checkPartitionKeys(records.map(({ PartitionKey }) => PartitionKey));
  const observed = { records: records.length };
  if ("data" in asked) observed.data = records.map(({ Data }) => fromBase64(Data).toString());
  if ("hash_keys" in asked) observed.hash_keys = records.map(({ ExplicitHashKey }) => ExplicitHashKey ?? null);
  return observed;
}

/** Every record needs one, and they spread over the shards. */
function checkPartitionKeys(keys) {
  const usable = (key) => typeof key === "string" && key !== "" && Buffer.byteLength(key) <= 256;
  if (!keys.every(usable)) throw new Error(`a partition key has 1 to 256 characters: ${told(keys)}`);
  if (new Set(keys).size < keys.length) throw new Error("partition keys do not spread");
}

function outcomes(list) {
  const refused = list.filter((outcome) => "refused" in outcome).length;
  return { FailedRecordCount: refused, Records: list.map(outcome) };
}

function outcome(outcome) {
  const [kind, content] = only(outcome);
  if (kind === "stored") return { ShardId: content.shard, SequenceNumber: content.sequence_number };
  if (kind === "refused") return { ErrorCode: content.code, ErrorMessage: content.message };
  throw new Error(`no outcome is called \`${kind}\``);
}
