/**
 * Snowmelt for Node: an in-memory cache for serverless functions that a
 * Kinesis stream of invalidations keeps honest.
 *
 * @packageDocumentation
 */

import * as asyncHooks from "node:async_hooks";

import { BaseCache } from "./cache";
import { useAsyncHooks } from "./context";
import { useCodec } from "./data-id";
import { binding } from "./native/binding";
import type { CacheOptions } from "./options";

export * from "./public";

useAsyncHooks(asyncHooks as never);
useCodec(binding);

/**
 * An in-memory cache that a stream of invalidations keeps honest.
 *
 * Values stay JavaScript values, by reference. Nothing fails because of the
 * stream but `invalidate` and `catchUp`: where it cannot be read, entries are
 * served for `maxLag` and then loaded anew.
 */
export class Cache<V = unknown> extends BaseCache<V> {
  /**
   * Makes a cache. Does no I/O.
   *
   * @throws SnowmeltError `INVALID_OPTION`, if an option cannot be used as it
   * is: it names the option, what it was and what it may be.
   */
  constructor(options: CacheOptions<V>) {
    super(binding(), options);
  }
}
