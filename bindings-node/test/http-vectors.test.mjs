/**
 * Replays every case of `core/http/vectors` on every build. The README there
 * says what each step means; Rust replays the same files.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { builds } from "./builds.mjs";

const { HttpPolicy } = createRequire(import.meta.url)("../lib/internal.cjs");
const folder = new URL("../../core/http/vectors/", import.meta.url);

/** Fewer are not the whole set. */
const LEAST = 60;
const START = 1_790_000_000_000;

/** What each kind of object may have, and what it must. */
const STEPS = {
  refused: [["message"]],
  ask: [["request", "expect"], ["wants_body"]],
  same_key: null,
  different_keys: null,
  judge: [["response", "expect"], ["request", "at", "failure"]],
  seal: [["body", "expect"]],
  matches: [["request", "expect"], ["at"]],
  answer: [["how", "expect"], ["request", "at"]],
  pass: [["request", "reason", "response", "expect"], ["unasked"]],
  unsatisfied: [["expect"]],
  invalidates: [["request", "status", "expect"]],
};
const REQUEST = [[], ["method", "scheme", "host", "path", "query", "headers", "custom", "body", "body_follows"]];
const RESPONSE = [["status"], ["headers", "ttl"]];
const ANSWER = [[], ["status", "with_body", "headers"]];

function shaped(object, [must, may = []], what) {
  const names = Object.keys(object);
  for (const name of must) assert.ok(names.includes(name), `${what} lacks ${name}`);
  for (const name of names) assert.ok(must.includes(name) || may.includes(name), `${what} has an unknown ${name}`);
  return object;
}

function cases() {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json");
  const all = files.flatMap((file) => {
    const { cases } = JSON.parse(fs.readFileSync(new URL(file, folder), "utf8"));
    assert.ok(cases?.length > 0, `${file} is empty`);
    return cases.map((one) => ({ file, ...shaped(one, [["name", "why", "steps"], ["options"]], file) }));
  });
  assert.ok(all.length >= LEAST, `${all.length} cases are too few to be the whole set`);
  return all;
}

const text = (given) => (typeof given === "object" && given !== null ? given.repeat.repeat(given.times) : given);
const fields = (given = []) => given.map(([name, value]) => [text(name), text(value)]);
const bytes = (given) => new TextEncoder().encode(text(given));
const moment = (at = 0) => START + at * 1000;

class Replay {
  constructor(binding, options = {}) {
    this.policy = new HttpPolicy(binding, Object.entries(options));
  }

  exchange(given = {}) {
    const { method = "GET", scheme = "https", host = "shop.example", path = "/", query, headers, custom } = shaped(given, REQUEST, "a request");
    return this.policy.exchange({ method, scheme, host, path: text(path), query: text(query), headers: fields(headers) }, text(custom));
  }

  /** A request, asked: its exchange and what was said. */
  asked(given = {}) {
    const exchange = this.exchange(given);
    const said = exchange.ask(given.body_follows ?? false, given.body === undefined ? undefined : bytes(given.body));
    return { exchange, said };
  }

  question(given) {
    const { exchange, said } = this.asked(given);
    assert.ok(!("bypass" in said), `bypassed: ${said.bypass}`);
    return { exchange, question: said };
  }

  head({ status, headers }) {
    return { status, headers: fields(headers) };
  }

  ask({ request, wants_body: wants, expect }) {
    const { exchange, said } = this.asked(request);
    // With a body at hand nobody asks how much of it is wanted.
    if (wants !== undefined && request.body === undefined) assert.equal(exchange.wantsBody(request.body_follows ?? false) ?? null, wants);
    if ("bypass" in expect) return assert.deepEqual(said, { bypass: expect.bypass });
    const { dropRequestHeaders, ...rest } = said;
    named({ ...rest, drop_request_headers: dropRequestHeaders }, expect.look);
  }

  same_key(requests) {
    assert.equal(new Set(requests.map((request) => this.question(request).question.key)).size, 1);
  }

  different_keys(requests) {
    assert.equal(new Set(requests.map((request) => this.question(request).question.key)).size, requests.length);
  }

  judge({ request, response, at, failure, expect }) {
    const { exchange } = this.question(request);
    const said = exchange.judge(this.head(shaped(response, RESPONSE, "a response")), response.ttl, moment(at));
    assert.equal(said.failure ?? false, failure ?? false);
    if ("pass" in expect) return assert.equal(said.pass, expect.pass, JSON.stringify(said));
    this.keeper = exchange;
    const { staleWhileRevalidate, staleIfError, bodyCap, ...rest } = said;
    named({ ...rest, stale_while_revalidate: staleWhileRevalidate, stale_if_error: staleIfError, body_cap: bodyCap }, expect.keep);
  }

  seal({ body, expect }) {
    const said = this.keeper.seal(bytes(body));
    this.keeper = undefined;
    if ("refused" in expect) return assert.deepEqual(said, { refused: expect.refused });
    const [, status, , age, ttl, anonymous, names, ...rest] = said.meta.split("\n");
    this.meta = said.meta;
    assert.ok(said.weight > bytes(body).length);
    const count = Number(names);
    const headers = {};
    for (let at = count + 1; at + 1 < rest.length; at += 2) (headers[rest[at]] ??= []).push(rest[at + 1]);
    const vary = count === 0 ? null : { names: rest.slice(0, count), key: rest[count] };
    const { headers: wanted = {}, ...others } = expect;
    named({ status: Number(status), age: Number(age), ttl: Number(ttl), anonymous: anonymous === "1", vary }, others);
    compareHeaders(headers, wanted);
  }

  matches({ request, at, expect }) {
    assert.deepEqual(this.question(request).exchange.matches(this.meta, moment(at)), expect);
  }

  answer({ request, how, at, expect }) {
    const { exchange } = this.question(request);
    exchange.matches(this.meta, moment(at));
    compareAnswer(exchange.answer(how, moment(at)), expect);
  }

  pass({ request, unasked = false, reason, response, expect }) {
    const exchange = unasked ? this.exchange(request) : this.question(request).exchange;
    compareAnswer(exchange.pass(reason, this.head(shaped(response, RESPONSE, "a response"))), expect);
  }

  unsatisfied({ expect }) {
    compareAnswer(this.exchange().unsatisfied(), expect);
  }

  invalidates({ request, status, expect }) {
    assert.deepEqual(this.exchange(request).invalidates(status) ?? null, expect);
  }
}

/** Of an object within an object only the fields that are named. */
function named(found, expected) {
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(found[name] ?? null, value, `${name} in ${JSON.stringify(found)}`);
}

function compareHeaders(found, expected) {
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(found[name] ?? null, value === null ? null : [value].flat(), `${name} in ${JSON.stringify(found)}`);
  }
}

function compareAnswer(found, expected) {
  const { status, with_body: withBody, headers = {} } = shaped(expected, ANSWER, "an answer");
  if (status !== undefined) assert.equal(found.status, status);
  if (withBody !== undefined) assert.equal(found.withBody, withBody);
  const all = {};
  for (const [name, value] of found.headers) (all[name] ??= []).push(value);
  compareHeaders(all, headers);
}

function replay(binding, { options, steps }) {
  const [first] = steps;
  if (first.refused !== undefined) {
    assert.equal(steps.length, 1);
    assert.throws(() => new Replay(binding, options), ({ message }) => {
      // JavaScript's own names in backticks.
      const wanted = first.refused.message.replace(/`[a-z0-9_]+`/g, (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()));
      assert.ok(message.startsWith(wanted), `it says ${message}, and not ${wanted}`);
      return true;
    });
    return;
  }
  const replay = new Replay(binding, options);
  for (const [at, step] of steps.entries()) {
    const [[kind, argument], ...others] = Object.entries(step);
    assert.ok(others.length === 0 && Object.hasOwn(STEPS, kind), `step ${at + 1} is of no known kind`);
    if (STEPS[kind] !== null) shaped(argument, STEPS[kind], `step ${at + 1}`);
    try {
      replay[kind](argument);
    } catch (error) {
      throw new Error(`step ${at + 1}: ${error.message}`, { cause: error });
    }
  }
}

for (const { name, load } of builds) {
  test(`${name}: every case of the HTTP policy replays`, async (t) => {
    const binding = load();
    assert.equal(binding.build, name);
    const all = cases();
    let replayed = 0;
    for (const one of all) {
      await t.test(`${one.file}: ${one.name}`, () => {
        replayed += 1;
        replay(binding, one);
      });
    }
    assert.equal(replayed, all.length);
  });

  test(`${name}: a wrong expectation fails`, () => {
    const wrong = { steps: [{ ask: { request: {}, expect: { look: { key: "GET https://shop.example/other" } } } }] };
    assert.throws(() => replay(load(), wrong), /^Error: step 1: key in/);
    assert.throws(() => replay(load(), { steps: [{ fly: {} }] }), /no known kind/);
    assert.throws(() => replay(load(), { steps: [{ ask: { request: {}, expect: {}, note: 1 } }] }), /unknown note/);
  });
}
