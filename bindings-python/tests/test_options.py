"""Every option: what it takes, and what it says of what it does not."""

from __future__ import annotations

import collections
import copy
import datetime
import decimal
import fractions
import inspect
import re
import types
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache
from snowmelt._snowmelt import option_names

TABLE = {"table": "users", "key": "users/{id}"}
SOURCES: list[Any] = [
    {"dynamodb": TABLE},
    types.MappingProxyType({"dynamodb": collections.ChainMap({"tag": ("t:{a}", "u:{b}")}, TABLE)}),
    {"dynamodb": {"table": "arn:aws:dynamodb:eu-west-1:123456789012:table/users", "prefix": "users/{account}/"}},
    {"parameter_store": {"key": "config/{name}"}},
    {"secrets_manager": {"key": ["secrets/{id}"], "tag": "secrets"}},
    [],
    [{"dynamodb": TABLE}, {"parameter_store": {"tag": "config"}}],
    ({"dynamodb": TABLE},) * 1000,
    collections.deque([{"dynamodb": TABLE}]),
]

RIGHT: dict[str, list[Any]] = {
    "stream": ["memory:", "memory:x", "none"],
    "region": ["eu-west-1"],
    "endpoint": ["http://127.0.0.1:4568"],
    "ttl": [60, 0.5, "1m30s", datetime.timedelta(minutes=5), (30, 60), ["30s", "1m"], (datetime.timedelta(seconds=1), 2)],
    "size_of": [lambda value, key: 1],
    "copy": [copy.deepcopy],
    "on_event": [print],
    "report": ["off", "json", {"emf": "Shop"}],
    "report_to": [print],
    "seed": [0, 2**64 - 1],
    "catch_up_every": [0, 1, "500ms", datetime.timedelta(milliseconds=500), decimal.Decimal("0.5"), fractions.Fraction(1, 2)],
    "max_lag": [20, "20s", 20.0],
    "margin": [5, "2s"],
    "settle": [0, 1],
    "retention": ["24h"],
    "catch_up_budget": [0.25],
    "call_timeout": ["3s"],
    "load_timeout": [30],
    "soft_load_timeout": ["1s"],
    "stale_while_revalidate": [0, "30s"],
    "stale_if_error": [0, "1h"],
    "negative_ttl": [0, 5],
    "refresh_ahead": [0.8, 0.001, decimal.Decimal("0.5")],
    "absent": [lambda value: not value],
    "wait_until": [print],
    "max_entries": [1, 10_000],
    "max_weight": [1000, "64mb"],
    "max_leases": [10],
    "max_fences": [10],
    "lanes": [1, 8],
    "namespace": ["shop", ""],
    "on_undecodable": ["skip", "flush"],
    "record_format": ["snowmelt", "scache"],
    "source": SOURCES,
    "keys_as_tags": [True, False],
    "give_up_records": [1000],
    "give_up_bytes": ["1mb", 4096],
    "page_records": [1, 10_000],
}

WORDS = ("namespace", "on_undecodable", "record_format")
FUNCTIONS = ("size_of", "absent", "copy", "wait_until", "on_event", "report_to")
FLAGS = ("keys_as_tags",)
OWN = {"stream", "region", "endpoint", "ttl", "report", "seed", *FUNCTIONS}
DURATIONS = (
    *("catch_up_every", "max_lag", "margin", "settle", "retention", "catch_up_budget", "call_timeout", "load_timeout"),
    *("soft_load_timeout", "stale_while_revalidate", "stale_if_error", "negative_ttl"),
)
SHARES = ("refresh_ahead",)
SIZES = ("max_weight", "give_up_bytes")
COUNTS = ("max_entries", "max_leases", "max_fences", "lanes", "give_up_records", "page_records")

NO_NUMBERS: list[Any] = ["x", "", "\ud800", "5 apples", -1, float("nan"), float("inf"), 10**400]
NO_TYPES: list[Any] = [[], {}, True, object(), b"1s", 1j, datetime.datetime.now(), lambda: 1]

#: What each refuses as a value, and as a type.
WRONG: dict[str, tuple[list[Any], list[Any]]] = {
    "stream": (["", " ", "undefined", "None", "memory:null", "\ud800"], [None, 5, True, ["s"], b"orders"]),
    "region": (["", "\ud800"], [5, True, b"eu-west-1", ["eu-west-1"]]),
    "endpoint": (["", "\ud800"], [5, True, b"http://127.0.0.1"]),
    "ttl": (
        [*NO_NUMBERS, 0, "30", "50d", (60, 30), (1,), (1, 2, 3), [], ("x", 1), (1, "x"), (1, -1), (float("nan"), 1)],
        [*(wrong for wrong in NO_TYPES if wrong != []), (None, 1), (1, None), (True, 1), ([1], 2), {30, 60}],
    ),
    "report": (["", "x", "JSON", "\ud800", {"emf": ""}, {"emf": 5}, {"x": "y"}, {}, {"emf": "a", "x": "y"}], [5, True, ["json"], b"json"]),
    "seed": ([-1, 2**64], ["x", 1.5, True, [], b"1"]),
    "namespace": (["x" * 257, "\ud800"], [5, 1.5, *NO_TYPES]),
    "source": ([{}, {"s3": TABLE}, {"dynamodb": TABLE, "parameter_store": TABLE}], ["users", b"users", {"users"}, 5, True, object(), [5], [[]]]),
    **{name: (["\ud800"], [5, 1.5, "yes", [], {}, object()]) for name in FLAGS},
    **{name: ([], [5, "len", [], {}, True, object()]) for name in FUNCTIONS},
    **{name: (["x", "", "SKIP", "\ud800"], [5, *NO_TYPES]) for name in ("on_undecodable", "record_format")},
    **{name: ([*NO_NUMBERS, "30", "1h 30", 2**40], NO_TYPES) for name in DURATIONS},
    **{name: ([*NO_NUMBERS, 0, 1, 1.5, "0.5"], NO_TYPES) for name in SHARES},
    **{name: ([*NO_NUMBERS, "64", "64m", 0.5], NO_TYPES) for name in SIZES},
    **{name: ([*NO_NUMBERS, "100", 0, 0.5, 2**70], NO_TYPES) for name in COUNTS},
}


def test_the_tables_are_whole() -> None:
    names = option_names()
    assert len(set(names)) == len(names)
    assert set(RIGHT) == set(WRONG) == set(names) == {*OWN, *WORDS, *FLAGS, "source", *DURATIONS, *SHARES, *SIZES, *COUNTS}


def test_the_signature_and_the_documentation_name_every_option() -> None:
    parameters = inspect.signature(Cache).parameters
    assert set(parameters) == set(option_names())
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    # None is the default of each in Python; what that means, the core says.
    assert [name for name, parameter in parameters.items() if parameter.default is not None] == ["stream"]
    documented = re.findall(r"^ *- ``(\w+)``: ", Cache.__doc__ or "", re.MULTILINE)
    assert sorted(documented) == sorted(option_names())


@pytest.mark.parametrize("name", [name for name in dir(Cache) if not name.startswith("_")])
def test_everything_public_is_documented(name: str) -> None:
    assert len(getattr(Cache, name).__doc__ or "") > 20


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_right(name: str, value: Any) -> None:
    options: dict[str, Any] = {"stream": "memory:", "report": "off", name: value}
    with Cache(**options) as cache:
        assert cache.set("k", 1) == "stored" and cache.get("k") == 1


@pytest.mark.parametrize("name", sorted(set(RIGHT) - {"stream"}))
def test_none_is_the_default(name: str) -> None:
    options: dict[str, Any] = {"stream": "memory:", name: None}
    Cache(**options).close()


def refusal(name: str, value: Any) -> snowmelt.OptionError:
    options: dict[str, Any] = {"stream": "memory:", name: value}
    with pytest.raises(snowmelt.OptionError) as refused:
        Cache(**options)
    error = refused.value
    assert error.code == "INVALID_OPTION" and error.option == name
    message = re.fullmatch(r"option `(\w+)((?:\[[01]\])?(?:\.\w+)*)` is (.*): (.*)", str(error), re.DOTALL)
    assert message is not None and message[1] == name and message[3] and re.search(r"\w", message[4]), str(error)
    return error


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values[0]])
def test_wrong_values(name: str, value: Any) -> None:
    error = refusal(name, value)
    assert isinstance(error, ValueError) and not isinstance(error, TypeError)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values[1]])
def test_wrong_types(name: str, value: Any) -> None:
    error = refusal(name, value)
    assert isinstance(error, snowmelt.OptionTypeError) and isinstance(error, TypeError)


def test_a_lifetime_names_its_part() -> None:
    for ttl, named in [((1, "x"), "`ttl[1]`"), ((None, 1), "`ttl[0]`"), ((60, 30), "`ttl["), ("50d", "`ttl`"), ((1, 2, 3), "`ttl`")]:
        message = str(refusal("ttl", ttl))
        assert named in message and "ttl_m" not in message


@pytest.mark.parametrize(
    ("given", "meant"),
    [("maxLag", "max_lag"), ("max_lagg", "max_lag"), ("streem", "stream"), ("onEvent", "on_event"), ("sizeof", "size_of"), ("TTL", "ttl")],
)
def test_a_misspelt_option(given: str, meant: str) -> None:
    with pytest.raises(snowmelt.OptionTypeError, match=f"^option `{given}` is unknown: did you mean `{meant}`\\?$") as refused:
        options: dict[str, Any] = {"stream": "memory:", given: None}
        Cache(**options)
    assert refused.value.option == given


def test_an_unknown_option() -> None:
    for unknown in ("fly", "ttl_min", "segments", "\ud800"):
        options: dict[str, Any] = {"stream": "memory:", unknown: 5}
        with pytest.raises(TypeError, match="there are `stream`") as refused:
            Cache(**options)
        assert all(f"`{name}`" in str(refused.value) for name in option_names())


def test_a_stream_that_is_not_set() -> None:
    unset: list[dict[str, Any]] = [{}, {"stream": None}, {"stream": ""}]
    for options in unset:
        with pytest.raises(ValueError, match="environment variable"):
            Cache(**options)


def test_a_stream_that_is_none() -> None:
    for stream in ("arn:aws:s3:::b", "a b", "orders/1"):
        with pytest.raises(snowmelt.OptionError, match="neither the name nor the ARN") as refused:
            Cache(stream=stream)
        assert refused.value.option == "stream" and not isinstance(refused.value, TypeError)


def test_options_are_named() -> None:
    with pytest.raises(snowmelt.ArgumentTypeError, match="is the str 'orders': name each option, such as `stream=…`"):
        Cache("orders")  # type: ignore[call-arg]


def test_an_option_whose_methods_raise() -> None:
    class Hostile:
        def __float__(self) -> float:
            raise RuntimeError("no")

        def total_seconds(self) -> float:
            raise RuntimeError("no")

    assert "of type Hostile" in str(refusal("max_lag", Hostile()))
