/** The Express server. `PORT=0` takes a free port. */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import express from "express";

import { cache, http } from "./cache.mjs";
import { database } from "./products.mjs";

const app = express();
app.use(http.express());

app.get("/products", async (_, res) => {
  const all = await database.all();
  res.set("Cache-Tag", ["products", ...all.map(({ id }) => `product:${id}`)].join(", ")).json(all);
});

app.get("/products/:id", async (req, res) => {
  const product = await database.get(req.params.id);
  res.set("Cache-Tag", `product:${req.params.id}`);
  if (product === undefined) res.status(404).json({ error: "no such product" });
  else res.json(product);
});

app.put("/products/:id", express.json(), async (req, res) => {
  const { price } = req.body ?? {};
  if (typeof price !== "number") return void res.status(400).json({ error: 'give a price: {"price": 12.5}' });
  if (!(await database.setPrice(req.params.id, price))) return void res.status(404).json({ error: "no such product" });
  // After the database has it: here at once, and in every other process that follows the stream.
  await cache.invalidate({ tags: [`product:${req.params.id}`] });
  res.json({ id: req.params.id, price });
});

/** Listens on the loopback, and gives the URL and what ends it. */
export async function start(port) {
  const server = createServer(app);
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await cache.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url, close } = await start(Number(process.env.PORT ?? 8080));
  console.log(`listening on ${url}`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void close());
}
