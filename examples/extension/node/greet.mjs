/** Greets a person: with a parameter, an item and a secret, which the extension keeps in memory and up to date. */
import { createHmac } from "node:crypto";

const { PARAMETER, SECRET, TABLE } = process.env;
const TOKEN = { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN ?? "" };
const SECRETS = `http://127.0.0.1:${process.env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT ?? 2773}`;
const CACHE = `http://127.0.0.1:${process.env.SNOWMELT_PORT ?? 4000}`;

/** `GET /greetings/{name}`. */
export async function handler({ pathParameters }) {
  const name = decodeURIComponent(pathParameters.name);
  const kept = `${CACHE}/cache/greetings/${encodeURIComponent(name)}`;
  const found = await get(kept);
  const greeting = found ?? (await greet(name));
  if (greeting === undefined) return answer(404, { error: `nobody is called ${name}` });
  if (found === undefined) {
    // Gone too when the parameter or the item that it is made of changes. In a
    // header, tags are percent-encoded once more.
    const tags = [`ssm/${PARAMETER}`, `dynamodb/${TABLE}/${encodeURIComponent(name)}`].map(encodeURI).join();
    const headers = { "Snowmelt-TTL": "10m", "Snowmelt-Tags": tags, "Content-Type": "text/plain" };
    const { status } = await fetch(kept, { method: "PUT", headers, body: greeting });
    if (status !== 204) console.log(`not kept: ${status}`);
  }
  return answer(200, { greeting, signature: await sign(greeting), from: found === undefined ? "parts" : "memory" });
}

async function greet(name) {
  const person = await get(`${CACHE}/dynamodb?name=${encodeURIComponent(`${TABLE}@@${name}`)}`);
  if (person === undefined) return undefined;
  const hello = await get(`${SECRETS}/systemsmanager/parameters/get?name=${encodeURIComponent(PARAMETER)}`, TOKEN);
  return `${JSON.parse(hello).Parameter.Value}, ${JSON.parse(person).title} ${name}!`;
}

async function sign(text) {
  const secret = await get(`${SECRETS}/secretsmanager/get?secretId=${encodeURIComponent(SECRET)}`, TOKEN);
  return createHmac("sha256", JSON.parse(secret).SecretString).update(text).digest("hex");
}

/** What is there; undefined if there is nothing. */
async function get(url, headers = {}) {
  const response = await fetch(url, { headers });
  const body = await response.text();
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${new URL(url).pathname}: ${response.status} ${body}`);
  return body;
}

const answer = (statusCode, body) => ({ statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
