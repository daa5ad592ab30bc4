"""Functions whose calls are read from a cache."""

from __future__ import annotations

import functools
import types

from . import _snowmelt
from ._errors import describe, error
from ._functions import is_async, is_generator
from ._keys import CallKeys
from ._reads import fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._fetched import Wishes
    from ._keys import Args, Kwargs, Made

    #: Gives the wishes of a call.
    _WishesOf = Callable[[Args, Kwargs], Wishes]

_MISS, _DUE = _snowmelt.MISS, _snowmelt.DUE


def cached(cache: Any, template: Any, wishes: Wishes) -> Any:
    """The decorator, or with a function in the template's place what it makes of that."""
    if callable(template):
        return _cached(cache, template, None, wishes)
    if template is not None and not isinstance(template, str):
        raise error("INVALID_ARGUMENT", f"the template is {describe(template)}: give a str such as \"users/{{user_id}}\"", wrong_type=True)
    return lambda function: _cached(cache, function, template, wishes)


def _cached(cache: Any, function: Any, template: str | None, wishes: Wishes) -> Any:
    if not callable(function) or isinstance(function, type):
        raise error("INVALID_ARGUMENT", f"what is to be cached is {describe(function)}: give a function", wrong_type=True)
    if is_generator(function):
        name = getattr(function, "__qualname__", "the function")
        raise error("INVALID_ARGUMENT", f"{name} is a generator, which can be gone through once only: return a list")
    keys = CallKeys(function)
    made = keys.of_call() if template is None else keys.template(template)
    key = made.of
    decorate = _asynchronous if is_async(function) else _synchronous
    decorated = decorate(cache, function, made, _call_wishes(keys, wishes))

    def key_of(*args: Any, **kwargs: Any) -> str:
        return key(args, kwargs)

    def invalidate(*args: Any, **kwargs: Any) -> str:
        token: str = cache.invalidate(key(args, kwargs))
        return token

    # A loop would stand still while the stream is written to.
    async def invalidate_later(*args: Any, **kwargs: Any) -> str:
        token: str = await cache.aio.invalidate(key(args, kwargs))
        return token

    decorated.key, decorated.cache = key_of, cache
    decorated.invalidate = invalidate_later if decorate is _asynchronous else invalidate
    return decorated


def _synchronous(cache: Any, function: Any, made: Made, wishes_of: _WishesOf) -> Any:
    sought = _looking(cache, made)

    def run(missed: _snowmelt.Missed, args: Args, kwargs: Kwargs) -> Any:
        name, value = sought(missed, args, kwargs)
        if value is not _MISS and value is not _DUE:
            return value
        call = functools.partial(function, *args, **kwargs)
        return fetch(cache, name, value is _DUE, call, wishes_of(args, kwargs)).value

    return functools.update_wrapper(Cached(cache, made.quick, run), function)


def _asynchronous(cache: Any, function: Any, made: Made, wishes_of: _WishesOf) -> Any:
    sought, load = _looking(cache, made), cache.aio._fetch

    async def run(missed: _snowmelt.Missed, args: Args, kwargs: Kwargs) -> Any:
        name, value = sought(missed, args, kwargs)
        if value is not _MISS and value is not _DUE:
            return value
        call = functools.partial(function, *args, **kwargs)
        return (await load(name, value is _DUE, call, wishes_of(args, kwargs))).value

    look_for = _snowmelt.CachedCall(cache, made.quick, run).look

    @functools.wraps(function)
    async def decorated(*args: Any, **kwargs: Any) -> Any:
        value = look_for(args, kwargs)
        return await run(value, args, kwargs) if type(value) is _snowmelt.Missed else value

    return decorated


def _looking(cache: Any, made: Made) -> Callable[[_snowmelt.Missed, Args, Kwargs], tuple[str, Any]]:
    """What goes on with a call that was not answered: it gives its key, and what was found: a value, MISS or DUE."""
    key, look = made.of, cache._look

    def sought(missed: _snowmelt.Missed, args: Args, kwargs: Kwargs) -> tuple[str, Any]:
        if missed.key is not None:
            return missed.key, _DUE if missed.due else _MISS
        name = key(args, kwargs)
        return name, look(name)

    return sought


class Cached(_snowmelt.QuickCall):
    """A function whose calls are read from a cache. Hits are served without Python code."""

    __name__: str
    __qualname__: str

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> str:
        # As a function: by its name.
        return self.__qualname__

    def __copy__(self) -> Cached:
        return self

    def __deepcopy__(self, memo: Any) -> Cached:
        return self

    def __repr__(self) -> str:
        return f"<cached function {self.__qualname__} at {id(self):#x}>"


def _call_wishes(keys: CallKeys, wishes: Wishes) -> _WishesOf:
    """What gives the wishes of a call: its tags may be templates."""
    tags = wishes.given.get("tags")
    if tags is None or callable(tags):
        return lambda args, kwargs: wishes
    if isinstance(tags, (bytes, bytearray, memoryview)) or not hasattr(type(tags), "__iter__"):
        raise error("INVALID_ARGUMENT", f"`tags` is {describe(tags)}: give a list of templates, or a function of the value", wrong_type=True)
    templates = [tags] if isinstance(tags, str) else list(tags)
    for tag in templates:
        if not isinstance(tag, str):
            raise error("INVALID_ARGUMENT", f"a tag's template is {describe(tag)}: give a str", wrong_type=True)
    texts = [keys.template(tag).of for tag in templates]
    return lambda args, kwargs: wishes.but(tags=[text(args, kwargs) for text in texts])
