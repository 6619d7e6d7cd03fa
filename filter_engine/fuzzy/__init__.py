"""Fuzzy hashes: what a message has of them, the protocol of their storages, how they are kept."""
