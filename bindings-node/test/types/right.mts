/** What users write. Compiled, never run: see types.test.mjs. */
import { type BatchLoader, Cache, type CacheEvent, type CacheOptions, DataId, type ErrorCode, type DynamoDbSource, type Fetched, type Invalidation, type InvocationReport, keyPart, type Loader, type LoadOptions, type PositionToken, SnowmeltError, type Source, type SourceTemplates, type Stats, type Template, type Transport } from "snowmelt";
import { snowmelt } from "snowmelt/middy";
import { Cache as WasmCache, kinesisTransport } from "snowmelt/wasm";
import middy from "@middy/core";
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis";

/** Equal, and not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

interface User {
  id: string;
  name: string;
}
declare const db: { getUser(id: string): Promise<User> };

// --- the example of the issue ---

export async function issue() {
  const cache = new Cache({ stream: process.env.INVALIDATION_STREAM, ttl: { min: "30s", max: "60s" }, maxEntries: 10_000 });

  const handler = cache.handler(async (event: { userId: string; tenant: string }) => {
    const user = await cache.getOrLoad(`users/${event.userId}`, () => db.getUser(event.userId), { tags: [`tenant:${event.tenant}`] });
    return { statusCode: 200, body: JSON.stringify(user) };
  });

  const token = await cache.invalidate("users/12345"); // also { tags }, { prefixes }, { all: true }
  same<typeof token, string>(true);
  return { handler, token };
}

// --- handlers, with Lambda's types as @types/aws-lambda has them ---

interface APIGatewayProxyEventV2 {
  rawPath: string;
  pathParameters?: Record<string, string | undefined>;
}
interface APIGatewayProxyStructuredResultV2 {
  statusCode?: number;
  body?: string;
}
interface Context {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}
type Callback<TResult = any> = (error?: Error | string | null, result?: TResult) => void;
type Handler<TEvent = any, TResult = any> = (event: TEvent, context: Context, callback: Callback<TResult>) => void | Promise<TResult>;

const cache = new Cache<User>({ stream: "memory:" });

const plain = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => ({ statusCode: 200, body: event.rawPath });
export const handler: Handler<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2> = cache.handler(plain);
same<ReturnType<typeof cache.handler<typeof plain>>, typeof plain>(true);

const withContext = cache.handler(async (_: APIGatewayProxyEventV2, context: Context) => context.awsRequestId);
same<typeof withContext, (event: APIGatewayProxyEventV2, context: Context) => Promise<string>>(true);
export const second: Handler<APIGatewayProxyEventV2, string> = withContext;

const sync = cache.handler((event: { a: number }) => event.a);
same<typeof sync, (event: { a: number }) => Promise<number>>(true);
const streaming = cache.handler(async (_: APIGatewayProxyEventV2, stream: NodeJS.WritableStream, __: Context) => void stream.end());
same<Parameters<typeof streaming>, [APIGatewayProxyEventV2, NodeJS.WritableStream, Context]>(true);

export const withMiddy = middy()
  .use(snowmelt(cache))
  .handler(async (event: APIGatewayProxyEventV2) => ({ statusCode: 200, body: event.rawPath }));

// --- wrap ---

const load = (id: string, _: { fresh?: boolean } = {}) => db.getUser(id);
const getUser = cache.wrap(load, {
  key: (id) => `users/${id}`,
  tags: (id, options) => [id, String(options?.fresh)],
});
same<Awaited<ReturnType<typeof getUser>>, User>(true);
same<typeof getUser, typeof load>(true);
const anything = new Cache({ stream: "none" });
const sum = anything.wrap((a: number, b: number) => a + b, { key: (a, b) => `${a}+${b}`, tags: ["sums"], ttl: "5m" });
same<typeof sum, (a: number, b: number) => Promise<number>>(true);

// --- reading and writing ---

export async function reading(signal: AbortSignal) {
  same<ReturnType<typeof cache.get>, User | undefined>(true);
  const user = await cache.getOrLoad("a", async ({ key, signal }) => ({ id: key, name: String(signal.aborted) }), { tags: (user) => [user.name], ttl: 5_000, signal });
  same<typeof user, User>(true);
  const loader: Loader<User> = () => ({ id: "1", name: "n" });
  await cache.getOrLoad("a", loader);
  same<ReturnType<typeof cache.set>, "stored" | "fenced" | "too_heavy" | "not_kept">(true);
  cache.set("a", user, { asOf: new Date(), weight: 5, tags: ["t"] });
  const begun = cache.begin("a");
  if (begun.leads) cache.fill(begun, user);
  else same<Awaited<ReturnType<typeof begun.wait>>, { value: User } | undefined>(true);
  await cache.catchUp({ atLeast: await cache.invalidate("a"), within: "2s" });
  const stats: Stats = cache.stats();
  same<typeof stats.lag, number | null>(true);
  const end = await cache.invocation();
  same<Awaited<ReturnType<typeof end>>, InvocationReport | undefined>(true);
  await using other = new Cache({ stream: "none" });
  return other.size;
}

export async function refreshing(context: { waitUntil(promise: Promise<unknown>): void }) {
  const options: LoadOptions<User> = {
    ttl: (user) => (user.name === "" ? "5s" : undefined),
    tags: (user, key) => [user.id, key],
    weight: ({ name }) => name.length,
    staleWhileRevalidate: "1m",
    staleIfError: (user) => (user.id === "1" ? 0 : "1h"),
    refreshAhead: () => 0.5,
    softLoadTimeout: 500_000,
    waitUntil: (refresh) => context.waitUntil(refresh),
  };
  const fetched = await cache.fetch("a", () => ({ id: "1", name: "n" }), options);
  same<typeof fetched, Fetched<User>>(true);
  const how: "hit" | "loaded" | "coalesced" | "stale" | "stale_on_error" = fetched.how;
  same<typeof fetched.value, User>(true);
  const many = await cache.getMany(new Set(["a"]), async ({ keys, signal }) => keys.map((key) => [key, { id: key, name: String(signal.aborted) }] as const), options);
  same<typeof many, Map<string, User>>(true);
  const batch: BatchLoader<User> = () => new Map<string, User>();
  await cache.getMany(["a", "b"] as const, batch);
  cache.set("a", fetched.value, { staleIfError: "1h", refreshAhead: 0.5, staleWhileRevalidate: 0 });
  cache.wrap(async (id: string): Promise<User> => ({ id, name: "" }), { key: (id) => id, staleIfError: "1h", softLoadTimeout: "1s", waitUntil: () => {} });
  const { stale, rescued, refreshes }: Stats = cache.stats();
  return [how, stale + rescued + refreshes];
}

const invalidations: Invalidation[] = [
  "users/1",
  new DataId("db.table.id", "1"),
  ["users/1", new DataId("db.table.id", "2")],
  { keys: "a" },
  { keys: ["a"], tags: ["t"], prefixes: ["p/"] },
  { tags: "t" },
  { prefixes: ["p/"] as readonly string[] },
  { all: true },
  { keys: undefined, all: undefined },
];
export const tokens: Promise<PositionToken>[] = invalidations.map((what) => cache.invalidate(what));

// --- options ---

export const every: Required<CacheOptions<User>> = {
  stream: "orders",
  region: "eu-west-1",
  endpoint: "http://127.0.0.1:4568",
  transport: undefined,
  ttl: "5m",
  catchUpEvery: 0,
  maxLag: 10_000,
  margin: "5s",
  settle: "0s",
  retention: "24h",
  catchUpBudget: "250ms",
  callTimeout: "3s",
  loadTimeout: "30s",
  softLoadTimeout: "2s",
  staleWhileRevalidate: "1m",
  staleIfError: "1h",
  refreshAhead: 0.8,
  negativeTtl: 0,
  absent: (user) => user.name === "",
  waitUntil: (refresh) => void refresh.then(() => {}),
  maxEntries: 10_000,
  maxWeight: "64mb",
  sizeOf: (user, key) => user.name.length + key.length,
  maxLeases: 1_000,
  maxFences: 4_096,
  lanes: undefined,
  namespace: "shop",
  onUndecodable: "flush",
  recordFormat: "scache",
  source: [{ dynamodb: { table: process.env.TABLE, key: ["users/{id}", "all-users"] as const, tag: undefined } }, { parameterStore: { prefix: "config/" } }],
  keysAsTags: true,
  giveUpRecords: 5,
  giveUpBytes: "64mb",
  pageRecords: 1_000,
  onEvent: (event: CacheEvent) => {
    if (event.type === "gap") same<typeof event.reason, string>(true);
    if (event.type === "writeFailed") same<typeof event.message, string>(true);
  },
  report: { emf: "Shop" },
  reportTo: (line) => void line.length,
  freeze: true,
  copy: structuredClone,
};

const templates: SourceTemplates = { key: "k", tag: ["t"], prefix: undefined };
const users: DynamoDbSource = { table: "users", ...templates };
export const sources: readonly Source[] = [{ dynamodb: users }, { parameterStore: templates, dynamodb: undefined }, { secretsManager: { tag: "{id}" as Template } }];
new WasmCache({ stream: "memory:", source: sources });
same<ReturnType<typeof keyPart>, string>(true);

export function errors(error: unknown): ErrorCode | undefined {
  return error instanceof SnowmeltError ? error.code : undefined;
}

// --- transports ---

const client = new KinesisClient({});
export const transport: Transport = {
  listShards: (input) => client.send(new ListShardsCommand(input)),
  getShardIterator: (input) => client.send(new GetShardIteratorCommand(input)),
  getRecords: (input, { signal }) => client.send(new GetRecordsCommand(input), { abortSignal: signal }),
  putRecords: (input) => client.send(new PutRecordsCommand(input)),
};
new Cache({ stream: "orders", transport });
new WasmCache<User>({ stream: "orders", transport: kinesisTransport({ region: "eu-west-1", accessKeyId: "a", secretAccessKey: "b", sessionToken: undefined }) });
