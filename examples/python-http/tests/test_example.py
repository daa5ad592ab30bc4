"""Two instances with a memory each, on one stream."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .service import HERE, Service, Told, kinesis_local

#: How long an instance that has just started may go without looking at the stream (twice `catch_up_every`), and a little; in seconds.
FIRST_CATCH_UP = 2.1


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    database = tmp_path_factory.mktemp("http") / "products.db"
    with kinesis_local() as kinesis:
        both = (Service(kinesis, database), Service(kinesis, database))
        yield both
        # (uvicorn ends in order, and then by the signal that it was sent.)
        assert {service.end() for service in both} <= {0, -signal.SIGTERM}


def prices(told: Told) -> dict[int, int]:
    return {product["id"]: product["price"] for product in told.body}


def test_the_types_are_right() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=HERE, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout


def test_ten_requests_make_one_query(services: tuple[Service, Service]) -> None:
    first, second = services
    with ThreadPoolExecutor(10) as pool:
        told = list(pool.map(lambda _: first.ask("GET", "/products?category=herbs"), range(10), timeout=60))
    hows = Counter(each.how for each in told)
    assert hows["miss"] == 1 and hows["miss"] + hows["coalesced"] + hows["hit"] == 10
    assert first.ask("GET", "/products?category=herbs&utm_source=mail").how == "hit"
    assert second.ask("GET", "/products?category=herbs").how == "miss"
    assert "cache-tag" not in told[0].headers


def test_a_change_drops_the_pages_of_both(services: tuple[Service, Service]) -> None:
    first, second = services
    paths = ("/products?category=tea", "/products?category=coffee", "/products/7")
    for service in services:
        for path in paths:
            service.ask("GET", path)
            assert service.ask("GET", path).how == "hit"
    changed = first.ask("PUT", "/products/7/price", {"price": 5})
    assert (changed.status, changed.how, changed.body["price"]) == (200, "bypass", 5)
    told = first.ask("GET", "/products?category=tea")
    assert told.how == "miss" and prices(told)[7] == 5
    time.sleep(FIRST_CATCH_UP)
    # (If this machine is so busy that catching up takes longer than a read waits for it, the next one has it.)
    deadline = time.monotonic() + 20
    while second.ask("GET", "/products/7").body["price"] != 5:
        assert time.monotonic() < deadline
    assert prices(second.ask("GET", "/products?category=tea"))[7] == 5
    assert second.ask("GET", "/products?category=coffee").how == "hit"


def test_validators_and_what_is_not_there(services: tuple[Service, Service]) -> None:
    first, _ = services
    etag = first.ask("GET", "/products/9").headers["etag"]
    told = first.ask("GET", "/products/9", if_none_match=etag)
    assert (told.status, told.body) == (304, None)
    assert [first.ask("GET", "/products/999").status for _ in range(2)] == [404, 404]
    assert first.ask("GET", "/products/999").how == "hit"
    assert first.ask("PUT", "/products/999/price", {"price": 5}).status == 404
    assert first.ask("PUT", "/products/9/price", {"price": -5}).status == 422
    assert first.ask("GET", "/stats").how == "bypass" and first.ask("GET", "/stats").body["hits"] > 0


def test_the_readme_names_what_there_is() -> None:
    text = (HERE / "README.md").read_text("utf-8")
    main = (HERE / "app" / "main.py").read_text("utf-8")
    for path in ("/products", "/products/{number}", "/products/{number}/price", "/stats"):
        assert f'"{path}"' in main and path.replace("{number}", "{id}") in text
    assert Path(HERE / "requirements.txt").exists()
