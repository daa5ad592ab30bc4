"""Change logs on the stream: what a table and EventBridge put there drops what a ``source`` says, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from snowmelt import Cache, CacheEvent, CatchUpError, Source

from ..support import until
from ..test_readme import BLOCKS
from .conftest import STREAM, Open
from .servers import Double


def change(table: str, event: str = "MODIFY", **images: Any) -> str:
    """A change record as a table's Kinesis streaming destination writes it ("Using Kinesis Data Streams to capture changes to
    DynamoDB" in the Amazon DynamoDB Developer Guide).
    """
    record = {
        "awsRegion": "us-east-1",
        "eventID": "26b1b865-1ee7-47f9-816e-d51cdeef9dc5",
        "eventName": event,
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": table,
        "dynamodb": {
            "ApproximateCreationDateTime": 1720046486486729,
            **images,
            "SizeBytes": 185,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }
    return json.dumps(record)


def item(**attributes: str | int) -> dict[str, dict[str, str]]:
    """As DynamoDB writes one: numbers as texts."""
    return {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in attributes.items()}


def event(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> str:
    """An event as a rule with a Kinesis target puts it on the stream ("Events" in the Amazon EventBridge User Guide)."""
    told = {
        "version": "0",
        "id": "6a7e4feb-b491-4cf7-a9f1-bf3703497718",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": "2017-05-22T16:43:48Z",
        "region": "us-east-1",
        "resources": resources,
        "detail": detail,
    }
    return json.dumps(told)


#: "Amazon EventBridge event examples for Systems Manager" in the AWS Systems Manager User Guide.
PARAMETER = event(
    "aws.ssm",
    "Parameter Store Change",
    ["arn:aws:ssm:us-east-1:123456789012:parameter/foo"],
    {"operation": "Create", "name": "foo", "type": "String", "description": "Sample Parameter"},
)
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3"
#: "AWS CloudTrail entries for Secrets Manager" in the AWS Secrets Manager User Guide: a call, and a rotation.
PUT_SECRET = event(
    "aws.secretsmanager",
    "AWS API Call via CloudTrail",
    [],
    {
        "eventVersion": "1.08",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "PutSecretValue",
        "requestParameters": {"secretId": "prod/db", "clientRequestToken": "00000000-0000-0000-0000-000000000000"},
        "responseElements": {"arn": SECRET_ARN},
        "readOnly": False,
        "eventType": "AwsApiCall",
    },
)
ROTATION = event(
    "aws.secretsmanager",
    "AWS Service Event via CloudTrail",
    [],
    {
        "eventVersion": "1.05",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "RotationSucceeded",
        "eventType": "AwsServiceEvent",
        "requestParameters": None,
        "responseElements": None,
        "additionalEventData": {"SecretId": SECRET_ARN},
    },
)

SOURCES: list[Source] = [
    {"dynamodb": {"table": "orders", "key": "orders/{customer_name}/{order_id}", "tag": "status:{order_status}", "prefix": "lists/{customer_name}/"}},
    {"parameter_store": {"key": "config/{name}"}},
    {"secrets_manager": {"key": ("secrets/{id}", "clients/{id}"), "tag": "secrets"}},
]
KEYS = item(customer_name="Bob Lee", order_id=3)
BEFORE, AFTER = {**KEYS, **item(order_status=2)}, {**KEYS, **item(order_status=3)}
#: Keys and their tags.
ENTRIES: dict[str, list[str]] = {
    **{f"orders/Bob%20Lee/{number}": [] for number in (3, 4)},
    "lists/Bob%20Lee/2026": [],
    "lists/Bob%20Leeds/2026": [],
    **{f"by-status/{number}": [f"status:{number}"] for number in (1, 2, 3)},
    "config/foo": [],
    "config/bar": [],
    "secrets/prod%2Fdb": [],
    "clients/prod%2Fdb": [],
    "secrets/prod%2Fqueue": [],
    "all-secrets": ["secrets"],
}

ORDER = {"orders/Bob%20Lee/3", "lists/Bob%20Lee/2026"}
SECRET = {"secrets/prod%2Fdb", "clients/prod%2Fdb", "all-secrets"}
DROPPED: list[tuple[str, str, set[str]]] = [
    ("INSERT", change("orders", "INSERT", Keys=KEYS, NewImage=AFTER), {*ORDER, "by-status/3"}),
    ("MODIFY", change("orders", "MODIFY", Keys=KEYS, NewImage=AFTER, OldImage=BEFORE), {*ORDER, "by-status/2", "by-status/3"}),
    ("REMOVE", change("orders", "REMOVE", Keys=KEYS, OldImage=BEFORE), {*ORDER, "by-status/2"}),
    ("another table", change("users", Keys=item(id="7"), NewImage=item(id="7")), set()),
    ("a parameter", PARAMETER, {"config/foo"}),
    ("a secret", PUT_SECRET, SECRET),
    ("a rotation", ROTATION, SECRET),
    ("another service", event("aws.ec2", "EC2 Instance State-change Notification", [], {"state": "running"}), set()),
]


def filled(cache: Cache[Any]) -> Cache[Any]:
    for key, tags in ENTRIES.items():
        cache.set(key, 1, tags=tags)
    cache.catch_up()
    return cache


@pytest.mark.parametrize(("record", "dropped"), [told[1:] for told in DROPPED], ids=[told[0] for told in DROPPED])
def test_a_change_drops_what_its_source_says(double: Double, open_on: Open, record: str, dropped: set[str]) -> None:
    """In whatever namespace, and nothing else; what is for others is no reason to empty a cache."""
    cache = filled(open_on(double, source=SOURCES, namespace="shop", on_undecodable="flush"))
    double.put(STREAM, record)
    cache.catch_up()
    assert set(ENTRIES) - set(cache.keys()) == dropped
    stats = cache.stats()
    assert (stats.records, stats.undecodable, stats.gaps) == (1, 0, 0)


def test_a_change_that_lacks_an_attribute_is_told_once(double: Double, open_on: Open) -> None:
    events: list[CacheEvent] = []
    cache = filled(open_on(double, source=SOURCES, on_event=events.append))
    for _ in range(2):
        double.put(STREAM, change("orders", Keys=KEYS))
    cache.catch_up()
    # What the other templates say is invalidated.
    assert set(ENTRIES) - set(cache.keys()) == ORDER and cache.stats().undecodable == 2
    until(lambda: any(event.type == "catch_up_ended" for event in events[1:]))
    told = [event.why or "" for event in events if event.type == "undecodable"]
    assert len(told) == 1 and all(word in told[0] for word in ("`orders`", "`order_status`", "status:{order_status}"))


def test_a_change_that_lacks_an_attribute_may_empty_the_cache(double: Double, open_on: Open) -> None:
    cache = filled(open_on(double, source=SOURCES, on_undecodable="flush"))
    double.put(STREAM, change("orders", Keys=KEYS))
    cache.catch_up()
    assert len(cache) == 0


def test_without_a_source_a_change_says_nothing(double: Double, open_on: Open) -> None:
    cache = filled(open_on(double))
    for _, record, _ in DROPPED:
        double.put(STREAM, record)
    cache.catch_up()
    assert set(cache.keys()) == set(ENTRIES)


def test_a_load_that_a_change_overtakes_is_not_stored(double: Double, open_on: Open) -> None:
    cache = filled(open_on(double, source=SOURCES))

    def load() -> str:
        double.put(STREAM, change("orders", Keys=item(customer_name="Ann", order_id=1), NewImage=item(order_status=1)))
        cache.catch_up()
        return "old"

    assert cache.get_or_load("orders/Ann/1", load) == "old"
    assert "orders/Ann/1" not in cache and cache.stats().fenced == 1


@pytest.fixture
def readme(double: Double, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the README's example of a table makes, on the double."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", double.endpoint)
    monkeypatch.setenv("INVALIDATION_STREAM", STREAM)
    (example,) = [block for block in BLOCKS if '"dynamodb"' in block and "INVALIDATION_STREAM" in block]
    made: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec", dont_inherit=True), made)
    yield made
    made["cache"].close()


def test_the_example_of_the_readme_is_true(readme: dict[str, Any], double: Double) -> None:
    cache: Cache[Any] = readme["cache"]

    def caught_up() -> bool:
        # (With the budget of an example.)
        with contextlib.suppress(CatchUpError):
            cache.catch_up()
            return True
        return False

    users, teams = ("a/b", "é"), ("blue", "red", "green")

    def read() -> dict[str, Any]:
        return {**{key: readme["get_user"](key) for key in users}, **{team: readme["get_team"](team) for team in teams}}

    first = read()
    until(caught_up)
    double.put(STREAM, change("users", Keys=item(id="a/b"), NewImage=item(id="a/b", team="red"), OldImage=item(id="a/b", team="blue")))
    until(lambda: caught_up() and cache.stats().records == 1)
    again = read()
    assert {name for name in first if first[name] is not again[name]} == {"a/b", "blue", "red"}
