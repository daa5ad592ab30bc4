/** Every counter since the cache was made, and the state of now. Times in milliseconds. */
export interface Stats {
  /** Reads that were served from memory. */
  hits: number;
  /** Reads that were not. */
  misses: number;
  /** Loads that began. */
  loads: number;
  /** Loads that ended without a value. */
  loadFailures: number;
  /** Reads that waited for a load another read had begun. */
  coalesced: number;
  /** Values that were stored. */
  fills: number;
  /** Values that were not stored because they may have been stale. */
  fenced: number;
  /** Values that were not stored because they alone are over the bound. */
  tooHeavy: number;
  /** Reads that were served within `staleWhileRevalidate`. */
  stale: number;
  /** Reads that were served within `staleIfError` only, because the load failed or took long. */
  rescued: number;
  /** Loads among `loads` that refreshed a value which could still be served. */
  refreshes: number;
  /** Entries that left to make room. */
  evictions: number;
  /** Entries that were found past their lifetime. */
  expirations: number;
  /** Entries dropped because their key was invalidated. */
  invalidatedByKey: number;
  /** Entries dropped because a tag of theirs was invalidated. */
  invalidatedByTag: number;
  /** Entries dropped because a prefix of their key was invalidated. */
  invalidatedByPrefix: number;
  /** Entries dropped because everything was invalidated, or by a gap. */
  invalidatedByAll: number;
  /** Records read from the stream. */
  records: number;
  /** Records among them that could not be decoded. */
  undecodable: number;
  /** Catch-ups that reached the tip. */
  catchUpsSucceeded: number;
  /** Catch-ups that failed or ran out of their budget. */
  catchUpsFailed: number;
  /** Catch-ups that the stream throttled. */
  catchUpsThrottled: number;
  /** Times that continuity could not be proven and everything was dropped. */
  gaps: number;
  /** How far behind the stream the cache is; null while it follows nothing. */
  lag: number | null;
  /** The load times that hits avoided. */
  timeSaved: number;
  /** The time spent catching up. */
  timeSpent: number;
  /** `ListShards` calls. */
  listShardsCalls: number;
  /** `GetShardIterator` calls. */
  shardIteratorCalls: number;
  /** `GetRecords` calls. */
  getRecordsCalls: number;
  /** `PutRecords` calls. */
  putRecordsCalls: number;
  /** Calls to the stream, of every kind. */
  calls: number;
  /** Entries now, expired ones included. */
  entries: number;
  /** Their weight. */
  weight: number;
  /** Loads under way. */
  leases: number;
}
