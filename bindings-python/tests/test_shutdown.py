"""The interpreter ends while the cache is at work: soon, with code 0, and nothing said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .support import LONGER, run_python

RUNS = 20 if LONGER > 1 else 6

BEGIN = """
import asyncio, atexit, copy, threading, time
from snowmelt import Cache
"""

PROGRAMS = {
    "loads on daemon threads": """
        cache = Cache(stream="memory:", report="off")
        for key in "ab":
            for _ in range(2):
                threading.Thread(target=cache.get_or_load, args=(key, lambda: time.sleep(60)), daemon=True).start()
        time.sleep(0.01)
    """,
    "daemon threads that never rest": """
        import faulthandler
        cache = Cache(stream="memory:", report="off", copy=copy.deepcopy, size_of=lambda value, key: len(value), max_entries=3)
        class Loud:
            def __del__(self):
                cache.get("k0")
        def work(number):
            while True:
                cache.get_or_load(f"k{number % 5}", lambda: [number, Loud] * 50, tags=["t"])
                cache.set(f"k{number % 5}", [[1]] * 50)
                cache.delete("k1")
        for number in range(8):
            threading.Thread(target=work, args=(number,), daemon=True).start()
        time.sleep(0.1)
    """,
    "daemon threads in cached functions": """
        cache = Cache(stream="memory:", report="off", max_entries=3)
        class Loud:
            def __del__(self):
                sum(range(1000))
        @cache.cached("k/{n}")
        def load(n):
            if n == 7:
                time.sleep(0.05)
            return [Loud() for _ in range(50)]
        def work():
            while True:
                for n in (*range(10), "a", 1.5, b"b"):
                    load(n)
                    cache.set("s", Loud())
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """,
    "daemon threads whose keys are refused": """
        cache = Cache(stream="none", report="off")
        def work():
            while True:
                try:
                    cache.get(1)
                except TypeError:
                    pass
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """,
    "daemon threads that drop caches": """
        class Loud:
            def __del__(self):
                sum(range(30000))
        def work():
            while True:
                cache = Cache(stream="none", report="off")
                cache.set("k", Loud())
                cache.set("l", Loud())
                del cache
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """,
    "values that the stream removes": """
        cache, other = Cache(stream="memory:", report="off"), Cache(stream="memory:", report="off")
        class Loud:
            def __del__(self):
                sum(range(30000))
        def work():
            while True:
                for number in range(20):
                    cache.set(f"k{number}", Loud())
                cache.catch_up(at_least=other.invalidate(all=True))
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """,
    "daemon threads that write": """
        cache = Cache(stream="memory:", report="off", catch_up_every=0)
        def work():
            while True:
                cache.catch_up(at_least=cache.invalidate("k", tags=["t"]))
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """,
    "a loop on a daemon thread": """
        cache = Cache(stream="memory:", report="off", catch_up_every=0)
        async def work():
            async def one(number):
                while True:
                    await cache.aio.get_or_load(f"k{number}", lambda: asyncio.sleep(0.001))
                    await cache.aio.catch_up(at_least=await cache.aio.invalidate(f"k{number}"))
            await asyncio.gather(*(one(number) for number in range(10)))
        threading.Thread(target=asyncio.run, args=(work(),), daemon=True).start()
        time.sleep(0.1)
    """,
    "tasks under way": """
        cache = Cache(stream="memory:", report="off")
        async def main():
            tasks = [asyncio.create_task(cache.aio.get_or_load(key, lambda: asyncio.sleep(60))) for key in "aab"]
            await asyncio.sleep(0.01)
        asyncio.run(main())
    """,
    "a thread that is waited for": """
        cache = Cache(stream="memory:", report="off", catch_up_every=0)
        def work():
            time.sleep(0.1)
            cache.get_or_load("k", lambda: cache.invalidate("l"))
            cache.catch_up()
        threading.Thread(target=work).start()
    """,
    "catch-ups under way": """
        import socket
        import os
        os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
        deaf = socket.create_server(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        deaf.detach()  # Open until the process ends.
        cache = Cache(stream="s", region="us-east-1", report="off", on_event=lambda event: None, endpoint=endpoint, catch_up_every=0)
        cache.get_or_load("k", lambda: 1)
        for use in (cache.catch_up, cache.warm, lambda: cache.invalidate("k"), lambda: cache.get_or_load("k", lambda: 1)):
            threading.Thread(target=use, daemon=True).start()
        cache.get("k")
        time.sleep(0.05)
    """,
    "an on_event that takes its time": """
        told = threading.Event()
        def listen(event):
            told.set()
            time.sleep(60)
        cache = Cache(stream="memory:", report="off", on_event=listen)
        cache.set("k", 1)
        cache.catch_up()
        told.wait(10)
    """,
    "an on_event that writes": """
        def listen(event):
            while True:
                cache.invalidate("k")
        cache = Cache(stream="memory:", report="off", on_event=listen)
        cache.set("k", 1)
        cache.catch_up()
        time.sleep(0.05)
    """,
    "exit handlers, after and before ours": """
        cache = Cache(stream="memory:", report="off", catch_up_every=0)
        def last():
            cache.get_or_load("k", lambda: 1)
            cache.catch_up(at_least=cache.invalidate("k"))
            async def main():
                await cache.aio.get_or_load("l", lambda: asyncio.sleep(0))
                await cache.aio.catch_up(at_least=await cache.aio.invalidate("l"))
            asyncio.run(main())
        atexit.register(last)
    """,
    "finalizers that use it": """
        cache = Cache(stream="memory:", report="off")
        class Last:
            cache = cache
            def __del__(self):
                self.cache.set("k", 1)
                self.cache.get("k")
                self.cache.get_or_load("l", int)
                self.cache.invalidate("k")
        cache.set("last", Last())
        last = Last()
        last.itself = last
    """,
    "a lease, a joined load and an invocation that nobody ended": """
        cache = Cache(stream="memory:", report="off")
        lease, joined = cache.begin("k"), cache.begin("k")
        invocation = cache.invocation().__enter__()
        coroutine = joined.wait_async()
        coroutine.close()
    """,
}


def program(name: str) -> str:
    if name == "exit handlers, after and before ours":
        # The ones that Python calls after ours have to be there first.
        return f"import atexit\natexit.register(lambda: last())\n{BEGIN}" + _flat(PROGRAMS[name])
    return BEGIN + _flat(PROGRAMS[name])


def _flat(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines())


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_ends(name: str) -> None:
    # More than there are cores: a quiet machine hides most of what can go wrong. (What a program must not wait for takes
    # 60 s; eight busy threads can take 20 to end, where six such programs share half a core.)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: run_python(program(name), seconds=50), range(RUNS)))
