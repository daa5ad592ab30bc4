"""Requests and answers, as API Gateway's HTTP APIs and function URLs have them."""

from __future__ import annotations

import base64
import json
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]

#: Where a write stands in the stream. Whoever hands it on with a read is answered with data at least as new.
POSITION = "x-min-position"


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    """An answer of JSON."""
    return {"statusCode": status, "headers": {"content-type": "application/json", **(headers or {})}, "body": json.dumps(body)}


def refusal(status: int, why: object) -> Answer:
    """An answer that says what is wrong."""
    return answer(status, {"error": str(why)})


def body_of(request: Request) -> dict[str, Any] | None:
    """The body as an object; None if it is none."""
    text = request.get("body") or ""
    try:
        parsed = json.loads(base64.b64decode(text) if request.get("isBase64Encoded") else text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
