/** What every build offers beside its `Cache`. */

export type { FillOutcome } from "./binding";
export type { CatchUpOptions, Loader, LoadOptions, PositionToken, SetOptions, StoreOptions, WrapOptions } from "./cache";
export { DataId } from "./data-id";
export { type ErrorCode, SnowmeltError } from "./errors";
export type { CacheEvent } from "./events";
export type { AnyFunction, Handled, InvocationReport } from "./handler";
export type { Joined, Lease } from "./lease";
export type { LoadContext } from "./loads";
export type { Invalidation } from "./names";
export type { CacheOptions, Duration, Report, Size } from "./options";
export { type DynamoDbSource, keyPart, type Source, type SourceTemplates, type Template } from "./source";
export type { Stats } from "./stats";
export type * from "./transport";
