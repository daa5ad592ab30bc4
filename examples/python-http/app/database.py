"""The origin: a table of products in a SQLite file, and a page that is slow to make."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel


class Product(BaseModel):
    """A row."""

    id: int
    category: str
    name: str
    price: int


class Database:
    """A file that all instances use."""

    def __init__(self, file: str | Path, slow: float = 0.5) -> None:
        self._file = file
        #: What a list costs, in seconds: a query that is not as simple as these.
        self._slow = slow
        with closing(self._connect()) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS products (id INTEGER PRIMARY KEY, category TEXT, name TEXT, price INTEGER)")
            rows = [(number, "tea" if number % 2 else "coffee", f"Product {number}", 100 * number) for number in range(1, 51)]
            connection.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=5)

    def of_category(self, category: str) -> list[Product]:
        """All products of a category."""
        time.sleep(self._slow)
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT id, category, name, price FROM products WHERE category = ? ORDER BY id", (category,))
            return [_product(row) for row in rows]

    def one(self, number: int) -> Product | None:
        """A product, if there is one."""
        with closing(self._connect()) as connection:
            row = connection.execute("SELECT id, category, name, price FROM products WHERE id = ?", (number,)).fetchone()
        return None if row is None else _product(row)

    def price(self, number: int, price: int) -> Product | None:
        """Changes a price; returns after the change was committed."""
        # (The connection as a context commits; `closing` closes it.)
        with closing(self._connect()) as connection, connection:
            connection.execute("UPDATE products SET price = ? WHERE id = ?", (price, number))
        return self.one(number)


def _product(row: tuple[int, str, str, int]) -> Product:
    return Product(id=row[0], category=row[1], name=row[2], price=row[3])
