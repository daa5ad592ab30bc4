/** What is refused before it runs. Compiled, never run: see types.test.mjs. */
import { Cache, keyPart, type Transport } from "snowmelt";
import { cacheHttp } from "snowmelt/http";
import { Cache as WasmCache } from "snowmelt/wasm";

interface User {
  name: string;
}
const cache = new Cache<User>({ stream: "memory:" });
const any = new Cache({ stream: "none" });

// @ts-expect-error: a stream must be given
new Cache({ ttl: "5m" });
// @ts-expect-error: nothing at all
new Cache();
// @ts-expect-error: null is no stream
new Cache({ stream: null });
// @ts-expect-error: no such option
new Cache({ stream: "none", max_lag: "5s" });
// @ts-expect-error: both bounds
new Cache({ stream: "none", ttl: { min: "5s" } });
// @ts-expect-error: no such word
new Cache({ stream: "none", recordFormat: "json" });
// @ts-expect-error: no such origin
new Cache({ stream: "none", source: { s3: { key: "k" } } });
// @ts-expect-error: one origin for each source
new Cache({ stream: "none", source: { parameterStore: { key: "k" }, secretsManager: { key: "k" } } });
// @ts-expect-error: no table
new Cache({ stream: "none", source: { dynamodb: { key: "k" } } });
// @ts-expect-error: a parameter is of no table
new Cache({ stream: "none", source: [{ parameterStore: { table: "users", key: "k" } }] });
// @ts-expect-error: a template is a text
new Cache({ stream: "none", source: { secretsManager: { key: 5 } } });
// @ts-expect-error: a flag
new Cache({ stream: "none", keysAsTags: "yes" });
// @ts-expect-error: a part of a key is a text
keyPart(5);
// @ts-expect-error: no such report
new Cache({ stream: "none", report: "xml" });
// @ts-expect-error: a count is a number
new Cache({ stream: "none", maxEntries: "10" });
// @ts-expect-error: of another value
new Cache<User>({ stream: "none", sizeOf: (value: number) => value });
// @ts-expect-error: four functions
new WasmCache({ stream: "orders", transport: { listShards: async () => ({}) } });

// @ts-expect-error: a key is a string
cache.get(5);
// @ts-expect-error: of another type
cache.set("a", 5);
// @ts-expect-error: of another type
void cache.getOrLoad("a", () => 5);
// @ts-expect-error: no loader
void cache.getOrLoad("a");
// @ts-expect-error: tags are texts
void cache.getOrLoad("a", () => ({ name: "" }), { tags: [5] });
// @ts-expect-error: a window is a duration
void cache.getOrLoad("a", () => ({ name: "" }), { staleIfError: true });
// @ts-expect-error: of another value
void cache.fetch("a", () => ({ name: "" }), { ttl: (value: number) => value });
// @ts-expect-error: how the work goes on is told by a function
void cache.fetch("a", () => ({ name: "" }), { waitUntil: true });
// @ts-expect-error: for this package only
void cache.fetch("a", () => ({ name: "" }), { rescues: () => false });
// @ts-expect-error: with its status
(await cache.fetch("a", () => ({ name: "" }))).name;
// @ts-expect-error: pairs, and not an object
void cache.getMany(["a"], () => ({ a: { name: "" } }));
// @ts-expect-error: of another type
void cache.getMany(["a"], ({ keys }) => keys.map((key) => [key, 5] as const));
// @ts-expect-error: keys are texts
void cache.getMany([5], () => []);
// @ts-expect-error: a value may be missing
(await cache.getMany(["a"], () => [])).get("a").name;
// @ts-expect-error: a share is a number
new Cache({ stream: "none", refreshAhead: "0.8" });
// @ts-expect-error: a value may be missing
cache.get("a").name;
// @ts-expect-error: what it is, is not known
any.get("a").name;
// @ts-expect-error: no such thing to invalidate
void cache.invalidate({ tag: "t" });
// @ts-expect-error: a key is a string
void cache.invalidate([5]);
// @ts-expect-error: a joined load cannot be filled
cache.fill(cache.begin("a"), { name: "" });
// @ts-expect-error: a key is needed
cache.wrap(async () => ({ name: "" }), {});
// @ts-expect-error: the key is made from the arguments
cache.wrap(async (id: number) => ({ name: `${id}` }), { key: (id: string) => id });
// @ts-expect-error: of another type
cache.wrap(async () => 5, { key: () => "a" });
const wrapped = cache.wrap(async (id: number) => ({ name: `${id}` }), { key: (id) => `${id}` });
// @ts-expect-error: fn's parameters
void wrapped("1");
const handler = cache.handler(async (event: { id: number }) => event.id);
// @ts-expect-error: fn's parameters
void handler({ id: "1" });
// @ts-expect-error: no function
cache.handler("handler");
// @ts-expect-error: a token is a text
void cache.catchUp({ atLeast: 5 });
// @ts-expect-error: a shard's iterator is a text
export const transport: Transport["getShardIterator"] = async () => ({ ShardIterator: 5 });
// @ts-expect-error: made by an entry point only
new (Object.getPrototypeOf(Cache) as typeof import("snowmelt").BaseCache)();

// @ts-expect-error: a cache of Snowmelt
cacheHttp(new Map());
// @ts-expect-error: no such option
cacheHttp(any, { max_body: "1mb" });
// @ts-expect-error: no such word
cacheHttp(any, { query: "random" });
// @ts-expect-error: a key is a text
cacheHttp(any, { key: () => 7 });
// @ts-expect-error: no Response
cacheHttp(any).fetch(async () => "text");
// @ts-expect-error: a handler
cacheHttp(any).lambda({});
