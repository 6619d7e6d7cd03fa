"""One module a subject; each declares its rules."""

#: Modules of rules, in the order in which the documentation lists them.
MODULES: tuple[str, ...] = ()
