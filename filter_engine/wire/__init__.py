"""Protocols: codecs that turn bytes into typed values and back, and HTTP over asyncio.

The codecs (milter, scan request and reply) know no network; nothing here scans.
"""
