"""Programs that are asked about a mail: virus scanners and other filters.

``options`` is what may be written, ``protocol`` what a program's protocol has to tell, ``viruses``
and ``filters`` are the protocols, ``contents`` what is handed over, ``rule`` one compiled rule,
``module`` the checks.
"""

from filter_engine.checks.services.module import antivirus as antivirus  # declares all checks
