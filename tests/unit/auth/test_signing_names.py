"""Names that a site writes about its keys: what is folded, what is told and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import SigningOptions
from filter_engine.config.findings import Finding
from filter_engine.config.loader import load
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY

checks.load()


def loaded(
    directory: Path, text: str, module: str = "dkim_signing"
) -> tuple[SigningOptions, list[Finding]]:
    (directory / "local.d").mkdir()
    (directory / "local.d" / f"{module}.conf").write_text(text)
    config = load(
        variables={"LOCAL_CONFDIR": str(directory)},
        environ={},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )
    options = config.modules[module]
    assert isinstance(options, SigningOptions)
    return options, list(config.findings)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("EXAMPLE.net", "example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("example.net.", "example.net"),
        ("*", "*"),
    ],
)
def test_a_domain_is_read_in_the_form_that_mail_is_compared_in(
    tmp_path: Path, written: str, read: str
) -> None:
    text = f'domain {{ "{written}" {{ path = "/k"; selector = "s"; }} }}'
    options, findings = loaded(tmp_path, text)
    assert (list(options.domain), findings) == ([read], [])
    assert options.domain[read].selector == "s"


def test_two_spellings_of_a_domain_are_one(tmp_path: Path) -> None:
    text = 'domain { Example.net { path = "/k"; } example.NET { selector = "s"; } }'
    options, _ = loaded(tmp_path, text)
    assert [(name, one.path, one.selector) for name, one in options.domain.items()] == [
        ("example.net", "/k", "s")
    ]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("@example.net", "write example.net"),
        ("*.example.net", "write example.net; with use_esld its subdomains are signed as it"),
        ("exam ple.net", 'write it as in example.net, or "*" for all others'),
        ("example..net", 'write it as in example.net, or "*" for all others'),
    ],
)
def test_a_domain_that_no_mail_has_is_told(tmp_path: Path, written: str, hint: str) -> None:
    _, found = loaded(tmp_path, f'\ndomain {{ "{written}" {{ path = "/k"; }} }}')
    assert [(one.code, one.line, one.hint) for one in found] == [("no-effect", 2, hint)]


@pytest.mark.parametrize(
    ("selector", "code", "hint"),
    [
        ("mail._domainkey", "odd-syntax", "write mail alone"),
        ("Mail._DomainKey.example.net", "odd-syntax", "write mail alone"),
        ("a b", "no-effect", "write letters, digits and -, as in mail or 2027-a"),
        ("a..b", "no-effect", "write letters, digits and -, as in mail or 2027-a"),
        ("a" * 64, "no-effect", "write letters, digits and -, as in mail or 2027-a"),
        ("", "no-effect", "write the label before ._domainkey in DNS, or remove the line for"),
    ],
)
@pytest.mark.parametrize(
    "around",
    ["{}", "domain {{ b.example {{ {} }} }}", "domain {{ b.c {{ selectors [ {{ {} }} ] }} }}"],
)
def test_a_selector_that_nobody_can_look_up_is_told(
    tmp_path: Path, selector: str, code: str, hint: str, around: str
) -> None:
    _, found = loaded(tmp_path, around.format(f'selector = "{selector}";'))
    assert [one.code for one in found] == [code]
    assert found[0].hint.startswith(hint)


@pytest.mark.parametrize("selector", ["mail", "2027.mail", "_a", "A-1", "m" * 63])
def test_selectors_that_can_stand(tmp_path: Path, selector: str) -> None:
    options, found = loaded(tmp_path, f'path = "/k"; selector = "{selector}";')
    assert (options.selector, found) == (selector, [])
    assert is_safe(selector.lower())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/k/$domian.$selector.key", ["$domian"]),
        ("/k/${domain}.key", ["${domain}"]),
        ("/k/$Domain.key", ["$Domain"]),
        ("/k/$domain_$selector.key", []),
        ("/k/5$.key", []),
    ],
)
def test_variables_that_a_path_cannot_have_are_told(
    tmp_path: Path, path: str, told: list[str]
) -> None:
    _, found = loaded(tmp_path, f"path = '{path}';")
    assert [(one.code, one.message.partition(" ")[0]) for one in found] == [
        ("odd-syntax", word) for word in told
    ]


def test_where_oversigning_is_written(tmp_path: Path) -> None:
    _, found = loaded(tmp_path, 'oversign_headers = "from";')
    assert [(one.code, one.hint) for one in found] == [
        ("no-effect", "write (o) before the names in sign_headers: (o)from:(o)subject:to")
    ]


def test_the_same_holds_for_sealing(tmp_path: Path) -> None:
    text = """selector = "arc._domainkey";
    oversign_headers = "from";
    domain {
        EXAMPLE.net { selector = "a b"; path = "/k/$domian"; }
        "@example.net" { selectors [ { selector = ""; } ] }
    }"""
    options, found = loaded(tmp_path, text, "arc")
    assert list(options.domain) == ["example.net", "@example.net"]
    assert [(one.code, one.line) for one in found] == [
        ("odd-syntax", 1),
        ("no-effect", 2),
        ("no-effect", 4),
        ("odd-syntax", 4),
        ("no-effect", 5),
        ("no-effect", 5),
    ]
