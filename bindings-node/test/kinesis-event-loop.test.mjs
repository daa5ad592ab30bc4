/** A cache ends no process early and keeps none alive: each script here is one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Double, start, stopAll } from "./kinesis/servers.mjs";

const STREAM = "orders";
const PROGRAM = fileURLToPath(new URL("kinesis/program.mjs", import.meta.url));

let double;
let silent;

before(async () => {
  double = await Double.start("--stream", `${STREAM}=2`);
  silent = net.createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
}, { timeout: 300_000 });

after(async () => {
  silent?.close();
  await stopAll();
});

/** Long enough to tell a process that waits for it from one that ends. */
const LONG = 8000;

/** Runs a module that has a `cache` with an entry `k`, a moment after it was made. */
async function script(build, endpoint, text, { callTimeout = 5000, catchUpBudget = 5000, stream = STREAM } = {}) {
  const module = `
    import { setTimeout as sleep } from "node:timers/promises";
    import { BUILDS } from ${JSON.stringify(PROGRAM)};
    const { Cache, needs } = await BUILDS.${build}(process.env);
    const cache = new Cache({ stream: "${stream}", catchUpEvery: "10ms", callTimeout: "${callTimeout}ms", catchUpBudget: "${catchUpBudget}ms", report: "off", onEvent() {}, ...needs });
    cache.set("k", 1);
    await sleep(60);
    // When the script has nothing to do any more but to end.
    const done = () => console.log("done at " + Date.now());
    ${text}
    done();
  `;
  const env = { ...double.environment, AWS_ENDPOINT_URL_KINESIS: endpoint };
  const child = start(process.execPath, ["--input-type=module", "--eval", module], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (data) => (output += data));
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const { code, signal } = await child.exited;
  clearTimeout(late);
  const ended = Date.now();
  if (!child.stdout.readableEnded) await once(child.stdout, "end");
  const done = /^done at (\d+)$/m.exec(output)?.[1];
  return { code, signal, output, took: done === undefined ? undefined : ended - done };
}

const nowhere = () => `http://127.0.0.1:${silent.address().port}`;

let streams = 0;
/** A stream that nobody else writes to. */
const own = () => double.createStream(`own-${streams++}`, 2);

function assertEnded({ code, signal, took }, most) {
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(took !== undefined, "the script did not reach its end");
  assert.ok(took < most, `it went on for ${took} ms`);
}

/** For the end of a process on a machine that does much else. */
const PROMPT = 4000;

for (const build of ["napi", "wasm"]) {
  describe(build, { concurrency: 5 }, () => {
    test("a read that starts a catch-up does not keep the process alive", async () => {
      const run = await script(build, double.endpoint, `if (cache.get("k") !== 1) throw new Error("no hit");`, { callTimeout: LONG });
      assertEnded(run, PROMPT);
    });

    test("nor does one whose answer never comes", async () => {
      const run = await script(build, nowhere(), `if (cache.get("k") !== 1) throw new Error("no hit");`, { callTimeout: LONG, catchUpBudget: 100 });
      // A socket of `fetch` keeps Node alive until it is given up.
      assertEnded(run, build === "napi" ? PROMPT : LONG + PROMPT);
    });

    test("nor does a handler that has answered", async () => {
      const run = await script(build, nowhere(), `
        const answer = await cache.handler(async () => cache.get("k"))();
        if (answer !== 1) throw new Error("no hit");
      `, { callTimeout: LONG, catchUpBudget: 100 });
      assertEnded(run, build === "napi" ? PROMPT : LONG + PROMPT);
    });

    test("ending while answers come in harms nothing", async () => {
      const times = [0, 1, 2, 3, 5, 8];
      const runs = await Promise.all(times.map((ms) => script(build, double.endpoint, `
        for (const end = Date.now() + 300; Date.now() < end; await sleep(${ms})) {
          cache.get("k");
          cache.invalidate("other");
        }
      `)));
      for (const { code, signal } of runs) assert.deepEqual([code, signal], [0, null]);
    });

    for (const [name, last] of Object.entries({
      "awaited": `done(); await cache.invalidate("k");`,
      "not awaited": `done(); cache.invalidate("k");`,
      "not awaited, and then closed": `done(); cache.invalidate("k"); cache.close();`,
      "begun by a timer": `done(); setTimeout(() => cache.invalidate("k"), 20);`,
    })) {
      test(`an invalidation that is ${name} reaches the stream before the process ends`, async () => {
        const stream = await own();
        assertEnded(await script(build, double.endpoint, last, { stream }), 10 * PROMPT);
        assert.equal(await double.records(stream), 1);
      });
    }

    for (const [name, last] of Object.entries({ "": `cache.invalidate("k");`, ", and then closed": `cache.invalidate("k"); cache.close();` })) {
      test(`so does one that the stream refuses at first${name}`, async () => {
        const refusing = await Double.start("--stream", `${STREAM}=1`);
        await refusing.fault("throttle", { operation: "PutRecords", count: 3 });
        assertEnded(await script(build, refusing.endpoint, last), 10 * PROMPT);
        assert.equal(await refusing.records(STREAM), 1);
      });
    }

    test("one that fails and that nobody awaits does not end the process", async () => {
      const run = await script(build, nowhere(), `
        cache.invalidate("k");
        console.log("lives");
      `, { callTimeout: 100 });
      assert.deepEqual([run.code, run.signal], [0, null]);
      assert.match(run.output, /^lives$/m);
    });

    for (const [name, statement] of Object.entries({
      "catchUp": `await cache.catchUp();`,
      "catchUp to a token": `await cache.catchUp({ atLeast: await cache.invalidate("other") });`,
      "getOrLoad": `await cache.getOrLoad("k", () => 2);`,
      "a handler": `await cache.handler(async () => cache.get("k"))();`,
      "warm": `await cache.warm();`,
      "close": `cache.invalidate("k"); await cache.close();`,
    })) {
      test(`the top level can wait for ${name}`, async () => {
        assertEnded(await script(build, double.endpoint, `${statement}`), PROMPT);
      });

      test(`the top level can wait for ${name}, also in vain`, async () => {
        const { code, signal, took } = await script(build, nowhere(), `try { ${statement} } catch (error) { if (!error.code) throw error; }`, { callTimeout: 100 });
        assert.deepEqual([code, signal, typeof took], [0, null, "number"]);
      });
    }
  });
}
