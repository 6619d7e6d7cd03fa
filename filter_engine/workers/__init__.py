"""The processes that serve: supervisor, proxy (milter), normal (HTTP scans) and controller."""
