/** Steps that catch up with the stream. */
import { numbered, sinceStart, wall } from "./data.mjs";
import { event, expect, told } from "./observed.mjs";
import { answered, isCall, noteIterator, refusal, request } from "./stream.mjs";

export const followingSteps = {
  catch_up: (replay, { for: purpose, expect: expected }) => {
    const { state, id } = replay.core.catchUp(typeof purpose === "string" ? purpose : wall(purpose.since));
    expect(expected, id === undefined ? state : { [state]: catchUpNumber(replay, id) });
  },
  calls,
  answer: (replay, { call, date, with: body }) => {
    const { id, operation, shard } = numbered(replay.calls, call, "call");
    const header = date === undefined ? undefined : wall(date);
    if ("error" in body) {
      replay.core.refuse(id, operation, refusal(body.error), header);
      return;
    }
    const answer = answered(body);
    noteIterator(replay.iterators, answer.output, shard);
    replay.core.answer(id, answer.operation, answer.output, header);
  },
  timeout: ({ core }) => core.handleTimeout(),
  next_timeout: ({ core }, expected) => {
    const next = core.nextTimeout();
    expect(expected, next === null ? null : sinceStart(next));
  },
  outcome: ({ core, catchUps }, { catch_up, message, expect: expected }) => {
    const observed = core.outcome(numbered(catchUps, catch_up, "catch-up"));
    expect(expected, observed === null ? "running" : observed.outcome);
    if (message !== undefined && !(observed?.outcome === "failed" && observed.message.includes(message))) {
      throw new Error(`${told(message)} is no part of ${told(observed)}`);
    }
  },
  events: (replay, expected) => {
    const observed = replay.core.events();
    expect(expected, observed.map((reported) => event(reported, (id) => catchUpNumber(replay, id))));
  },
};

function catchUpNumber({ catchUps }, id) {
  if (!catchUps.includes(id)) catchUps.push(id);
  return catchUps.indexOf(id) + 1;
}

/** All calls that are to be made now, in any order; numbered as listed. */
function calls(replay, expected) {
  const polled = poll(replay);
  const all = told(polled.map(({ request }) => request));
  for (const call of expected) {
    const at = polled.findIndex(({ request }) => isCall(call, request));
    if (at < 0) throw new Error(`expected the call ${told(call)}, observed ${all}`);
    const [{ id, operation, shard }] = polled.splice(at, 1);
    replay.calls.push({ id, operation, shard });
  }
  if (polled.length > 0) throw new Error(`expected no more calls than listed, observed ${all}`);
}

/** More calls than any transcript lists: polling does not end. */
const ENDLESS = 10_000;

function poll(replay) {
  const polled = [];
  for (let call = replay.core.pollCall(); call !== null; call = replay.core.pollCall()) {
    const known = ({ id }) => id === call.id;
    if (polled.some(known) || replay.calls.some(known)) throw new Error(`two calls have the id ${call.id}`);
    if (polled.length === ENDLESS) throw new Error("polling calls does not end");
    polled.push({ id: call.id, operation: call.operation, ...request(call, replay) });
  }
  return polled;
}
