"""Where the engine remembers: Redis, or an embedded database on one host."""
