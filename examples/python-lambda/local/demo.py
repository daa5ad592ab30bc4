"""A session that shows what the two functions do."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from .run import Run

POSITION = "x-min-position"


class Session:
    """Asks, and prints what was answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.reads = 0

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: object = None) -> tuple[Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url + path, data, headers or {}, method=method)) as response:
            return json.load(response), response.headers

    def read(self, sandbox: int, headers: dict[str, str] | None = None) -> str:
        """Where the product was from."""
        began = time.perf_counter()
        product, told = self.ask("GET", "/products/1", {"x-sandbox": str(sandbox), **(headers or {})})
        took = (time.perf_counter() - began) * 1000
        print(f"  {told['x-sandbox']}  {took:6.1f} ms  {product['title']} {product['price']:.2f}, from {told['x-from']}")
        self.reads += 1
        source: str = told["x-from"]
        return source

    def read_until_loaded(self, sandbox: int) -> None:
        """Once, but where this machine is so busy that a catch-up does not end in its 250 ms: then the next read goes on with it."""
        while self.read(sandbox) == "memory":
            time.sleep(0.5)


def demo(run: Run) -> None:
    """Prints it."""
    session = Session(run.url)
    print("Two sandboxes of the reader, frozen between requests. Each one's first read asks the external API, which is slow:")
    for sandbox in (1, 1, 2, 2):
        session.read(sandbox)

    print('\nPUT /products/1 {"price": 9.5}. With the position that it answered, a reader is up to date at once:')
    position = session.ask("PUT", "/products/1", body={"price": 9.5})[1][POSITION]
    session.read(2, {POSITION: position})
    print("Without it, within two seconds:")
    time.sleep(2.1)
    session.read_until_loaded(1)
    session.read(1)

    print('\nA webhook: POST /invalidate {"category": "mugs"}')
    session.ask("POST", "/invalidate", body={"category": "mugs"})
    time.sleep(2.1)
    session.read_until_loaded(1)
    session.read_until_loaded(2)

    for _ in range(100):
        session.ask("GET", "/products/1")
    with urllib.request.urlopen(f"{run.products.url}/requests") as response:
        requests = json.load(response)["requests"]
    print(f"\n100 more reads. In all {session.reads + 100} reads, and {requests} requests to the external API.")
