"""What becomes of an rmilter.conf: every directive of the README and the README's own recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.config.findings import Severity
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.importers.rmilter.directives import DIRECTIVES, TABLE, as_markdown
from filter_engine.importers.staging import inspect_staged
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
from filter_engine.ucl import parse, to_python

FULL = Path(__file__).parent / "rmilter_fixtures" / "full.conf"
DOCS = Path(__file__).parents[3] / "docs" / "import.md"

#: Rows of the checklist -> their directives, as (section, name).
ROWS = {
    "C4": [("", "pidfile")],
    "C5": [("", "tempdir")],
    "C6": [("", "bind_socket")],
    "C7": [("", "max_size")],
    "C8": [("", "strict_auth")],
    "C9": [("", "spf_domains")],
    "C10": [("", "use_dcc")],
    "C11": [("", "whitelist")],
    "C12": [("", "our_networks")],
    "C13": [("clamav", "servers")],
    "C14": [("clamav", f"{name}_timeout") for name in ("connect", "port", "results")],
    "C15": [
        (section, name)
        for section in ("clamav", "spamd", "redis", "beanstalk")
        for name in ("error_time", "dead_time", "maxerrors")
    ],
    "C16": [("clamav", "whitelist")],
    "C17": [("spamd", "servers")],
    "C18": [
        ("spamd", name)
        for name in ("connect_timeout", "results_timeout", "retry_count", "retry_timeout")
    ],
    "C19": [("spamd", "reject_message")],
    "C20": [("spamd", "spamd_soft_fail")],
    "C21": [("spamd", "spamd_greylist")],
    "C22": [("spamd", "spam_header"), ("spamd", "spam_header_value")],
    "C23": [("spamd", "rspamd_metric")],
    "C24": [("spamd", "whitelist")],
    "C25": [("spamd", "extended_spam_headers")],
    "C26": [("spamd", "spamd_never_reject")],
    "C27": [("spamd", "spamd_temp_fail"), ("spamd", "tempfail_on_error")],
    "C28": [("spamd", "spamd_spam_add_header")],
    "C29": [("redis", f"servers_{name}") for name in ("grey", "white", "limits", "id")],
    "C30": [("redis", f"{name}_prefix") for name in ("id", "grey", "white")],
    "C31": [("redis", "connect_timeout")],
    "C32": [("beanstalk", "servers")],
    "C33": [("beanstalk", "copy_server"), ("beanstalk", "spam_server")],
    "C34": [("beanstalk", "id_regexp")],
    "C35": [("beanstalk", f"send_beanstalk_{name}") for name in ("headers", "copy", "spam")],
    "C36": [("beanstalk", "copy_probability")],
    "C37": [("beanstalk", "lifetime")],
    "C38": [("greylisting", "timeout"), ("greylisting", "expire")],
    "C40": [("greylisting", "whitelist")],
    "C42": [("greylisting", f"awl_{name}") for name in ("enable", "pool", "hits", "ttl")],
    "C44": [("limits", "limit_to")],
    "C45": [("limits", "limit_to_ip")],
    "C46": [("limits", "limit_to_ip_from")],
    "C47": [("limits", "limit_bounce_to"), ("limits", "limit_bounce_to_ip")],
    "C48": [("limits", "limit_bounce_addrs")],
    "C49": [
        ("limits", name)
        for name in ("limit_whitelist", "limit_whitelist_ip", "limit_whitelist_rcpt")
    ],
    "C51": [("dkim", "header_canon"), ("dkim", "body_canon")],
    "C52": [("dkim", "sign_alg")],
    "C53": [("dkim", "auth_only")],
    "C55": [("dkim", "sign_networks")],
    "C56": [("dkim", "fold_header")],
}


def data(outcome: Outcome, name: str) -> object:
    return to_python(parse(outcome.files[f"local.d/{name}"]))


def lost(outcome: Outcome) -> dict[str, int]:
    return {remark.subject: remark.line for remark in outcome.remarks if remark.lost}


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_its_directives(row: str) -> None:
    for key in ROWS[row]:
        found = DIRECTIVES[key]
        assert bool(found.target) != bool(found.reason), key


@pytest.fixture(scope="module")
def full() -> Outcome:
    return import_rmilter(FULL.read_text(), "full.conf")


def test_each_directive_of_the_full_sample_is_carried_over_or_told(full: Outcome) -> None:
    """Leave one line out at a time: files or remarks have to change."""
    lines = FULL.read_text().splitlines()
    kept = (
        # each says what is said without it
        "use the default",
        "strict_auth = no",
        "spamd_soft_fail = yes",
        "spamd_greylist = yes",
        'rspamd_metric = "default"',
        "timeout = 300s",
        "send_beanstalk_headers = no",
        "send_beanstalk_spam = no",
        "auth_only = yes",
        "fold_header = yes",
        "limit_",
        "header_canon = relaxed",
        # the first section that says it counts
        "error_time = 15",
        "dead_time = 600",
        "maxerrors = 7",
        # kept where servers_grey is
        "servers_white",
    )
    for number, line in enumerate(lines):
        if "=" not in line or line.lstrip().startswith(("#", *kept)):
            continue
        without = [*lines[:number], "", *lines[number + 1 :]]
        try:
            changed = import_rmilter("\n".join(without), "full.conf")
        except ImportFaultError:
            continue  # a part of dkim { domain { } } that has to be there
        assert (changed.files, changed.remarks, changed.variables) != (
            full.files,
            full.remarks,
            full.variables,
        ), line


def test_what_is_written_loads(full: Outcome, tmp_path: Path) -> None:
    checks.load()
    found = inspect_staged(full.files, tmp_path, {}, {}, sections(REGISTRY), REGISTRY.groups())
    assert [str(f) for f in found if f.severity is not Severity.INFO] == []
    assert {f.code for f in found} <= {"not-served"}


def test_global_section(full: Outcome) -> None:
    assert data(full, "options.inc") == {
        "tempdir": "/tmp",
        "max_message": 10485760,
        "local_networks": ["192.0.2.0/24", "2001:db8::/32"],
        "upstream": {"error_time": 15, "revive_time": 600, "max_errors": 7},
    }
    assert data(full, "dcc.conf") == {"enabled": True}
    assert {"pidfile": 2}.items() <= lost(full).items()


def test_clamav_section(full: Outcome) -> None:
    assert data(full, "antivirus.conf") == {
        "clamav": {
            "type": "clamav",
            "servers": "clam1.example.com:3310,192.0.2.7:3311,/var/run/clamav/clamd.sock",
            "symbol": "CLAM_VIRUS",
            "action": "reject",
            "scan_mime_parts": False,
            "timeout": 30,
        }
    }


def test_spamd_section(full: Outcome) -> None:
    assert data(full, "worker-proxy.inc") == {
        "bind_socket": "127.0.0.1:9900",
        "upstream": {
            "scan": {
                "default": True,
                "hosts": "localhost:11333,[2001:db8::5]:11333,/run/rspamd.sock",
            }
        },
        "timeout": 25,
        "reject_message": "Refused; ask postmaster",
        "spam_header": "X-Spam-Flag",
    }
    assert data(full, "actions.conf") == {"reject": None}
    assert data(full, "milter_headers.conf") == {"extended_spam_headers": True}
    assert full.variables == {"postfix_milter_default_action": "tempfail"}


def test_defaults_that_differ_are_set() -> None:
    found = import_rmilter(
        "spamd { servers = r:a; };\nclamav { servers = b; };\n"
        "greylisting { enable = yes; };\nlimits { enable = yes; };\n"
        "redis { servers_grey = c; servers_limits = c; };\n",
        "r.conf",
    )
    proxy = data(found, "worker-proxy.inc")
    assert isinstance(proxy, dict)
    assert proxy["timeout"] == 20
    assert proxy["reject_message"] == (
        "Spam message rejected; If this is not spam contact abuse team"
    )
    assert found.variables == {"postfix_milter_default_action": "accept"}
    assert data(found, "antivirus.conf")["clamav"]["timeout"] == 20  # type: ignore[index]
    assert data(found, "greylist.conf") == {
        "enabled": True,
        "timeout": 300,
        "expire": 86400,
        "pass_expire": 259200,
    }
    limits = data(found, "ratelimit.conf")
    assert isinstance(limits, dict)
    assert limits["rates"] == {
        "to": {"bucket": {"burst": 20, "rate": "1 / 1m"}},
        "to_ip": {"bucket": {"burst": 30, "rate": "1 / 40s"}},
        "to_ip_from": {"bucket": {"burst": 100, "rate": "1 / 30s"}},
        "bounce_to": {"bucket": {"burst": 5, "rate": "1 / 1h"}},
        "bounce_to_ip": {"bucket": {"burst": 5, "rate": "1 / 1h"}},
    }
    assert "symantec_antivirus_for_smtp_gateways" in limits["bounce_senders"]
    assert data(found, "redis.conf") == {"servers": "c:6379"}
    assert data(found, "settings.conf") == {
        "rmilter_authenticated": {"authenticated": True, "apply": {"groups_enabled": ["dkim"]}}
    }


def test_an_empty_file_switches_off_what_rmilter_does_only_when_told() -> None:
    found = import_rmilter("", "r.conf")
    for name in ("greylist.conf", "ratelimit.conf", "replies.conf", "dkim_signing.conf"):
        assert data(found, name) == {"enabled": False}
    told = {remark.subject for remark in found.remarks}
    assert told == {
        *("bind_socket", "max_size", "spf_domains", "strict_auth", "greylisting", "limits")
    }


def test_strict_auth_checks_users_like_everybody() -> None:
    found = import_rmilter("strict_auth = yes; our_networks = 192.0.2.1;", "r.conf")
    assert "local.d/settings.conf" not in found.files


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (
            "spamd { spamd_soft_fail = no; };",
            "actions.conf",
            {"add_header": None, "rewrite_subject": None, "greylist": None},
        ),
        ("use_dcc = no;", "dcc.conf", {"enabled": False}),
        (
            "limits { limit_to = 0:0.1; limit_whitelist_ip = 192.0.2.1; };"
            "redis { servers_limits = a; };",
            "ratelimit.conf",
            None,
        ),
    ],
)
def test_other_values(text: str, name: str, expected: object) -> None:
    found = data(import_rmilter(text, "r.conf"), name)
    if expected is not None:
        assert found == expected
    else:
        assert isinstance(found, dict)
        assert "to" not in found["rates"]  # a burst or a rate of 0 is off
        assert found["whitelisted_ip"] == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("spamd { servers = spamassassin:783; };", "servers"),
        ("spamd { spamd_greylist = no; };", "spamd_greylist"),
        ('spamd { rspamd_metric = "mine"; };', "rspamd_metric"),
        ('spamd { spam_header_value = "Perhaps"; };', "spam_header_value"),
        ("redis { servers_grey = a; servers_white = b; };", "servers_white"),
        ("clamav { error_time = 5; }; spamd { error_time = 6; };", "error_time"),
        ("max_size = 1M;\nmax_size = 2M;", "max_size"),
        ("use_redis = no;", "use_redis"),
    ],
)
def test_what_cannot_be_carried_over_is_told(text: str, subject: str) -> None:
    assert subject in lost(import_rmilter(text, "r.conf"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("spamd { spamd_greylst = no; };", "did you mean 'spamd_greylist'?"),
        ("limit_to = 1:1;", "it belongs to limits"),
        ("greylsting { };", "unknown section"),
        ("spamd { redis { }; };", "unknown section redis in spamd"),
        ("dkim { domain { key = /k; }; };", "lacks domain and selector"),
        ("rule { helo /a/; };", "needs an action"),
        ("rule { reject; reject; helo /a/; };", "one action"),
        ("rule { reject; helo /(/; };", "no regular expression"),
        ("rule { reject; connect /a/; };", "takes 2"),
        ("rule { reject; helq /a/; };", "unknown condition"),
    ],
)
def test_what_rmilter_does_not_have_is_refused(text: str, hint: str) -> None:
    with pytest.raises(ImportFaultError) as caught:
        import_rmilter(text, "r.conf")
    assert hint in str(caught.value)
    assert caught.value.line == 1


def test_rules(full: Outcome) -> None:
    assert data(full, "force_actions.conf") == {
        "rules": {
            "RMILTER_SPF_DOMAINS": {
                "action": "reject",
                "expression": "R_SPF_FAIL & RMILTER_SPF_DOMAINS",
                "message": "SPF policy violation: this host is not allowed to send mail of that"
                " domain",
            },
            "RMILTER_RULE_1": {
                "action": "reject",
                "expression": "RMILTER_RULE_1_HELO_1",
                "message": "No localhost",
            },
            "RMILTER_RULE_2": {
                "action": "soft reject",
                "expression": "RMILTER_RULE_2_CONNECT_1 & RMILTER_RULE_2_CONNECT_1_B"
                " & !RMILTER_RULE_2_ENVFROM_2 & RMILTER_RULE_2_ENVRCPT_3"
                " & RMILTER_RULE_2_HEADER_4 & RMILTER_RULE_2_BODY_5",
                "message": "Later",
            },
        }
    }
    maps = data(full, "multimap.conf")
    assert isinstance(maps, dict)
    assert maps["rmilter_rule_2_header_4"] == {
        "type": "header",
        "header": "Subject",
        "map": [r"/Match\*/"],
        "regexp": True,
        "symbol": "RMILTER_RULE_2_HEADER_4",
        "score": 0,
    }
    assert maps["rmilter_rule_2_connect_1_b"]["selector"] == "ip"


def test_a_rule_that_would_catch_more_than_it_did_is_left_out() -> None:
    text = "rule {\n discard;\n helo /a/;\n header /^X-/ /b/;\n};"
    found = import_rmilter(text, "r.conf")
    assert {"rule": 1, "header": 4}.items() <= lost(found).items()
    assert not {"local.d/multimap.conf", "local.d/force_actions.conf"} & found.files.keys()


# -- recipes of the README ----------------------------------------------------------------------


def test_recipe_dkim() -> None:
    found = import_rmilter(
        """\
dkim {
    domain {
      key = /etc/dkim;
      domain = "*";
      selector = "dkim";
    };
    header_canon = relaxed;
    body_canon = relaxed;
    sign_alg = sha256;
};
""",
        "r.conf",
    )
    assert data(found, "dkim_signing.conf") == {
        "path": "/etc/dkim/$domain.$selector.key",
        "selector": "dkim",
        "try_fallback": True,
        "enabled": True,
        "sign_authenticated": True,
        "sign_local": False,
        "use_domain": "envelope",
        "use_esld": False,
        "allow_hdrfrom_mismatch": True,
        "allow_username_mismatch": True,
    }
    assert not lost(found)


def test_sha1_and_simple_are_refused_with_a_reason(full: Outcome) -> None:
    reasons = {remark.subject: remark.reason for remark in full.remarks if remark.lost}
    assert "RFC 8301" in reasons["sign_alg"]
    assert "relaxed" in reasons["body_canon"]


def test_recipe_replies() -> None:
    found = import_rmilter(
        """\
redis {
  # servers_id - redis servers used for message id storing, can not be mirrored
  servers_id = localhost;

  # id_prefix - prefix for extracting message ids from redis
  # Default: empty (no prefix is prepended to key)
  id_prefix = "message_id.";
}
""",
        "r.conf",
    )
    assert data(found, "redis.conf") == {"servers": "localhost:6379"}
    assert data(found, "replies.conf") == {"enabled": True, "key_prefix": "message_id."}


def test_a_password_is_in_its_file_and_in_no_remark() -> None:
    found = import_rmilter('redis { servers_grey = a; password = "s3cr3t"; };', "r.conf")
    assert data(found, "redis.conf") == {"password": "s3cr3t", "servers": "a:6379"}
    assert not any("s3cr3t" in str(remark) for remark in found.remarks)


def test_of_several_redis_servers_the_first_is_used(full: Outcome) -> None:
    greylist = data(full, "greylist.conf")
    assert isinstance(greylist, dict)
    assert greylist["servers"] == "redis1.example.com:6380"
    assert any(r.subject == "servers_grey" and "first" in r.reason for r in full.remarks)


def test_plus_equals_adds() -> None:
    found = import_rmilter("our_networks = 192.0.2.1;\nour_networks += 192.0.2.2;", "r.conf")
    options = data(found, "options.inc")
    assert isinstance(options, dict)
    assert options["local_networks"] == ["192.0.2.1", "192.0.2.2"]


def test_the_documentation_has_the_table() -> None:
    assert len(TABLE) > 90
    assert as_markdown() in DOCS.read_text()
