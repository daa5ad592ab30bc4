"""What the functions talk to beside the stream: the external API and the table."""

from __future__ import annotations

import json
import time
from typing import Any

from .servers import Asked, Reply, Server, reply

#: How long the external API takes, in seconds.
SLOW = 0.2

PRODUCTS: dict[str, dict[str, Any]] = {
    "1": {"title": "Blue mug", "category": "mugs", "price": 12},
    "2": {"title": "Red mug", "category": "mugs", "price": 13},
    "3": {"title": "Teapot", "category": "pots", "price": 40},
}


def products_api() -> Server:
    """The external API: GET /products/{id}, slowly. GET /requests says how many it was asked."""
    asked_for: list[str] = []

    def answer(asked: Asked) -> Reply:
        if asked.path == "/requests":
            return reply(200, {"requests": len(asked_for)})
        asked_for.append(asked.path)
        time.sleep(SLOW)
        product_id = asked.path.removeprefix("/products/")
        if product_id not in PRODUCTS:
            return reply(404, {"error": "there is no such product"})
        return reply(200, {"id": int(product_id), **PRODUCTS[product_id]})

    return Server(answer)


def table() -> Server:
    """Two of DynamoDB's operations on one table."""
    items: dict[str, Any] = {}

    def answer(asked: Asked) -> Reply:
        call = json.loads(asked.body)
        operation = asked.headers["x-amz-target"]
        if operation == "DynamoDB_20120810.GetItem":
            item = items.get(call["Key"]["id"]["S"])
            return reply(200, {} if item is None else {"Item": item})
        if operation == "DynamoDB_20120810.PutItem":
            items[call["Item"]["id"]["S"]] = call["Item"]
            return reply(200, {})
        return reply(400, {"__type": "UnknownOperationException"})

    return Server(answer)
