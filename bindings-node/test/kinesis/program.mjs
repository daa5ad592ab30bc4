/**
 * A cache of this package as a process:
 *
 *     node program.mjs napi|wasm|sdk OPTIONS
 *
 * with the cache's options as JSON. It speaks the lines of
 * `native/tests/peer/src/main.rs`, and this beside them:
 *
 * | `do` | other members | `ok` |
 * |---|---|---|
 * | `handle` | `keys` | what a `handler` finds for them, without loading |
 *
 * "wasm" goes over `kinesisTransport`, "sdk" is WebAssembly over the AWS SDK.
 */
import readline from "node:readline";

/** Each gives the class, and the options that the build needs to get where the environment says. */
export const BUILDS = {
  async napi() {
    const { Cache } = await import("../../lib/index.mjs");
    return { Cache, needs: {} };
  },

  async wasm(environment) {
    const { Cache, kinesisTransport } = await import("../../lib/wasm.node.mjs");
    const { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_ENDPOINT_URL_KINESIS: endpoint } = environment;
    return { Cache, needs: { transport: kinesisTransport({ region, accessKeyId, secretAccessKey, endpoint }) } };
  },

  /** As the documentation of `Transport` has it. */
  async sdk(environment) {
    const { Cache } = await import("../../lib/wasm.node.mjs");
    const sdk = await import("@aws-sdk/client-kinesis");
    // By itself it speaks HTTP/2, which kinesis-local does not without TLS.
    const { NodeHttpHandler } = await import("@smithy/node-http-handler");
    const client = new sdk.KinesisClient({ endpoint: environment.AWS_ENDPOINT_URL_KINESIS, maxAttempts: 1, requestHandler: new NodeHttpHandler() });
    const send = (Command) => (input, { signal }) => client.send(new Command(input), { abortSignal: signal });
    const transport = {
      listShards: send(sdk.ListShardsCommand),
      getShardIterator: send(sdk.GetShardIteratorCommand),
      getRecords: send(sdk.GetRecordsCommand),
      putRecords: send(sdk.PutRecordsCommand),
    };
    return { Cache, needs: { transport } };
  },
};

const COMMANDS = {
  get_or_load: (cache, { key, value, tags }) => cache.getOrLoad(key, () => value, { tags }),
  get: (cache, { key }) => cache.get(key),
  peek: (cache, { key }) => (cache.has(key) ? cache.get(key) : null),
  invalidate: (cache, what) => cache.invalidate(what),
  catch_up: (cache) => cache.catchUp(),
  catch_up_to: (cache, { token, within_ms: within = 20_000 }) => cache.catchUp({ atLeast: token, within }),
  handle: (cache, { keys }) => cache.handler(async () => keys.map((key) => cache.get(key) ?? null))(),
  stats: (cache) => cache.stats(),
  quit: () => null,
};

async function carryOut(cache, { do: what, ...members }) {
  try {
    return { ok: (await COMMANDS[what](cache, members)) ?? null };
  } catch (error) {
    return { error: error.message, code: error.code };
  }
}

async function run(build, options) {
  const { Cache, needs } = await BUILDS[build](process.env);
  const cache = new Cache({ catchUpBudget: "10s", callTimeout: "10s", maxLag: "60s", report: "off", ...JSON.parse(options), ...needs });
  const print = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  print({ ok: "ready" });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    print(await carryOut(cache, command));
    if (command.do === "quit") break;
  }
  process.stdin.destroy();
}

// `node --test` runs every file of this folder; that is not meant.
if (process.argv[2] in BUILDS) await run(...process.argv.slice(2));
