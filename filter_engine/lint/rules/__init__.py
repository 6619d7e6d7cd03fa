"""One module a subject; each declares its rules."""

#: Modules of rules, in the order in which the documentation lists them.
MODULES: tuple[str, ...] = (
    "sockets",
    "access",
    "passwords",
    "networks",
    "resolvers",
    "test_patterns",
    "effect",
    "traps",
    "stopping",
    "thresholds",
    "names",
    "timeouts",
    "neighbours",
    "redis",
    "blocklists",
    "keys",
    "tls",
    "secrets",
    "signing",
    "postfix",
    "host_name",
    "sizes",
    "maps",
    "shipped_files",
)
