/** What users of `snowmelt/http` write. Compiled, never run: see types.test.mjs. */
import { Cache } from "snowmelt";
import { cacheHttp, type CachedResponse, type HttpCache, type HttpOptions } from "snowmelt/http";
import { Cache as WasmCache } from "snowmelt/wasm";

/** Equal, and not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export function overHttp(app: import("express").Express, hono: import("hono").Hono) {
  const options: HttpOptions = {
    ttl: (status, headers) => (status === 404 ? "10s" : headers["x-ttl"]),
    key: (request) => request.header("x-tenant") ?? request.native.user?.id,
    skip: ({ path }) => path.startsWith("/admin"),
    waitUntil: (promise, _env: unknown, ctx: { waitUntil(promise: Promise<void>): void }) => ctx.waitUntil(promise),
    keyBody: "8kb",
    methods: ["GET", "POST"],
  };
  const http: HttpCache = cacheHttp(new Cache({ stream: "none" }), options);
  cacheHttp(new WasmCache<CachedResponse>({ stream: "none" }), { ttl: { 200: "1m", "4xx": "10s", default: "1m" } });
  app.use(http.express());
  app.get("/", http.express(), (_, res) => void res.send("x"));
  const onRequest = http.fetch(hono.fetch);
  same<ReturnType<typeof onRequest>, Promise<Response>>(true);
  const worker = http.fetch(async (request: Request, env: { KEY: string }, ctx: { waitUntil(promise: Promise<unknown>): void }) => new Response(`${request.url} ${env.KEY} ${typeof ctx}`));
  same<Parameters<typeof worker>, [request: Request, env: { KEY: string }, ctx: { waitUntil(promise: Promise<unknown>): void }]>(true);
  const handler = http.lambda(async (event: { rawPath: string }, context: { awsRequestId: string }) => ({ statusCode: 200, body: event.rawPath + context.awsRequestId }));
  same<ReturnType<typeof handler>, Promise<{ statusCode: number; body: string }>>(true);
}
