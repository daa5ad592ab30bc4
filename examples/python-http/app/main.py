"""The service: `uvicorn app.main:app`."""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Response
from snowmelt import Cache, WriteError
from snowmelt.http import CacheMiddleware

from .database import Database, Product

database = Database(os.environ.get("DATABASE", "products.db"))

# Made when the module is imported, so that each worker has its own: uvicorn starts workers as processes that import it.
cache = Cache(stream=os.environ.get("INVALIDATION_STREAM"), max_weight="64mb", stale_while_revalidate="30s", stale_if_error="5m")

app = FastAPI(title="Products")
# A server is never frozen, so that a refresh may go on after the response: `wait_until` has nothing to do.
app.add_middleware(
    CacheMiddleware,
    cache=cache,
    ttl={200: "1m", 404: "5s"},
    drop_query=["utm_*"],
    query="sorted",
    skip=lambda request: request.path == "/stats",
    wait_until=lambda refresh: None,
)


@app.get("/products")
def products(category: str, response: Response) -> list[Product]:
    """Slow: 500 ms. Whoever asks meanwhile waits for the same call."""
    response.headers["Cache-Tag"] = f"category:{category}"
    return database.of_category(category)


@app.get("/products/{number}")
def product(number: int, response: Response) -> Product:
    found = database.one(number)
    if found is None:
        raise HTTPException(404, "there is no such product", headers={"Cache-Tag": f"product:{number}"})
    response.headers["Cache-Tag"] = f"product:{number} category:{found.category}"
    return found


@app.put("/products/{number}/price")
async def change_price(number: int, price: Annotated[int, Body(embed=True, ge=0)]) -> Product:
    changed = database.price(number, price)
    if changed is None:
        raise HTTPException(404, "there is no such product")
    # After the commit. Its page goes, and every list that it is in, here and in all other instances.
    try:
        await cache.aio.invalidate(tags=[f"product:{number}", f"category:{changed.category}"])
    except WriteError as error:
        raise HTTPException(503, f"saved, but other instances may serve the old price until its time is over: {error}") from None
    return changed


@app.get("/stats")
async def stats() -> dict[str, Any]:
    """What this instance's cache did."""
    return dict(vars(cache.stats()))
