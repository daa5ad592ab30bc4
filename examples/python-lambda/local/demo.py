"""A session that shows what the two functions do."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from .run import Run

POSITION = "x-min-position"


def demo(run: Run) -> None:
    """Prints it."""

    def ask(method: str, path: str, headers: dict[str, str] | None = None, body: object = None) -> tuple[Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(run.url + path, data, headers or {}, method=method)) as response:
            return json.load(response), response.headers

    def read(sandbox: int, headers: dict[str, str] | None = None) -> None:
        began = time.perf_counter()
        product, told = ask("GET", "/products/1", {"x-sandbox": str(sandbox), **(headers or {})})
        took = (time.perf_counter() - began) * 1000
        print(f"  {told['x-sandbox']}  {took:6.1f} ms  {product['title']} {product['price']:.2f}, from {told['x-from']}")

    print("Two sandboxes of the reader, frozen between requests. Each one's first read asks the external API, which is slow:")
    for sandbox in (1, 1, 2, 2):
        read(sandbox)

    print('\nPUT /products/1 {"price": 9.5}. With the position that it answered, a reader is up to date at once:')
    position = ask("PUT", "/products/1", body={"price": 9.5})[1][POSITION]
    read(2, {POSITION: position})
    print("Without it, within a second:")
    time.sleep(1.1)
    read(1)
    read(1)

    print('\nA webhook: POST /invalidate {"category": "mugs"}')
    ask("POST", "/invalidate", body={"category": "mugs"})
    time.sleep(1.1)
    read(1)
    read(2)

    for _ in range(100):
        ask("GET", "/products/1")
    with urllib.request.urlopen(f"{run.products.url}/requests") as response:
        requests = json.load(response)["requests"]
    print(f"\n100 more reads. In all 109 reads, and {requests} requests to the external API.")
