"""Typical uses, all of which type checkers must accept, and know the types of. Checked by scripts/check-types.sh; never run."""
# pyright: strict

from __future__ import annotations

import asyncio
import copy
import datetime
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import assert_type

import snowmelt
from snowmelt import AsyncFace, Cache, CacheEvent, DataId, Fetched, InvocationReport, Joined, Lease, SnowmeltError, Source, Stats


@dataclass
class User:
    name: str
    team: str


def on_event(event: CacheEvent) -> None:
    assert_type(event.type, Literal["gap", "undecodable", "flushed", "catch_up_ended", "write_failed"])
    assert_type(event.reason, str | None)


users: Cache[User] = Cache(
    stream=os.environ["INVALIDATION_STREAM"],
    region="eu-west-1",
    endpoint=None,
    namespace="shop",
    lanes=8,
    record_format="scache",
    on_undecodable="flush",
    source={"dynamodb": {"table": "users", "key": "users/{id}", "tag": ("team:{team}", "users")}},
    keys_as_tags=True,
    ttl=(30, datetime.timedelta(minutes=1)),
    catch_up_every=0,
    max_lag="20s",
    max_entries=10_000,
    max_weight="64mb",
    size_of=lambda user, key: len(user.name) + len(key),
    stale_while_revalidate="30s",
    stale_if_error=datetime.timedelta(hours=1),
    refresh_ahead=0.8,
    negative_ttl=5,
    absent=lambda user: not user.name,
    soft_load_timeout="500ms",
    wait_until=lambda refresh: None,
    report={"emf": "Shop/Cache"},
    report_to=print,
    on_event=on_event,
    copy=copy.deepcopy,
    seed=7,
)

# Without a type it holds anything. A variable may be unset: that is refused when it runs, in words that help.
anything = Cache(stream=os.environ.get("INVALIDATION_STREAM"), report="off", ttl=["30s", "1m"])
assert_type(anything, Cache[Any])


# One change log or several, of which each has its type.
sources: list[Source] = [
    {"dynamodb": {"table": os.environ["TABLE"], "prefix": ["users/{id}/"]}},
    {"parameter_store": {"key": "config/{name}"}},
    {"secrets_manager": {"tag": [f"{stage}/{{id}}" for stage in ("test", "live")]}},
]
Cache[str](stream="orders", source=sources)
Cache[str](stream="orders", source=(sources[0],))
Cache[str](stream="orders", source=[{"parameter_store": {"key": "config/{name}"}}], keys_as_tags=None)


def table_of(name: str) -> Source:
    return {"dynamodb": {"table": name, "key": f"{name}/{{id}}"}}


Cache[str](stream="orders", source=[table_of("users"), table_of("orders")])
Cache[str](stream="orders", source=table_of("users"))


def fetch(user_id: str) -> User:
    return User(user_id, "blue")


async def fetch_later(user_id: str) -> User:
    return User(user_id, "blue")


async def fetch_all(keys: list[str]) -> dict[str, User]:
    return {key: await fetch_later(key) for key in keys}


refreshes: list[Future[None]] = []
tasks: list[asyncio.Task[None]] = []


def reads_and_writes() -> None:
    assert_type(users["users/1"], User)
    assert_type(users.get("users/1"), User | None)
    assert_type(users.get("users/1", User("nobody", "none")), User)
    assert_type(users.get("users/1", 5), User | int)
    assert_type("users/1" in users, bool)
    assert_type(len(users), int)
    assert_type(users.get_or_load("users/1", lambda: fetch("1")), User)
    users.get_or_load("users/1", lambda: fetch("1"), tags=lambda user: [f"team:{user.team}"], ttl="5m", weight=3)
    users.get_or_load("users/1", lambda: fetch("1"), tags=["tenant:7"], ttl=datetime.timedelta(minutes=5))
    fetched = users.fetch("users/1", lambda: fetch("1"), ttl=lambda user: len(user.name), stale_if_error="1h", wait_until=refreshes.append)
    assert_type(fetched, Fetched[User])
    assert_type(fetched.value, User)
    assert_type(fetched.how, Literal["hit", "loaded", "coalesced", "stale", "stale_on_error"])
    assert_type(fetched.error, Exception | None)
    assert_type(users.get_many(["users/1"], lambda keys: {key: fetch(key) for key in keys}, ttl="5m"), dict[str, User | None])
    assert_type(users.set("users/1", fetch("1"), tags=("tenant:7",), as_of=1.0), Literal["stored", "fenced", "too_heavy", "not_kept"])
    users.set("users/1", fetch("1"), as_of=datetime.datetime.now(datetime.timezone.utc))
    assert_type(users.delete("users/1"), bool)
    assert_type(users.keys(), list[str])
    assert_type(anything.get("k"), Any | None)
    users.clear()


def own_loads() -> User | None:
    begun = users.begin("users/1")
    assert_type(begun, Lease | Joined[User])
    if isinstance(begun, Lease):
        with begun as lease:
            assert_type(lease.key, str)
            users.fill(lease, fetch("1"), tags=["tenant:7"])
        return None
    waited = begun.wait()
    assert_type(waited, tuple[User] | None)
    return None if waited is None else waited[0]


def invalidations() -> None:
    token = users.invalidate("users/1", tags=["tenant:7"], prefixes="orders/")
    assert_type(token, str)
    users.invalidate([DataId("db.users.id", "1"), "users/2"])
    users.invalidate(DataId.parse("id=1&s=db.users.id&t=data.ID"))
    users.invalidate(all=True)
    users.catch_up()
    users.catch_up(at_least=token, within="2s")


def reports() -> None:
    stats = users.stats()
    assert_type(stats, Stats)
    assert_type(stats.hits, int)
    assert_type(stats.lag, float | None)
    with users.invocation() as invocation:
        pass
    assert_type(invocation.report, InvocationReport | None)
    event = CacheEvent("gap", reason="retention")
    match event:
        case CacheEvent(type="gap", reason=reason):
            assert_type(reason, str | None)
        case _:
            pass


def failures() -> None:
    try:
        users.invalidate("users/1")
    except snowmelt.WriteError as failed:
        assert_type(failed.code, str)
        assert_type(failed.kind, str | None)
    except (snowmelt.CatchUpError, SnowmeltError):
        raise


def contexts() -> None:
    with Cache[int](stream="memory:") as numbers:
        assert_type(numbers, Cache[int])
        numbers.warm()


@users.cached("users/{user_id}", tags=["tenant:{tenant}"], ttl=(60))
def get_user(user_id: str, tenant: str = "7") -> User:
    """A user."""
    return fetch(user_id)


@users.cached("later/{user_id}")
async def get_user_later(user_id: str) -> User:
    return await fetch_later(user_id)


@users.cached
def get_first() -> User:
    return fetch("1")


@users.cached
async def get_first_later() -> User:
    return await fetch_later("1")


class Repository:
    @users.cached("orders/{order_id}", tags=lambda orders: [f"user:{user.name}" for user in orders])
    def orders(self, order_id: str) -> list[User]:
        return [fetch(order_id)]

    @users.cached("carts/{user_id}")
    async def cart(self, user_id: str) -> User:
        return await fetch_later(user_id)


async def decorated() -> None:
    assert_type(get_user("1"), User)
    assert_type(get_user(user_id="1", tenant="7"), User)
    assert_type(get_user.key("1", tenant="7"), str)
    assert_type(get_user.invalidate("1"), str)
    assert_type(get_user.__name__, str)
    assert_type(get_user.cache, Cache[Any])
    assert_type(get_first(), User)
    assert_type(await get_user_later("1"), User)
    assert_type(get_user_later.key("1"), str)
    assert_type(await get_user_later.invalidate("1"), str)
    assert_type(await get_first_later(), User)
    assert_type(await get_first_later.invalidate(), str)
    assert_type(Repository().orders("1"), list[User])
    assert_type(Repository.orders.invalidate(Repository(), "1"), str)
    assert_type(await Repository().cart("1"), User)
    assert_type(await Repository.cart.invalidate(Repository(), "1"), str)
    assert_type(Repository.orders.key(Repository(), "1"), str)
    also: Callable[[str], Coroutine[Any, Any, User]] = get_user_later
    await also("1")


@users.handler
def handler(event: dict[str, str], context: object) -> dict[str, str]:
    return {"body": get_user(event["id"]).name}


@users.handler
async def async_handler(event: dict[str, str], context: object) -> int:
    return len(event)


async def later() -> None:
    assert_type(users.aio, AsyncFace[User])
    assert_type(await users.aio.get("users/1"), User | None)
    assert_type(await users.aio.get("users/1", User("nobody", "none")), User)
    assert_type(await users.aio.get_or_load("users/1", lambda: fetch_later("1")), User)
    assert_type(await users.aio.get_or_load("users/1", lambda: fetch("1"), tags=lambda user: [user.team]), User)
    fetched = await users.aio.fetch("users/1", lambda: fetch_later("1"), refresh_ahead=lambda user: 0.5, wait_until=tasks.append)
    assert_type(fetched, Fetched[User])
    assert_type(await users.aio.get_many(iter(["users/1"]), fetch_all), dict[str, User | None])
    assert_type(await users.aio.invalidate("users/1", tags=["t"]), str)
    await users.aio.catch_up(at_least="sm1.x", within=2.5)
    await users.aio.warm()
    async with Cache[str](stream="none") as texts:
        assert_type(texts, Cache[str])
    async with users.invocation() as invocation:
        assert_type(handler({}, None), dict[str, str])
        assert_type(await async_handler({}, None), int)
    assert_type(invocation.report, InvocationReport | None)
    await users.aio.aclose()


asyncio.run(later())
