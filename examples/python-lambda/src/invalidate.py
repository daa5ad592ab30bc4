"""PUT /products/{id} sets a price of our own. POST /invalidate is for whoever learns that the external API's products have
changed. Both answer with the position of what they wrote.
"""

from __future__ import annotations

import math
import os

import snowmelt
from http_api import POSITION, Answer, Request, answer, body_of, refusal
from products import is_id, key_of, set_price, tag_of

# Nothing is cached here, so that this one never reads the stream.
cache = snowmelt.Cache[object](stream=os.environ.get("INVALIDATION_STREAM"), report="off")


@cache.handler
def handler(request: Request, context: object) -> Answer:
    route = request["routeKey"]
    if route == "PUT /products/{id}":
        return put_price(request)
    if route == "POST /invalidate":
        return webhook(request)
    return refusal(404, f"there is no {route}")


def put_price(request: Request) -> Answer:
    """Stores a price, and invalidates the product."""
    product_id = request["pathParameters"]["id"]
    price = (body_of(request) or {}).get("price")
    if not is_id(product_id):
        return refusal(400, "an id is made of letters, digits, - and _")
    if price is None or not is_price(price):
        return refusal(400, 'give {"price": 12.5}')
    # First what is true, then word of it.
    set_price(product_id, price)
    return told([key_of(product_id)], [], "the price is saved")


def webhook(request: Request) -> Answer:
    """Invalidates products by their ids and by a category."""
    body = body_of(request)
    ids, category = (body or {}).get("ids", []), (body or {}).get("category")
    named = isinstance(ids, list) and all(is_id(one) for one in ids) and (category is None or isinstance(category, str))
    if body is None or not named or body.keys() - {"ids", "category"}:
        return refusal(400, 'give {"ids": ["1", "2"]}, {"category": "mugs"}, or both')
    tags = [] if category is None else [tag_of(category)]
    return told([key_of(one) for one in ids], tags, "nothing else was to be done")


def told(keys: list[str], tags: list[str], done: str) -> Answer:
    """Tells every sandbox of the reader. Repeating it is harmless."""
    try:
        position = cache.invalidate(keys, tags=tags)
    except snowmelt.WriteError:
        # Snowmelt has logged why.
        return refusal(503, f"{done}, but readers may not know of it for 5 minutes: try again")
    except snowmelt.InvalidNameError as error:
        return refusal(400, error)
    return answer(200, {"position": position}, {POSITION: position})


def is_price(value: object) -> bool:
    """A number that DynamoDB can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1e12
