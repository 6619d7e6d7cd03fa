"""SQLite, for one host: the same commands as Redis, on a file."""
