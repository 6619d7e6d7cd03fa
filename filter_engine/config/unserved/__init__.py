"""Options of Rspamd's core sections that this engine reads, checks, and does not use.

One file for each section of ``model`` and ``workers``, which take these as ``Section.known``.
Those of Rspamd's modules are in ``config/rspamd``. Defaults are those of Rspamd 3.4, where it has
one; facts come from ``rspamadm confighelp``, the stock tree and Rspamd's documentation.
"""
