"""GET /products/{id}: a product of the external API, at our own price if it has one."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict

import snowmelt
from http_api import POSITION, Answer, Request, answer, refusal
from products import KEY, Product, is_id, price_of, required, tag_of

PRODUCTS_URL = required("PRODUCTS_URL")

cache = snowmelt.Cache[Product](
    stream=os.environ.get("INVALIDATION_STREAM"),
    # For what changes at the external API without a webhook.
    ttl=("4m", "5m"),
    max_entries=10_000,
)


class OriginError(Exception):
    """There is no product to answer with. What a loader raises is not cached."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@cache.cached(KEY, tags=lambda product: [tag_of(product.category)])
def find(product_id: str) -> Product:
    """Asks the external API and the table; called when the product is not in memory."""
    try:
        with urllib.request.urlopen(f"{PRODUCTS_URL}/{product_id}", timeout=10) as response:
            found = json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise OriginError(404, "there is no such product") from None
        raise OriginError(502, f"the external API answered {error.code}") from error
    price = price_of(product_id)
    return Product(product_id, found["title"], found["category"], found["price"] if price is None else price)


@cache.handler
def handler(request: Request, context: object) -> Answer:
    product_id = request["pathParameters"]["id"]
    if not is_id(product_id):
        return refusal(400, "an id is made of letters, digits, - and _")
    try:
        position = request["headers"].get(POSITION)
        if position is not None:
            cache.catch_up(at_least=position, within="2s")
        # A sandbox has one request at a time: a load in between is this one's.
        loads = cache.stats().loads
        product = find(product_id)
        source = "memory" if cache.stats().loads == loads else "origin"
    except OriginError as error:
        return refusal(error.status, error)
    except snowmelt.TokenError as error:
        return refusal(400, error)
    except snowmelt.CatchUpError:
        return refusal(504, "that position could not be reached in time: try again, or without it")
    return answer(200, asdict(product), {"x-from": source})
