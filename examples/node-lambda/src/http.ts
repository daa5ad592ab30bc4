/** Requests and answers, as API Gateway's HTTP APIs and function URLs have them. */

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

export type Request = APIGatewayProxyEventV2;
export type Answer = APIGatewayProxyStructuredResultV2;

/** Where a write stands in the stream. Whoever hands it on with a read is answered with data at least as new. */
export const POSITION = "x-min-position";

export function answer(statusCode: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { statusCode, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

export function refusal(statusCode: number, why: unknown): Answer {
  return answer(statusCode, { error: why instanceof Error ? why.message : String(why) });
}

/** The body as an object; undefined if it is none. */
export function bodyOf({ body, isBase64Encoded }: Request): Record<string, unknown> | undefined {
  try {
    const text = isBase64Encoded ? Buffer.from(body ?? "", "base64").toString() : (body ?? "");
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
