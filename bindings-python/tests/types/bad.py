"""Uses that type checkers must refuse. Checked by scripts/check-types.sh; never run.

Each line names the errors that it must give, mypy's and Pyright's: a comment that hides no error is an error of its own.
"""
# pyright: strict

from __future__ import annotations

from snowmelt import Cache, CacheEvent, DataId, InvocationReport, Source

# Options.
Cache()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Cache("orders")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Cache(stream="orders", maxLag=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Cache(stream=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", max_lag=[1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", ttl=(1, 2, 3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", max_entries="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", on_undecodable="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", report="xml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", on_event=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", keys_as_tags="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source="users")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source={"dynamodb": {"table": "users", "key": 5}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source={"dynamodb": {"key": "users/{id}"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source={"dynamodb": {"table": "users", "keys": "users/{id}"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source={"parameter_store": {"table": "users", "key": "users/{id}"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cache(stream="orders", source={"s3": {"key": "users/{id}"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
source: Source = {"dynamodb": {"table": "users", "key": "users/{id}", "ttl": 5}}  # type: ignore[typeddict-unknown-key]  # pyright: ignore[reportAssignmentType]

numbers: Cache[int] = Cache(stream="orders")

# Values and keys.
numbers.set("k", "text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers.set("k", 1, tags=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers.set("k", 1, as_of="yesterday")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers[5]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
numbers.get(key="k")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
numbers["k"].upper()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
numbers.get("k") + 1  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand, reportUnusedExpression]
numbers["k"] = 1  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
numbers.get_or_load("k", lambda: "text")  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
numbers.get_or_load("k", 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers.get_or_load("k", lambda: 5, tags=lambda value: value)  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
numbers.fetch("k", lambda: "text")  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
numbers.fetch("k", lambda: 5).how == "fresh"  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison, reportUnusedExpression]
numbers.get_many(["k"], lambda keys: [1])  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
numbers.get_many(["k"], lambda keys: {"k": 1})["k"] + 1  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand, reportUnusedExpression]
Cache[int](stream="orders", refresh_ahead="half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers.invalidate(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
numbers.catch_up(within=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DataId("db.users.id")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def changes(data: DataId, report: InvocationReport, event: CacheEvent) -> None:
    data.id = "2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    report.hits = 0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    event.colour  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    CacheEvent("party")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# Decorators.
@numbers.cached("{a}", tags=["{a}"])
def cached(a: str) -> int:
    return len(a)


@numbers.cached
async def cached_later(a: str) -> int:
    return len(a)


cached(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cached.key()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
cached.invalidate("a", "b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
cached("a").upper()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
cached.clear()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
numbers.cached(5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
numbers.handler("main")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


async def later() -> None:
    cached_later("a") + 1  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    await cached_later(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await numbers.aio.get_or_load("k", lambda: "text")  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
    (await numbers.aio.get("k")).bit_length()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]


with numbers.begin("k"):  # type: ignore[union-attr]  # pyright: ignore[reportGeneralTypeIssues]
    pass
