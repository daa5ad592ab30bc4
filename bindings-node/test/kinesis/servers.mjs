/**
 * Real Kinesis APIs on the loopback for the tests: kinesis-local, and the
 * double, which can fail on request. Each takes a free port, and ends with the
 * process that started it, whatever becomes of the tests.
 */
import { execFileSync, spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Dummy credentials, for an SDK in this process; nothing may look for others. */
export const variables = (endpoint) => ({
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_REGION: "us-east-1",
  AWS_CONFIG_FILE: "/nonexistent",
  AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  AWS_ENDPOINT_URL_KINESIS: endpoint,
});

const running = new Set();
// What a test leaves behind, also when it fails.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a process that ends with this one. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
  running.add(child);
  child.exited = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  }).finally(() => running.delete(child));
  child.exited.catch(() => {});
  // A pipe whose reader is gone.
  child.stdin?.on("error", () => {});
  return child;
}

/** Ends a process, by its id and at once, and waits for its end. */
export async function stop(child) {
  child.kill("SIGKILL");
  // One that is stopped dies all the same.
  await child.exited;
}

/** What a test leaves behind when it fails would keep the runner waiting. */
export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** Builds a program of the workspace, unless it is up to date, and gives its path. */
export function program(crate, name, features = []) {
  const alone = ["-p", crate, "--bin", name, ...features.flatMap((one) => ["--features", one])];
  // As part of the whole it is what `cargo test` has built already: alone, its
  // dependencies have fewer features, and are built again.
  const scope = process.env.SNOWMELT_WHOLE_WORKSPACE ? ["--workspace", "--all-targets"] : alone;
  const options = ["build", "--locked", "--quiet", "--message-format=json", ...scope];
  const output = execFileSync("cargo", options, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "inherit"] });
  const made = output.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return made.find(({ target, profile, executable }) => executable && target.name === name && !profile.test).executable;
}

/** A server that prints where it listens. */
class Server {
  #process;

  static async start(command, args) {
    const server = new this();
    server.#process = start(command, args, { env: { PATH: process.env.PATH } });
    const lines = readline.createInterface({ input: server.#process.stdout });
    const listening = new Promise((resolve) => {
      lines.on("line", (line) => {
        const [, endpoint] = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? [];
        if (endpoint) resolve(endpoint);
      });
    });
    const ended = server.#process.exited.then(({ code, signal }) => Promise.reject(new Error(`${args} ended before it was ready: ${code ?? signal}`)));
    server.endpoint = await Promise.race([listening, ended]);
    ended.catch(() => {});
    return server;
  }

  /** All that a child is to know. */
  get environment() {
    return { PATH: process.env.PATH, HOME: "/nonexistent", ...variables(this.endpoint) };
  }

  stop() {
    return stop(this.#process);
  }

  /** Any operation of the API. Signatures are not checked; their shape is. */
  async call(operation, input) {
    const credential = "Credential=test/20260101/us-east-1/kinesis/aws4_request";
    const response = await fetch(this.endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `Kinesis_20131202.${operation}`,
        "x-amz-date": "20260101T000000Z",
        authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${operation} ${JSON.stringify(input)}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  }

  async createStream(stream, shards) {
    await this.call("CreateStream", { StreamName: stream, ShardCount: shards });
    await this.#active(stream);
    return stream;
  }

  async #active(stream) {
    for (const began = performance.now(); ; ) {
      const { StreamDescriptionSummary: summary } = await this.call("DescribeStreamSummary", { StreamName: stream });
      if (summary.StreamStatus === "ACTIVE") return;
      if (performance.now() - began > 20_000) throw new Error(`${stream} is still ${summary.StreamStatus}`);
      await sleep(20);
    }
  }

  /** The open shards, in the order of their hash keys. */
  async openShards(stream) {
    const { Shards } = await this.call("ListShards", { StreamName: stream });
    const start = ({ HashKeyRange }) => BigInt(HashKeyRange.StartingHashKey);
    const open = Shards.filter(({ SequenceNumberRange }) => SequenceNumberRange.EndingSequenceNumber == null);
    return open.sort((a, b) => (start(a) < start(b) ? -1 : 1));
  }

  async updateShardCount(stream, shards) {
    await this.call("UpdateShardCount", { StreamName: stream, TargetShardCount: shards, ScalingType: "UNIFORM_SCALING" });
    await this.#active(stream);
  }

  async splitFirst(stream) {
    const [{ ShardId, HashKeyRange }] = await this.openShards(stream);
    const [low, high] = [BigInt(HashKeyRange.StartingHashKey), BigInt(HashKeyRange.EndingHashKey)];
    await this.call("SplitShard", { StreamName: stream, ShardToSplit: ShardId, NewStartingHashKey: String((low + high) / 2n + 1n) });
    await this.#active(stream);
  }

  async mergeFirstTwo(stream) {
    const [one, other] = await this.openShards(stream);
    await this.call("MergeShards", { StreamName: stream, ShardToMerge: one.ShardId, AdjacentShardToMerge: other.ShardId });
    await this.#active(stream);
  }

  /** How many records the stream holds. */
  async records(stream) {
    const { Shards } = await this.call("ListShards", { StreamName: stream });
    let count = 0;
    for (const { ShardId } of Shards) {
      const input = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" };
      let { ShardIterator: iterator } = await this.call("GetShardIterator", input);
      for (let behind = 1; iterator && behind > 0; ) {
        const page = await this.call("GetRecords", { ShardIterator: iterator });
        count += page.Records.length;
        [iterator, behind] = [page.NextShardIterator, page.MillisBehindLatest];
      }
    }
    return count;
  }
}

/** kinesis-local, as the tests of the Rust crate start it. */
export class KinesisLocal extends Server {
  static start() {
    return super.start(process.execPath, [path.join(root, "native", "tests", "servers", "kinesis-local.cjs")]);
  }
}

/** The double of `core/kinesis-double`: its README lists the faults. */
export class Double extends Server {
  static start(...options) {
    return super.start(program("kinesis-double", "kinesis-double", ["http"]), ["--exit-with-stdin", ...options]);
  }

  async #act(action) {
    const response = await fetch(`${this.endpoint}/_double`, { method: "POST", body: JSON.stringify(action) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${JSON.stringify(action)}: ${answer.error}`);
    return answer;
  }

  /** Operations from now on meet a fault; `rest` may hold `operation`, `value`, `count`, `skip`. */
  fault(effect, rest = {}) {
    return this.#act({ action: "fault", effect, ...rest });
  }

  /** No faults, and no calls on record. */
  async healthy() {
    await this.#act({ action: "clear_faults" });
    await this.#act({ action: "calls", clear: true });
  }

  clearFaults() {
    return this.#act({ action: "clear_faults" });
  }

  expireIterators() {
    return this.#act({ action: "expire_iterators" });
  }

  /** The calls since the last time: their operations and errors. */
  async calls() {
    return (await this.#act({ action: "calls", clear: true })).calls;
  }

  settings(settings) {
    return this.#act({ action: "settings", ...settings });
  }
}
