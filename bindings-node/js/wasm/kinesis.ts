/** Kinesis over `fetch`, signed by aws4fetch. */

import { AwsClient } from "aws4fetch";

import { SnowmeltError } from "../errors";
import { describe } from "../plain";
import type { CallOptions, Dated, GetRecordsOutput, GetShardIteratorOutput, ListShardsOutput, PutRecordsOutput, Transport } from "../transport";

export interface KinesisTransportOptions {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string | undefined;
  /** The URL of the endpoint. Default: the region's own. */
  endpoint?: string | undefined;
  /** Default: the global one. */
  fetch?: typeof fetch | undefined;
}

/** An error as the AWS SDK has it: its name is the service's exception. */
class KinesisError extends Error {
  readonly status: number;

  constructor(name: string, message: string, status: number) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/**
 * A transport over `fetch`. Requests are signed with Signature Version 4 and
 * sent once.
 *
 * @throws SnowmeltError `INVALID_OPTION`, if the region or the credentials are
 * missing.
 */
export function kinesisTransport(options: KinesisTransportOptions): Transport {
  for (const option of ["region", "accessKeyId", "secretAccessKey"] as const) {
    const value: unknown = options[option];
    if (typeof value !== "string" || value === "") {
      throw new SnowmeltError("INVALID_OPTION", `option \`${option}\` is ${describe(value)}: give a string; the usual cause is an environment variable that is not set`, { option });
    }
  }
  const { region, accessKeyId, secretAccessKey, sessionToken } = options;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    service: "kinesis",
    region,
    // The cache paces its calls itself.
    retries: 0,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const url = options.endpoint ?? `https://kinesis.${region}.${suffix}/`;
  const call = <T>(operation: string) => (input: unknown, callOptions: CallOptions) => send<T>(client, options.fetch ?? fetch, url, operation, input, callOptions);
  return {
    region,
    endpoint: options.endpoint,
    listShards: call<ListShardsOutput>("ListShards"),
    getShardIterator: call<GetShardIteratorOutput>("GetShardIterator"),
    getRecords: call<GetRecordsOutput>("GetRecords"),
    putRecords: call<PutRecordsOutput>("PutRecords"),
  };
}

async function send<T>(client: AwsClient, fetcher: typeof fetch, url: string, operation: string, input: unknown, { signal }: CallOptions): Promise<T & Dated> {
  const request = await client.sign(url, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Kinesis_20131202.${operation}` },
    body: JSON.stringify(apiInput(input)),
    signal,
  });
  const response = await fetcher(request);
  const text = await response.text();
  if (!response.ok) throw refusal(response, text);
  const date = Date.parse(response.headers.get("date") ?? "");
  return { ...(JSON.parse(text === "" ? "{}" : text) as T), ...(Number.isNaN(date) ? {} : { date: new Date(date) }) };
}

/** What the service said when it refused: the protocol has the name in a header or in the body. */
function refusal(response: Response, text: string): KinesisError {
  let body: { __type?: string; message?: string; Message?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy's page, perhaps; the status has to do.
  }
  const name = response.headers.get("x-amzn-errortype") ?? body.__type ?? "";
  return new KinesisError(name, body.message ?? body.Message ?? "", response.status);
}

/** As the API's JSON has it: times in seconds, data in base64. */
function apiInput(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""));
  if (Array.isArray(value)) return value.map(apiInput);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, apiInput(field)]));
}
