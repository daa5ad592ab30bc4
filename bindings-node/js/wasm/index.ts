/**
 * Snowmelt as WebAssembly, for what is no Node: workers at the edge, browsers,
 * and Node where addons cannot be loaded. The same `Cache`; for Kinesis it
 * needs a transport, such as `kinesisTransport`.
 *
 * @packageDocumentation
 */

import { BaseCache } from "../cache";
import { useCodec } from "../data-id";
import type { CacheOptions } from "../options";
import { binding } from "./binding";

export * from "../public";
export { kinesisTransport, type KinesisTransportOptions } from "./kinesis";

useCodec(binding);

/** An in-memory cache that a stream of invalidations keeps honest. */
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
