"""A site's own records in DNS: what should stand there, and what the world answers."""
