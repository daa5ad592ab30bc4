"""The part of JSON Schema (2020-12) that `schema.json` uses."""

from __future__ import annotations

from typing import Any


def check(schema: Any, value: Any) -> None:
    """Checks a value; the exception says where it does not follow the schema."""
    _check(schema, schema, value, "")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def _is_one_of(choices: list[Any], value: Any) -> bool:
    return any(type(choice) is type(value) and choice == value for choice in choices)


#: Rules that hold or do not.
RULES = {
    "type": lambda names, value: any(TYPES[name](value) for name in ([names] if isinstance(names, str) else names)),
    "enum": _is_one_of,
    "minimum": lambda least, value: not _is_integer(value) or value >= least,
    "maximum": lambda most, value: not _is_integer(value) or value <= most,
    "minItems": lambda least, value: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda most, value: not isinstance(value, list) or len(value) <= most,
    "minProperties": lambda least, value: not isinstance(value, dict) or len(value) >= least,
    "maxProperties": lambda most, value: not isinstance(value, dict) or len(value) <= most,
    "required": lambda names, value: not isinstance(value, dict) or all(name in value for name in names),
}

SILENT = {"$schema", "$defs", "title", "description"}


def _check(root: Any, schema: Any, value: Any, at: str) -> None:
    if not isinstance(schema, dict):
        raise ValueError(f"{at}: a schema is an object")
    for rule, argument in schema.items():
        if rule in SILENT:
            continue
        if rule in NESTED:
            NESTED[rule](root, argument, value, at, schema)
        elif rule not in RULES:
            raise ValueError(f"the schema uses `{rule}`, which this check does not know")
        elif not RULES[rule](argument, value):
            raise ValueError(f"{at}: `{rule}` {argument!r} does not hold")


def _ref(root: Any, argument: str, value: Any, at: str, _: Any) -> None:
    if not argument.startswith("#/"):
        raise ValueError(f"no schema at {argument}")
    schema = root
    for name in argument[2:].split("/"):
        schema = schema[name]
    _check(root, schema, value, at)


def _any_of(root: Any, argument: list[Any], value: Any, at: str, _: Any) -> None:
    for schema in argument:
        try:
            _check(root, schema, value, at)
        except ValueError:
            continue
        return
    raise ValueError(f"{at}: none of the choices holds for {value!r}")


def _items(root: Any, argument: Any, value: Any, at: str, _: Any) -> None:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        _check(root, argument, item, f"{at}/{index}")


def _properties(root: Any, argument: Any, value: Any, at: str, _: Any) -> None:
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in argument:
            _check(root, argument[name], item, f"{at}/{name}")


def _additional(root: Any, argument: Any, value: Any, at: str, schema: Any) -> None:
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in schema.get("properties", {}):
            continue
        if argument is False:
            raise ValueError(f"{at}/{name} is not known")
        _check(root, argument, item, f"{at}/{name}")


NESTED = {
    "$ref": _ref,
    "anyOf": _any_of,
    "items": _items,
    "properties": _properties,
    "additionalProperties": _additional,
}
