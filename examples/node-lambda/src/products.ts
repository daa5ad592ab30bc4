/** What both functions know: products, their names in the cache, and the table of prices. */

import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";

export interface Product {
  id: string;
  title: string;
  category: string;
  price: number;
}

/** Whoever reads caches under these names; whoever changes something invalidates them. */
export const keyOf = (id: string) => `products/${id}`;
export const tagOf = (category: string) => `category:${category}`;

export const isId = (id: unknown): id is string => typeof id === "string" && /^[\w-]{1,64}$/.test(id);

const client = new DynamoDBClient({});
const table = required("PRICES_TABLE");

/** Our own price of a product, if it has one. */
export async function priceOf(id: string, signal: AbortSignal): Promise<number | undefined> {
  // Consistent: an older price, cached after its invalidation, would stay.
  const read = new GetItemCommand({ TableName: table, Key: { id: { S: id } }, ConsistentRead: true });
  const { Item } = await client.send(read, { abortSignal: signal });
  return Item?.["price"]?.N === undefined ? undefined : Number(Item["price"].N);
}

export async function setPrice(id: string, price: number): Promise<void> {
  await client.send(new PutItemCommand({ TableName: table, Item: { id: { S: id }, price: { N: String(price) } } }));
}

export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is not set`);
  return value;
}
