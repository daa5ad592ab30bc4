"""What type checkers must refuse: the lines that say so."""

from snowmelt import Cache, DataId, SnowmeltError

cache = Cache[int](stream="memory:")
number: int = cache.get_or_load("k", lambda: 1)
wrong: str = cache.get_or_load("k", lambda: 1)  # expected: assignment
Cache[int]()  # expected: call-arg
token: str = cache.invalidate(DataId("a", "b"))
print(number, wrong, token, SnowmeltError)
