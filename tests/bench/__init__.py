"""``make bench``: this engine and Rspamd 3.4 side by side on the recorded messages."""
