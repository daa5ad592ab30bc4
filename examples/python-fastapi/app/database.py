"""The origin: a table of users in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """Frozen: whoever changes what they read from a cache changes it for everybody."""

    name: str
    email: str


class Database:
    """A file that all workers use. SQLite blocks, so that it is used on other threads than the event loop's."""

    def __init__(self, file: str) -> None:
        self._file = file
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)")

    async def select(self, user_id: str) -> User | None:
        """A user, if there is one."""
        return await asyncio.to_thread(self._select, user_id)

    async def upsert(self, user_id: str, user: User) -> None:
        """Returns after the change was committed."""
        await asyncio.to_thread(self._upsert, user_id, user)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=5)

    def _select(self, user_id: str) -> User | None:
        with closing(self._connect()) as connection:
            row = connection.execute("SELECT name, email FROM users WHERE id = ?", (user_id,)).fetchone()
        return None if row is None else User(*row)

    def _upsert(self, user_id: str, user: User) -> None:
        # (The connection as a context commits; `closing` closes it.)
        with closing(self._connect()) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO users (id, name, email) VALUES (?, ?, ?)", (user_id, user.name, user.email))
