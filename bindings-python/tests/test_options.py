"""Every option: what it takes, and what it says of what it does not."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache
from snowmelt._options import CORE_OPTIONS, OWN_OPTIONS
from snowmelt._snowmelt import option_names

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
    "catch_up_every": [0, 1, "500ms"],
    "max_lag": [20, "20s"],
    "margin": [5, "2s"],
    "settle": [0, 1],
    "retention": ["24h"],
    "catch_up_budget": [0.25],
    "call_timeout": ["3s"],
    "load_timeout": [30],
    "max_entries": [1, 10_000],
    "max_weight": [1000, "64mb"],
    "max_leases": [10],
    "max_fences": [10],
    "lanes": [1, 8],
    "namespace": ["shop", ""],
    "on_undecodable": ["skip", "flush"],
    "record_format": ["snowmelt", "scache"],
    "give_up_records": [1000],
    "give_up_bytes": ["1mb", 4096],
    "page_records": [1, 10_000],
}

#: What each refuses as a value, and as a type.
WRONG: dict[str, tuple[list[Any], list[Any]]] = {
    "stream": (["", "undefined", "None", "arn:aws:s3:::b", "a b"], [None, 5, True, ["s"]]),
    "region": ([""], [5]),
    "endpoint": ([""], [5]),
    "ttl": (["", "x", 0, -1, (60, 30), (1,), (1, 2, 3), float("inf"), "50d", []], [{}, True, object(), (None, 1)]),
    "size_of": ([], [5, "len"]),
    "copy": ([], [True]),
    "on_event": ([], ["x"]),
    "report": (["x", {"emf": ""}, {"x": "y"}, {}], [5, True]),
    "report_to": ([], ["x"]),
    "seed": ([-1, 2**64], ["x", 1.5, True]),
    **{name: (["x", -1], [[], True, object()]) for name in CORE_OPTIONS if name not in ("namespace", "on_undecodable", "record_format")},
    "namespace": (["x" * 257], [5, []]),
    "on_undecodable": (["x"], [True, []]),
    "record_format": (["x"], [True, []]),
}


def test_the_tables_are_whole() -> None:
    assert set(RIGHT) == set(WRONG) == {*CORE_OPTIONS, *OWN_OPTIONS}
    assert set(option_names()) <= {*CORE_OPTIONS, "ttl", "ttl_min", "ttl_max"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_right(name: str, value: Any) -> None:
    options = {"stream": "memory:", "report": "off", name: value}
    with Cache(**options) as cache:
        assert cache.set("k", 1) == "stored" and cache.get("k") == 1


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values[0]])
def test_wrong_values(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        Cache(**{"stream": "memory:", name: value})
    assert isinstance(refused.value, snowmelt.OptionError)
    assert refused.value.code == "INVALID_OPTION" and refused.value.option == name


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values[1]])
def test_wrong_types(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name) as refused:
        Cache(**{"stream": "memory:", name: value})
    assert isinstance(refused.value, snowmelt.OptionError)
    assert refused.value.code == "INVALID_OPTION" and refused.value.option == name


def test_unknown() -> None:
    with pytest.raises(TypeError, match="did you mean `max_lag`"):
        Cache(stream="memory:", maxLag=5)
    with pytest.raises(TypeError, match="there are `stream`"):
        Cache(stream="memory:", fly=5)
    with pytest.raises(ValueError, match="environment variable"):
        Cache()
