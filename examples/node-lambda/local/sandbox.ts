/**
 * A Lambda sandbox: a process of its own that keeps its memory between the
 * invocations, which its parent sends.
 *
 *     node sandbox.mjs BUNDLE.js NAME
 */

import { createRequire } from "node:module";

const [, , bundle = "", name = ""] = process.argv;
const handler = (createRequire(import.meta.url)(bundle) as Record<string, (event: unknown) => Promise<unknown>>)[name];
if (handler === undefined) throw new Error(`${bundle} exports no ${name}`);

process.on("message", async ({ id, event }: { id: number; event: unknown }) => {
  try {
    process.send?.({ id, result: await handler(event) });
  } catch (error) {
    console.error(error);
    process.send?.({ id, error: String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });
