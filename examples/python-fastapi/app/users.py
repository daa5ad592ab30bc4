"""Users, cached. All that has to do with Snowmelt, but for making the cache."""

from __future__ import annotations

from snowmelt import Cache

from .database import Database, User

#: A user's name in the cache. A str is put in as it is (ids have nothing to encode), so that a writer in another language can
#: name it too: `users/7`.
KEY = "users/{user_id}"


class Users:
    """Reads through a cache; writes to the database first, and then to the stream."""

    def __init__(self, cache: Cache[User | None], database: Database) -> None:
        self._cache = cache
        self._database = database

        @cache.cached(KEY)
        async def find(user_id: str) -> User | None:
            """Called when the user is not in this worker's memory. That there is none is cached too."""
            return await database.select(user_id)

        self.find = find

    async def put(self, user_id: str, user: User) -> str:
        """Stores a user, and tells all workers of all instances.

        Gives the write's position in the stream. Raises `snowmelt.WriteError` if the user was stored and the others were not told.
        """
        await self._database.upsert(user_id, user)
        return await self._cache.aio.invalidate(KEY.format(user_id=user_id))

    async def reach(self, position: str) -> None:
        """Waits until this worker knows of the write at that position, for at most two seconds."""
        await self._cache.aio.catch_up(at_least=position, within="2s")
