"""HTTP/1.1 (RFC 9112) for scan workers and the proxy's requests to them, on httptools."""
