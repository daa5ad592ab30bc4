// A runtime client for Node.js: asks the Runtime API (2018-06-01) for events
// and gives a handler's answers to it. `node runtime.mjs FOLDER FILE.FUNCTION`.
// (The one that Lambda runs, npm's aws-lambda-ric, has to be compiled.)
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, handler] = process.argv.slice(2);
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const [file, name] = handler.split(".");
const { [name]: run } = await import(pathToFileURL(path.join(folder, `${file}.mjs`)));

const post = (path, body) => fetch(`${api}${path}`, { method: "POST", body: JSON.stringify(body) });

for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  try {
    await post(`/invocation/${id}/response`, await run(await next.json()));
  } catch (error) {
    console.error(error);
    await post(`/invocation/${id}/error`, { errorType: error.name, errorMessage: error.message, stackTrace: [] });
  }
}
