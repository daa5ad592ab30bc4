"""A FastAPI service whose pages come out of memory, and are dropped in all of its instances when a row changes."""
