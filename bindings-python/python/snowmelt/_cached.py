"""Functions whose calls are read from a cache."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from . import _snowmelt
from ._errors import describe, error
from ._keys import CallKeys

_MISS, _DUE = _snowmelt.MISS, _snowmelt.DUE


def cached(cache: Any, template: Any, tags: Any, ttl: Any, weight: Any) -> Any:
    """The decorator, or with a function in the template's place what it makes of that."""
    if callable(template):
        return _cached(cache, template, None, tags, ttl, weight)
    if template is not None and not isinstance(template, str):
        raise error("INVALID_ARGUMENT", f"the template is {describe(template)}: give a str such as \"users/{{user_id}}\"", wrong_type=True)
    return lambda function: _cached(cache, function, template, tags, ttl, weight)


def _cached(cache: Any, function: Any, template: str | None, tags: Any, ttl: Any, weight: Any) -> Any:
    if not callable(function) or inspect.isclass(function):
        raise error("INVALID_ARGUMENT", f"what is to be cached is {describe(function)}: give a function", wrong_type=True)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise error("INVALID_ARGUMENT", f"{function.__qualname__} is a generator, which can be gone through once only: return a list")
    keys = CallKeys(function)
    key = keys.of_call() if template is None else keys.template(template)
    tags_of = _call_tags(keys, tags)
    look, load, aio_load = cache._look, cache._load, cache.aio._load

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def cached(*args: Any, **kwargs: Any) -> Any:
            name = key(args, kwargs)
            value = look(name)
            if value is _MISS or value is _DUE:
                call = functools.partial(function, *args, **kwargs)
                return await aio_load(name, value is _DUE, call, tags_of(args, kwargs), ttl, weight)
            return value

    else:

        @functools.wraps(function)
        def cached(*args: Any, **kwargs: Any) -> Any:
            name = key(args, kwargs)
            value = look(name)
            if value is _MISS or value is _DUE:
                call = functools.partial(function, *args, **kwargs)
                return load(name, value is _DUE, call, tags_of(args, kwargs), ttl, weight)
            return value

    def key_of(*args: Any, **kwargs: Any) -> str:
        return key(args, kwargs)

    def invalidate(*args: Any, **kwargs: Any) -> str:
        token: str = cache.invalidate(key(args, kwargs))
        return token

    extra: Any = cached
    extra.key, extra.invalidate, extra.cache = key_of, invalidate, cache
    return cached


def _call_tags(keys: CallKeys, tags: Any) -> Callable[[tuple[Any, ...], Any], Any]:
    """What gives the tags of a call: a list, or a function of the value."""
    if tags is None or callable(tags):
        return lambda args, kwargs: tags
    templates = [tags] if isinstance(tags, str) else list(tags)
    for tag in templates:
        if not isinstance(tag, str):
            raise error("INVALID_ARGUMENT", f"a tag's template is {describe(tag)}: give a str", wrong_type=True)
    texts = [keys.template(tag) for tag in templates]
    return lambda args, kwargs: [text(args, kwargs) for text in texts]
