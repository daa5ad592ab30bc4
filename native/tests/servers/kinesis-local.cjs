// Starts kinesis-local for tests, on the loopback only:
//
//     node kinesis-local.cjs [--port PORT]
//
// Prints `listening on http://127.0.0.1:PORT` when it is ready, and exits when
// its standard input ends, so that it never outlives whoever started it.
//
// By itself kinesis-local listens on all interfaces and takes no port 0; what
// it asks to listen on is therefore replaced here.

"use strict";

const net = require("node:net");
const path = require("node:path");

const { port } = require("node:util").parseArgs({ options: { port: { type: "string", default: "0" } } }).values;

// Stand for the two servers until they listen.
const TLS = 1;
const PLAIN = 2;

const modules = path.join(__dirname, "node_modules", "kinesis-local");
process.env.KINESIS_MOCK_CERT_PATH = path.join(modules, "server.json");
process.env.KINESIS_MOCK_TLS_PORT = String(TLS);
process.env.KINESIS_MOCK_PLAIN_PORT = String(PLAIN);
process.env.LOG_LEVEL ??= "ERROR";
// Of all streams together; many tests share a server.
process.env.SHARD_LIMIT ??= "1000";
for (const change of ["CREATE_STREAM", "DELETE_STREAM", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT"]) {
  process.env[`${change}_DURATION`] ??= "100ms";
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (asked, ...rest) {
  if (asked !== TLS && asked !== PLAIN) return listen.call(this, asked, ...rest);
  if (asked === PLAIN) {
    this.once("listening", () => console.log(`listening on http://127.0.0.1:${this.address().port}`));
  }
  const options = { host: "127.0.0.1", port: asked === PLAIN ? Number(port) : 0 };
  return listen.call(this, options, ...rest.filter((argument) => typeof argument === "function"));
};

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

require(path.join(modules, "main.js"));
