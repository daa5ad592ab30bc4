"""What the middleware and the decorator can be given, and what they cost when they are imported."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from snowmelt import Cache, OptionError, OptionTypeError, _snowmelt
from snowmelt import http as snowmelt_http
from snowmelt.http import CacheMiddleware, Page, Request, cached_response

from ..test_import import PACKAGE, SLOW


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tll": 5}, "option `tll` is unknown: did you mean `ttl`?"),
        ({"ttl": "30"}, 'option `ttl` is "30": is it 30 ms or 30 s?'),
        ({"ttl": {404: "soon"}}, 'option `ttl.404` is "soon": give a duration'),
        ({"ttl": {4040: 5}}, "option `ttl.4040` is unknown: name a status from 200 to 599"),
        ({"methods": ["POST"]}, 'option `methods` is "POST": set `key_body`'),
        ({"max_body": "big"}, 'option `max_body` is "big": give a whole number'),
        ({"body_timeout": -1}, "option `body_timeout` is -1: give a duration"),
        ({"key": "tenant"}, "option `key` is the str 'tenant': give a function (request) -> str | None"),
        ({"skip": 5}, "option `skip` is the int 5: give a function (request) -> bool"),
        ({"wait_until": True}, "option `wait_until` is the bool True: give a function (refresh) -> None"),
        ({"coalesce_only": "yes"}, 'option `coalesce_only` is "yes": give true or false'),
    ],
)
def test_wrong_options(cache: Cache, options: Any, says: str) -> None:
    for make in (lambda: CacheMiddleware(lambda *_: None, cache=cache, **options), lambda: cached_response(cache, **options)):
        with pytest.raises(OptionError) as refused:
            make()
        assert str(refused.value).startswith(says) and refused.value.code == "INVALID_OPTION"


def test_asynchronous_functions_are_refused(cache: Cache) -> None:
    async def key(request: Any) -> str:
        return ""

    with pytest.raises(OptionTypeError, match="option `key` is asynchronous: give a plain function"):
        cached_response(cache, key=key)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, {}, "memory:"])
def test_a_cache_is_needed(wrong: Any) -> None:
    with pytest.raises(OptionTypeError, match="option `cache` is .*: give a snowmelt.Cache"):
        cached_response(wrong)


def test_none_is_the_default(cache: Cache) -> None:
    cached_response(cache, **dict.fromkeys(_snowmelt.http_option_names()))  # type: ignore[arg-type]


def test_every_option_has_a_type_and_a_text() -> None:
    known = set(_snowmelt.http_option_names())
    typed = (PACKAGE / "snowmelt" / "http" / "_options.py").read_text("utf-8").split("class Options", 1)[1]
    assert set(re.findall(r"^    (\w+): ", typed, re.M)) == known
    explained = set(re.findall(r"``(\w+)``", inspect.getdoc(CacheMiddleware) or ""))
    assert known <= explained


@pytest.mark.parametrize("what", [CacheMiddleware, Page, Request, cached_response])
def test_names_have_a_text(what: Any) -> None:
    members = [member for name, member in vars(what).items() if isinstance(what, type) and not name.startswith("_")]
    for each in (what, *members):
        text = inspect.getdoc(each)
        assert text and text[0].isupper() and len(text.split()) >= 3, each


def test_the_names_of_the_module() -> None:
    assert snowmelt_http.__all__ == sorted(snowmelt_http.__all__) and set(snowmelt_http.__all__) <= set(dir(snowmelt_http))
    with pytest.raises(AttributeError, match="module 'snowmelt.http' has no attribute 'Cached'"):
        snowmelt_http.Cached  # type: ignore[attr-defined]


def loaded(program: str) -> set[str]:
    """The modules that a program loads, in an interpreter that has loaded nothing of its own."""
    program = f"import sys\nsys.path.insert(0, sys.argv[1])\nimport os\n{program}\nprint(__import__('json').dumps(sorted(sys.modules)))"
    program = program.replace("print(", "names = sorted(sys.modules)\nprint(").replace("sorted(sys.modules)))", "names))")
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program, str(PACKAGE)], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(ran.stdout))


def test_what_does_not_use_it_does_not_load_it() -> None:
    found = loaded("import snowmelt\nsnowmelt.Cache(stream='memory:')")
    assert not [name for name in found if name.startswith("snowmelt.http")]


def test_a_lambda_function_loads_little() -> None:
    program = """
import snowmelt
from snowmelt.http import cached_response
cache = snowmelt.Cache(stream="memory:", report="off")
@cached_response(cache, ttl=60)
def handler(event, context): return {"statusCode": 200, "body": "x"}
event = {"version": "2.0", "rawPath": "/a", "headers": {"host": "h"}, "requestContext": {"http": {"method": "GET"}}}
assert handler(event, None)["headers"]["x-cache"] == "miss" and handler(event, None)["headers"]["x-cache"] == "hit"
"""
    found = loaded(program)
    assert "snowmelt.http._lambda" in found and "snowmelt.http._asgi" not in found
    # (`importlib` loads that one.)
    assert not found & SLOW - {"warnings"}, found & SLOW
