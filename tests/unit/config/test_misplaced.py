"""What is said of names that are right in another place."""

from __future__ import annotations

import pytest

from filter_engine import checks
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY

from .conftest import Site


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        ("options.inc", "options { task_timeout = 9s; }", "already inside options { }"),
        (
            "worker-normal.inc",
            'worker "normal" { timeout = 9s; }',
            'already inside worker "normal" { }',
        ),
        ("actions.conf", "actions { reject = 9; }", "already inside actions { }"),
        ("redis.conf", "redis { servers = x; }", "already inside redis { }"),
        ("dmarc.conf", "dmarc { actions { } }", "already inside dmarc { }"),
        ("dkim_signing.conf", "dkim_signing { domain { } }", "already inside dkim_signing { }"),
        (
            "antivirus.conf",
            "antivirus { clamav { type = clamav; } }",
            "already inside antivirus { }",
        ),
        ("composites.conf", 'composites { A { expression = "B"; } }', "already inside composites"),
        (
            "settings.conf",
            'settings { a { ip = "192.0.2.1"; apply { } } }',
            "already inside settings { }",
        ),
        ("spf.conf", "enable = false;", "did you mean 'enabled'?"),
        ("spf.conf", "enabeld = false;", "did you mean 'enabled'?"),
        ("antivirus.conf", "enabeld = false;", "did you mean 'enabled'?"),
        ("options.inc", "// a comment", "comments begin with #"),
        ("options.inc", 'include "x.inc"', 'write a dot before it: .include "FILE"'),
        ("options.inc", "dns.timeout = 3s;", "write dns { timeout = ...; }"),
        (
            "options.inc",
            'password = "x";',
            "option of worker 'controller' (worker-controller.inc) and worker 'fuzzy' "
            "(worker-fuzzy.inc) and redis (redis.conf)",
        ),
        (
            "options.inc",
            'allow_update = ["127.0.0.1"];',
            "it is an option of worker 'fuzzy' (worker-fuzzy.inc)",
        ),
        ("worker-proxy.inc", "task_timeout = 9s;", "it is an option of options (options.inc)"),
    ],
)
def test_the_hint_names_the_right_place(site: Site, file: str, text: str, hint: str) -> None:
    checks.load()
    groups = REGISTRY.groups()
    found = site(local={file: f"{text}\n"}, modules=sections(REGISTRY), groups=groups)
    (told,) = (f for f in found.findings if f.severity != "info")
    assert told.severity == "warning"
    assert hint in told.hint


def test_a_worker_without_a_name(site: Site) -> None:
    found = site(top={"rspamd.conf.local": "worker { count = 2; }\n"})
    (told,) = found.findings
    assert "the worker's name is missing" in told.message
    assert told.hint == 'write worker "normal" { count = ...; }'
