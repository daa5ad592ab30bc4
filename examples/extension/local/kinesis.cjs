// A Kinesis API on the loopback, with one stream:
//
//     node local/kinesis.cjs NAME
//
// Prints `listening on http://127.0.0.1:PORT` when it is ready, and ends when
// its standard input does, so that it never outlives whoever started it.
//
// By itself kinesis-local listens on all interfaces and takes no port 0; what
// it asks to listen on is therefore replaced here.

"use strict";

const net = require("node:net");
const path = require("node:path");

// Stand for the two servers until they listen.
const TLS = 1;
const PLAIN = 2;

const main = require.resolve("kinesis-local/main.js");
process.env.KINESIS_MOCK_CERT_PATH = path.join(path.dirname(main), "server.json");
process.env.KINESIS_MOCK_TLS_PORT = String(TLS);
process.env.KINESIS_MOCK_PLAIN_PORT = String(PLAIN);
process.env.INITIALIZE_STREAMS = `${process.argv[2]}:1`;
process.env.CREATE_STREAM_DURATION = "10ms";
process.env.LOG_LEVEL ??= "ERROR";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (asked, ...rest) {
  if (asked !== TLS && asked !== PLAIN) return listen.call(this, asked, ...rest);
  if (asked === PLAIN) {
    this.once("listening", () => console.log(`listening on http://127.0.0.1:${this.address().port}`));
  }
  return listen.call(this, { host: "127.0.0.1", port: 0 }, ...rest.filter((argument) => typeof argument === "function"));
};

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

require(main);
