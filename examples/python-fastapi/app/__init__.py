"""A FastAPI service whose workers cache in memory, and tell each other of writes."""
