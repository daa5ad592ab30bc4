/**
 *     npm run local [-- --port PORT]     until Ctrl-C
 *     npm run demo                       a session, and then the end
 */

import { parseArgs } from "node:util";

import { demo } from "./demo";
import { start } from "./start";

const { values } = parseArgs({ options: { port: { type: "string", default: "8080" }, demo: { type: "boolean", default: false } } });
const local = await start({
  port: values.demo ? 0 : Number(values.port),
  print: values.demo ? () => {} : (line) => console.log(line),
});

if (values.demo) {
  try {
    await demo(local);
  } finally {
    await local.end();
  }
} else {
  for (const [name, pid] of Object.entries(local.pids)) console.log(`process ${pid}: ${name}`);
  console.log(`external API: ${local.productsUrl}/products/1 (how often it was asked: ${local.productsUrl}/requests)`);
  console.log(`listening on ${local.url}`);
  const stop = () => void local.end().then(() => process.exit(0));
  process.once("SIGINT", stop).once("SIGTERM", stop);
}
