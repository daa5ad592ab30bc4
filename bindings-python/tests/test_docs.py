"""Every public name says what it means, where an editor and `help()` look for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import snowmelt

#: What Python itself documents.
KNOWN = {name for kind in (object, Exception, ValueError, TypeError) for name in dir(kind)}


def public() -> Iterator[tuple[str, Any]]:
    """Every public name, and the methods and properties of public classes."""
    for name in snowmelt.__all__:
        what = getattr(snowmelt, name)
        if not isinstance(what, type):
            continue
        yield name, what
        for member in sorted(set(dir(what)) - KNOWN):
            found = inspect.getattr_static(what, member)
            found = found if inspect.isdatadescriptor(found) else getattr(what, member)
            if not member.startswith("_") and not _is_field(what, member):
                yield f"{name}.{member}", found


def fields() -> Iterator[tuple[type, str]]:
    """The attributes that public classes name with a type."""
    for name in snowmelt.__all__:
        what = getattr(snowmelt, name)
        for kind in what.__mro__ if isinstance(what, type) else ():
            if kind.__module__.startswith("snowmelt") and name == kind.__name__:
                yield from ((kind, field) for field in inspect.get_annotations(kind) if not field.startswith("_"))


def _is_field(what: type, member: str) -> bool:
    return any(member in inspect.get_annotations(kind) for kind in what.__mro__)


PUBLIC = dict(public())
FIELDS = [(kind, field) for kind, field in fields()]


def test_there_are_names() -> None:
    assert {"Cache", "Cache.get", "Cache.get_or_load", "Cache.closed", "AsyncFace.catch_up", "Lease.key", "DataId.parse"} <= PUBLIC.keys()
    assert (snowmelt.Stats, "hits") in FIELDS and (snowmelt.SnowmeltError, "code") in FIELDS
    assert snowmelt.__doc__ and "Cache" in snowmelt.__doc__


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_has_its_documentation(name: str) -> None:
    text = inspect.getdoc(PUBLIC[name])
    assert text and len(text.split()) >= 4, f"{name} has no docstring"
    assert text[0].isupper() and "." in text, f"{name}: {text!r} is no sentence"


@pytest.mark.parametrize("name", [name for name, what in PUBLIC.items() if isinstance(what, type)])
def test_a_class_has_a_text_of_its_own(name: str) -> None:
    what = PUBLIC[name]
    assert all(what.__doc__ != kind.__doc__ for kind in what.__mro__[1:]), f"{name} has its parent's docstring"


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=[f"{kind.__name__}.{field}" for kind, field in FIELDS])
def test_an_attribute_has_a_comment(kind: type, field: str) -> None:
    lines = inspect.getsource(kind).splitlines()
    at = next(number for number, line in enumerate(lines) if re.match(rf"\s+{field}: ", line))
    assert lines[at - 1].lstrip().startswith("#:"), f"{kind.__name__}.{field} has no `#:` comment above it"
