"""The command line, ``filter-engine``."""
