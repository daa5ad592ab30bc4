"""Greets a person: with a parameter, an item and a secret, which the extension keeps in memory and up to date."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, unquote

PARAMETER = os.environ["PARAMETER"]
SECRET = os.environ["SECRET"]
TABLE = os.environ["TABLE"]
TOKEN = {"X-Aws-Parameters-Secrets-Token": os.environ.get("AWS_SESSION_TOKEN", "")}


class Local:
    """The extension, on one of its ports; the connection is kept."""

    def __init__(self, port: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", int(port))

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
        try:
            return self._ask(method, path, headers, body)
        except (HTTPException, ConnectionError):
            # It was idle for too long; a second connection is made.
            self._connection.close()
            return self._ask(method, path, headers, body)

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes | None:
        """What is there; None if there is nothing."""
        status, body = self.ask("GET", path, headers or {})
        if status not in (200, 404):
            raise RuntimeError(f"{path.partition('?')[0]}: {status} {body.decode()}")
        return body if status == 200 else None

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


secrets = Local(os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773"))
cache = Local(os.environ.get("SNOWMELT_PORT", "4000"))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """`GET /greetings/{name}`."""
    name = unquote(event["pathParameters"]["name"])
    kept = f"/cache/greetings/{quote(name, safe='')}"
    found = cache.get(kept)
    greeting = found.decode() if found else greet(name)
    if greeting is None:
        return answer(404, {"error": f"nobody is called {name}"})
    if not found:
        # Gone too when the parameter or the item that it is made of changes.
        tags = f"ssm/{PARAMETER},dynamodb/{TABLE}/{quote(name, safe='')}"
        # In a header, tags are percent-encoded once more.
        headers = {"Snowmelt-TTL": "10m", "Snowmelt-Tags": quote(tags, safe="/,"), "Content-Type": "text/plain"}
        status, body = cache.ask("PUT", kept, headers, greeting.encode())
        if status != 204:
            print(f"not kept: {status} {body.decode()}")
    return answer(200, {"greeting": greeting, "signature": sign(greeting), "from": "memory" if found else "parts"})


def greet(name: str) -> str | None:
    person = cache.get(f"/dynamodb?name={quote(f'{TABLE}@@{name}', safe='')}")
    if person is None:
        return None
    hello = secrets.get(f"/systemsmanager/parameters/get?name={quote(PARAMETER, safe='')}", TOKEN) or b"{}"
    return f"{json.loads(hello)['Parameter']['Value']}, {json.loads(person)['title']} {name}!"


def sign(text: str) -> str:
    secret = secrets.get(f"/secretsmanager/get?secretId={quote(SECRET, safe='')}", TOKEN) or b"{}"
    key: str = json.loads(secret)["SecretString"]
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def answer(status: int, body: object) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
