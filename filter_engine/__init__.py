"""filter_engine: a mail filter that reads Rspamd's configuration and speaks its protocols."""

__version__ = "0.1.0"
