"""The option ``source``: what it takes, where it says that something is wrong, and its types when a program runs."""

from __future__ import annotations

import base64
import collections
import gc
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import snowmelt
from snowmelt import Cache, Source
from snowmelt._snowmelt import decode

Make = Callable[..., Cache]


def table(**changed: Any) -> dict[str, Any]:
    """A table's source, with other parts; ``...`` leaves one out."""
    parts = {"table": "users", "key": "users/{id}", **changed}
    return {"dynamodb": {name: value for name, value in parts.items() if value is not ...}}


def itself() -> list[Any]:
    """A list that contains itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


#: What is given, the place that is to blame, what is said of it there, and whether no value of that type would do.
WRONG: list[tuple[Any, str, str, bool]] = [
    ("users", "", 'is "users": give a mapping with one of `dynamodb`, `parameter_store`', True),
    (5, "", "is 5: give a mapping", True),
    (True, "", "is true: give a mapping", True),
    (b"users", "", "is of type bytes: give a mapping", True),
    (bytearray(b"users"), "", "is of type bytearray: give a mapping", True),
    (memoryview(b"users"), "", "is of type memoryview: give a mapping", True),
    ({"users"}, "", "is of type set: give a mapping", True),
    (iter([table()]), "", "is of type list_iterator: give a mapping", True),
    (Cache, "", "is of type type: give a mapping", True),
    (["users"], "", 'is "users": give a mapping', True),
    ([None], "", "is given without a value", True),
    ([table(), "users"], "[1]", 'is "users": give a mapping', True),
    ([[table()], table()], "[0]", "is a list: give a mapping", True),
    (range(3), "[0]", "is 0: give a mapping", True),
    (itself(), "", "is a list: give a mapping", True),
    ({}, "", "is a mapping without a field: give a mapping with one of", False),
    ({**table(), "parameter_store": {"key": "k"}}, "", "is a mapping of several fields: give a mapping with one of", False),
    ({5: table()}, "", "is a mapping with the int 5 as a name: give names as str", True),
    ({None: table()}, "", "is a mapping with None as a name: give names as str", True),
    ({"\ud800": table()}, "", r"is the str '\ud800': it has a lone surrogate", False),
    ({"dynamoDB": {}}, ".dynamoDB", "is unknown: did you mean `dynamodb`?", False),
    ({"s3": {}}, ".s3", "is unknown: there are `dynamodb`, `parameter_store`, `secrets_manager`", False),
    ({"dynamodb": None}, ".dynamodb", "is given without a value", True),
    ({"dynamodb": "users"}, ".dynamodb", 'is "users": give a mapping', True),
    ({"dynamodb": [table()]}, ".dynamodb", "is a list: give a mapping", True),
    ({"dynamodb": {"table": "users", 5: "k"}}, ".dynamodb", "is a mapping with the int 5 as a name: give names as str", True),
    ({"dynamodb": {}}, ".dynamodb.table", "is not given: give the table's name or its ARN", False),
    (table(table=...), ".dynamodb.table", "is not given: give the table's name or its ARN", False),
    (table(table=None), ".dynamodb.table", "is given without a value", True),
    (table(table=["users"]), ".dynamodb.table", "is a list: give the table's name or its ARN", True),
    (table(table="a b"), ".dynamodb.table", 'is "a b": give a table\'s name', False),
    (table(table="arn:aws:s3:::users"), ".dynamodb.table", 'is "arn:aws:s3:::users": give a table\'s name', False),
    (table(table="\ud800"), ".dynamodb.table", r"is the str '\ud800': it has a lone surrogate", False),
    (table(key=...), ".dynamodb", "is without a template: give a `key`, a `tag` or a `prefix`", False),
    (table(key=[]), ".dynamodb", "is without a template", False),
    (table(keys="users/{id}"), ".dynamodb.keys", "is unknown: did you mean `key`?", False),
    (table(key=None), ".dynamodb.key", "is given without a value: leave it out", True),
    (table(key=5), ".dynamodb.key", "is 5: give a template", True),
    (table(tag={"a": "b"}), ".dynamodb.tag", "is a mapping: give a template", True),
    (table(tag={"a"}), ".dynamodb.tag", "is of type set: give a template", True),
    (table(tag=b"a"), ".dynamodb.tag", "is of type bytes: give a template", True),
    (table(prefix=["users/", None]), ".dynamodb.prefix[1]", "is given without a value", True),
    (table(prefix=["users/", 5]), ".dynamodb.prefix[1]", "is 5: give a template", True),
    (table(prefix=["users/", ["orders/"]]), ".dynamodb.prefix[1]", "is a list: give a template", True),
    (table(key=itself()), ".dynamodb.key", "is a list: give a template", True),
    ([table(key=itself())], ".dynamodb.key", "is of type list: give a template", True),
    (table(key=""), ".dynamodb.key", 'is "": it is empty', False),
    (table(key="users/{"), ".dynamodb.key", 'is "users/{": at character 7, `{` is not closed', False),
    (table(key="}"), ".dynamodb.key", 'is "}": at character 1, `}` ends nothing', False),
    (table(key="{}"), ".dynamodb.key", 'is "{}": at character 1, `{}` names nothing', False),
    (table(key="{ id }"), ".dynamodb.key", 'is "{ id }": at character 1, there is space beside the name', False),
    (table(key=["a", "\ud800"]), ".dynamodb.key[1]", r"is the str '\ud800': it has a lone surrogate", False),
    ([table(), table(key="}")], "[1].dynamodb.key", 'is "}": at character 1', False),
    ([table(), table(key=["a", "\ud800"])], "[1].dynamodb.key[1]", r"is the str '\ud800'", False),
    ({"parameter_store": {"table": "users", "key": "k"}}, ".parameter_store.table", "is unknown: there are `key`, `tag`", False),
    ({"parameter_store": {"key": "{id}"}}, ".parameter_store.key", 'is "{id}": {id} is nothing that these events have', False),
    ({"secrets_manager": {"tag": "{name}"}}, ".secrets_manager.tag", 'is "{name}": {name} is nothing that these events have', False),
    ({"secrets_manager": {}}, ".secrets_manager", "is without a template", False),
    ([table()] * 1001, "", "is 1001 sources: use at most 1000", False),
]


@pytest.mark.parametrize(("given", "place", "said", "wrong_type"), WRONG, ids=[f"{place}-{said[:24]}" for _, place, said, _ in WRONG])
def test_what_is_wrong_is_named_with_its_place(given: Any, place: str, said: str, wrong_type: bool) -> None:
    with pytest.raises(snowmelt.OptionError) as refused:
        Cache(stream="memory:", source=given)
    error = refused.value
    assert str(error).startswith(f"option `source{place}` {said}"), str(error)
    remedy = re.fullmatch(r"option `\S+` is (?:\"[^\"]*\"|[^:]*): (.*\w.*)", str(error))
    assert remedy is not None and len(str(error)) < 400
    assert (error.code, error.option) == ("INVALID_OPTION", "source")
    assert isinstance(error, TypeError) is wrong_type and isinstance(error, ValueError)


class Mine(Exception):
    pass


class Raises(Mapping[str, Any]):
    """A mapping some method of which raises."""

    def __init__(self, method: str) -> None:
        self.method = method

    def __getitem__(self, name: str) -> Any:
        return self._unless("__getitem__", "users/{id}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._unless("__iter__", ["key"]))

    def __len__(self) -> int:
        return int(self._unless("__len__", 1))

    def _unless(self, method: str, value: Any) -> Any:
        if method == self.method:
            raise Mine(method)
        return value


@pytest.mark.parametrize("method", ["__getitem__", "__iter__"])
def test_what_a_mapping_raises_is_passed_on(method: str) -> None:
    for given in (Raises(method), {"parameter_store": Raises(method)}):
        with pytest.raises(Mine, match=method):
            Cache(stream="memory:", source=typing.cast(Any, given))


def test_what_a_sequence_raises_is_passed_on() -> None:
    class List(collections.UserList[Any]):
        def __iter__(self) -> Iterator[Any]:
            raise Mine("__iter__")

    for given in (List([table()]), table(key=List(["a"]))):
        with pytest.raises(Mine, match="__iter__"):
            Cache(stream="memory:", source=given)


def test_it_is_read_once_and_not_kept() -> None:
    given: dict[str, Any] = table(key=["a/{id}", "".join(["b", "/{id}"])], tag="t")
    held = [given, given["dynamodb"], given["dynamodb"]["key"], given["dynamodb"]["key"][1]]
    before = [sys.getrefcount(one) for one in held]
    caches = [Cache(stream="memory:", source=typing.cast(Any, [given, given])) for _ in range(20)]
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    given["dynamodb"].clear()
    for cache in caches:
        cache.close()


def test_a_text_of_a_subclass_is_its_text() -> None:
    class Text(str):
        def __str__(self) -> str:
            raise Mine("__str__")

        __repr__ = __str__

    given: Any = {Text("dynamodb"): {Text("table"): Text("users"), Text("key"): [Text("users/{id}")]}}
    Cache(stream="memory:", source=given).close()


@pytest.mark.parametrize("id", ["7", "a/b", "é 日😀", "-._~", "!'()*{}%", "\0\n\"\\", "=7"])
def test_a_template_makes_the_key_that_cached_makes(make: Make, id: str) -> None:
    """Of a ``str``: an ``int`` is told apart from it in a call's key, and not in DynamoDB's records."""
    @make().cached("users/{id}")
    def get_user(id: str | int) -> object:
        return None

    def key(value: dict[str, str]) -> Any:
        record = {"eventSource": "aws:dynamodb", "tableName": "users", "dynamodb": {"Keys": {"id": value}}}
        data = base64.b64encode(json.dumps(record).encode()).decode()
        (made,) = json.loads(decode(data, "", json.dumps(table())))["apply"]["keys"]
        return made

    assert key({"S": id}) == get_user.key(id)
    assert key({"N": "7"}) == get_user.key("7") != get_user.key(7)


def test_the_types_are_there_when_a_program_runs() -> None:
    assert {kind.__name__ for kind in typing.get_args(Source)} == {"DynamoDbSource", "ParameterStoreSource", "SecretsManagerSource"}
    parts = {name: kind for source in typing.get_args(Source) for name, kind in typing.get_type_hints(source).items()}
    assert set(parts) == {"dynamodb", "parameter_store", "secrets_manager"}
    for name, kind in parts.items():
        required, optional = ({"table"} if name == "dynamodb" else set()), {"key", "tag", "prefix"}
        assert (kind.__required_keys__, kind.__optional_keys__) == (required, optional)
        assert set(typing.get_type_hints(kind)) == required | optional
        # What the core knows is what there are types for.
        wrong: Any = {name: {"nonsense": "k"}}
        with pytest.raises(snowmelt.OptionError) as refused:
            Cache(stream="memory:", source=wrong)
        assert set(re.findall(r"`(\w+)`", str(refused.value))) == required | optional, str(refused.value)
    nonsense: Any = {"nonsense": {}}
    with pytest.raises(snowmelt.OptionError) as refused:
        Cache(stream="memory:", source=nonsense)
    assert set(re.findall(r"`(\w+)`", str(refused.value))) == set(parts)


@pytest.mark.parametrize("by_tag", [True, False])
def test_keys_count_as_tags(make: Make, by_tag: bool) -> None:
    reader, writer = make(keys_as_tags=by_tag), make()

    def fill() -> None:
        for key, tags in (("users/7", []), ("users/7?lang=de", ["users/7"]), ("users/8", ["users"])):
            reader.set(key, 1, tags=tags)

    left = ["users/8"] if by_tag else ["users/7?lang=de", "users/8"]
    fill()
    reader.catch_up(at_least=writer.invalidate("users/7"))
    assert sorted(reader.keys()) == left
    fill()
    reader.invalidate("users/7")
    assert sorted(reader.keys()) == left
    fill()
    reader.invalidate(prefixes="users/7")
    assert sorted(reader.keys()) == ["users/8"], "a prefix is no tag"


def test_a_load_is_fenced_by_a_key_that_is_its_tag(make: Make) -> None:
    reader, writer = make(keys_as_tags=True), make()

    def load() -> int:
        reader.catch_up(at_least=writer.invalidate("users/7"))
        return 1

    assert reader.get_or_load("users/7?lang=de", load, tags=["users/7"]) == 1
    assert len(reader) == 0 and reader.stats().fenced == 1
