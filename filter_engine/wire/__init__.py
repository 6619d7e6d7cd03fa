"""Protocol codecs: bytes in, typed values out, no network and no scanning."""
