"""The service: `uvicorn app.main:app --workers 2`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Path, Request, Response
from pydantic import BaseModel
from snowmelt import Cache, CatchUpError, TokenError, WriteError

from .database import Database, User
from .users import Users

#: Where a write stands in the stream. Whoever hands it on with a read is answered with data at least as new.
POSITION = "x-min-position"
#: The same for browsers, which hand it on by themselves.
COOKIE = "min_position"
#: The longest lifetime of an entry, in seconds: after it no worker has what was before a write, and its position says nothing.
LONGEST = 300


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Made here, a cache is each worker's own. One made before a fork would stay its parent's.
    async with Cache[User | None](stream=os.environ.get("INVALIDATION_STREAM"), ttl=(LONGEST - 60, LONGEST)) as cache:
        app.state.cache = cache
        app.state.users = Users(cache, Database(os.environ.get("DATABASE", "users.db")))
        yield


app = FastAPI(title="Users", lifespan=lifespan)

UserId = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,36}$")]


class NewUser(BaseModel):
    """What is stored."""

    name: str
    email: str = ""


def users_of(request: Request) -> Users:
    users: Users = request.app.state.users
    return users


async def reached(
    users: Annotated[Users, Depends(users_of)],
    header: Annotated[str | None, Header(alias=POSITION)] = None,
    cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None,
) -> None:
    """Before a read: waits until this worker knows of the write whose position was handed on."""
    position = header or cookie
    if position is None:
        return
    try:
        await users.reach(position)
    except TokenError as error:
        # An old cookie, of a stream that was replaced, is nobody's fault and says nothing.
        if header is not None:
            raise HTTPException(400, str(error)) from None
    except CatchUpError as error:
        raise HTTPException(504, f"that position could not be reached in time: {error}") from None


@app.get("/users/{user_id}", dependencies=[Depends(reached)])
async def read_user(user_id: UserId, users: Annotated[Users, Depends(users_of)], response: Response) -> dict[str, Any]:
    response.headers["x-worker"] = str(os.getpid())
    user = await users.find(user_id)
    if user is None:
        raise HTTPException(404, "there is no such user", headers={"x-worker": str(os.getpid())})
    return {"id": user_id, **asdict(user)}


@app.put("/users/{user_id}", status_code=204)
async def write_user(user_id: UserId, user: NewUser, users: Annotated[Users, Depends(users_of)], response: Response) -> None:
    response.headers["x-worker"] = str(os.getpid())
    try:
        position = await users.put(user_id, User(user.name, user.email))
    except WriteError as error:
        raise HTTPException(503, f"saved, but others may serve the old user for up to {LONGEST} seconds: {error}") from None
    response.headers[POSITION] = position
    response.set_cookie(COOKIE, position, max_age=LONGEST, httponly=True, samesite="lax")


@app.get("/stats")
async def stats(request: Request, response: Response) -> dict[str, Any]:
    """What this worker's cache did."""
    response.headers["x-worker"] = str(os.getpid())
    return dict(vars(request.app.state.cache.stats()))
