"""The module metadata_exporter: notices about certain mail, sent once the verdict is given.

``options`` is what may be written, ``metadata`` what is told of a mail and in which form,
``backends`` to whom and how, ``module`` the check.
"""

from filter_engine.checks.export.module import metadata_exporter as metadata_exporter
