/** What every build offers beside its `Cache`. */

export type { FillOutcome } from "./binding";
export type { CatchUpOptions, PositionToken, SetOptions, WrapOptions } from "./cache";
export { DataId } from "./data-id";
export { type ErrorCode, SnowmeltError } from "./errors";
export type { CacheEvent } from "./events";
export type { Fetched, How, Loader, LoadOptions } from "./fetch";
export type { LoadedOptions, OfValue, StoreOptions } from "./fills";
export type { AnyFunction, Handled, InvocationReport } from "./handler";
export type { Joined, Lease } from "./lease";
export type { LoadContext } from "./loads";
export type { BatchContext, BatchLoader } from "./many";
export type { Invalidation } from "./names";
export type { CacheOptions, Duration, Report, Size, WaitUntil } from "./options";
export { type DynamoDbSource, keyPart, type Source, type SourceTemplates, type Template } from "./source";
export type { Stats } from "./stats";
export type * from "./transport";
