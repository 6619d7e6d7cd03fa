"""Asking DNS: names, a socket client with a cache, and a table that answers for tests."""
