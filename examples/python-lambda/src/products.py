"""What both functions know: products, their names in the cache, and the table of prices."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import Decimal

import boto3


@dataclass(frozen=True)
class Product:
    """Frozen: whoever changes what they read from a cache changes it for everybody."""

    id: str
    title: str
    category: str
    price: float


# Whoever reads caches under these names; whoever changes something invalidates them.
KEY = "products/{product_id}"


def key_of(product_id: str) -> str:
    """A product's key: what `KEY` gives for an id, which has nothing to encode."""
    return KEY.format(product_id=product_id)


def tag_of(category: str) -> str:
    """The tag of all products of a category."""
    return f"category:{category}"


def is_id(value: object) -> bool:
    """Whether it can be a product's id."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is not None


def required(name: str) -> str:
    """An environment variable that has to be set."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"the environment variable {name} is not set")
    return value


_table = required("PRICES_TABLE")
_dynamodb = boto3.client("dynamodb")


def price_of(product_id: str) -> float | None:
    """Our own price of a product, if it has one."""
    # Consistent: an older price, cached after its invalidation, would stay.
    found = _dynamodb.get_item(TableName=_table, Key={"id": {"S": product_id}}, ConsistentRead=True)
    return float(found["Item"]["price"]["N"]) if "Item" in found else None


def set_price(product_id: str, price: float) -> None:
    """Returns after the price was stored."""
    _dynamodb.put_item(TableName=_table, Item={"id": {"S": product_id}, "price": {"N": str(Decimal(str(price)))}})
