"""The milter protocol, version 6, as Postfix and Sendmail speak it.

Source: Sendmail's ``libmilter`` (``mfdef.h``), Postfix's ``milter8.c`` and
``docs/milter-protocol`` of MTA authors; what Rspamd negotiates was read on the wire.
"""
