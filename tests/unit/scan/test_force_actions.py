"""Rules that force an action, with what Rspamd's own tests of the module expect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from filter_engine.config.findings import ConfigError
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner

Make = Callable[..., Scanner]

MAIL = (
    b"From: Bob <bob@example.com>\r\nTo: <alice@example.net>\r\nSubject: Lunch\r\n"
    b"Date: Fri, 20 Nov 2026 23:41:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello\r\n"
)
ENVELOPE = Envelope(ip="203.0.113.9", mail_from="bob@example.com", rcpt_to=("alice@example.net",))


def scan(scanner: Scanner, settings: str = "", **fields: str) -> Verdict:
    headers = ((b"settings", settings.encode()),) if settings else ()
    envelope = replace(ENVELOPE, request_headers=headers, **fields)  # type: ignore[arg-type]
    return asyncio.run(scanner.scan(MAIL, envelope))


#: As in ``force_actions.conf`` of Rspamd's functional tests.
RULES = """
rules {
    FORCE_REJECT_TO_ADD_HEADER {
        action = "add header"; expression = "UBER_REJECT"; require_action = ["reject"];
    }
    FORCE_REJECT_TO_NO_ACTION {
        action = "no action"; expression = "UBER_REJECT2"; require_action = ["reject"];
    }
    FORCE_NO_ACTION_TO_REJECT {
        action = "reject"; expression = "UBER_HAM"; require_action = ["no action"];
    }
    FORCE_NO_ACTION_TO_ADD_HEADER {
        action = "add header"; expression = "UBER_HAM2"; require_action = ["no action"];
    }
    FORCE_ADD_HEADER_TO_NO_ACTION {
        action = "no action"; expression = "UBER_ADD_HEADER"; require_action = ["add header"];
    }
    FORCE_ADD_HEADER_TO_REJECT {
        action = "reject"; expression = "UBER_ADD_HEADER2"; require_action = ["add header"];
    }
}
"""
SETTINGS = """
id_reject { apply { symbols { UBER_REJECT = 100500.0 } } }
id_reject_no_action { apply { symbols { UBER_REJECT2 = 100500.0 } } }
id_no_action { apply { symbols { UBER_HAM = 1.0 } } }
id_no_action_to_add_header { apply { symbols { UBER_HAM2 = 1.0 } } }
id_add_header { apply { symbols { UBER_ADD_HEADER = 50500.0 } } }
id_add_header_to_reject { apply { symbols { UBER_ADD_HEADER2 = 50500.0 } } }
"""


@pytest.mark.parametrize(
    ("settings_id", "action"),
    [
        ("id_reject", Action.ADD_HEADER),
        ("id_reject_no_action", Action.NO_ACTION),
        ("id_no_action", Action.REJECT),
        ("id_no_action_to_add_header", Action.ADD_HEADER),
        ("id_add_header", Action.NO_ACTION),
        ("id_add_header_to_reject", Action.REJECT),
    ],
)
def test_rules_of_rspamds_own_suite(make: Make, settings_id: str, action: Action) -> None:
    names = ("REJECT", "REJECT2", "HAM", "HAM2", "ADD_HEADER", "ADD_HEADER2")
    weights = " ".join(f"UBER_{name} {{ weight = 1.0 }}" for name in names)
    scanner = make(
        force_actions__conf=RULES,
        settings__conf=SETTINGS,
        actions__conf='reject = 100500; "add header" = 50500; greylist = null;',
        groups__conf=f"symbols {{ {weights} }}",
    )
    assert scan(scanner, settings_id=settings_id).action is action


def forced(make: Make, rule: str, symbols: str) -> Verdict:
    scanner = make(
        force_actions__conf=f"rules {{ {rule} }}",
        groups__conf=(
            "symbols { LIGHT { score = 0 } HEAVY { score = 7 } GOOD { score = -3 } }"
            'group "mine" { symbols { GROUPED { score = 1 } } }'
        ),
    )
    enabled = ", ".join(f"FORCE_ACTION_{name}" for name in "rab")
    return scan(scanner, f"{{symbols_enabled = [{enabled}]; symbols = [{symbols}]}}")


@pytest.mark.parametrize(
    ("rule", "symbols", "action"),
    [
        ('r { action = reject; expression = "LIGHT" }', "LIGHT", Action.REJECT),
        ('r { action = reject; expression = "LIGHT" }', "HEAVY", Action.ADD_HEADER),
        ('r { action = reject; expression = "LIGHT & !HEAVY" }', "LIGHT,HEAVY", Action.ADD_HEADER),
        ('r { action = reject; expression = "GOOD | LIGHT" }', "GOOD", Action.REJECT),
        ('r { action = reject; expression = "HEAVY + GOOD"; limit = 9 }',
         "GOOD,HEAVY", Action.REJECT),
        ('r { action = reject; expression = "HEAVY"; limit = 9 }', "HEAVY", Action.ADD_HEADER),
        ('r { action = reject; expression = "g:mine" }', "GROUPED", Action.REJECT),
        ('r { action = reject; expression = "g-:mine" }', "GROUPED", Action.NO_ACTION),
        ('r { action = "soft reject"; expression = "HEAVY"; honor_action = ["add header"] }',
         "HEAVY", Action.ADD_HEADER),
        ('r { action = greylist; expression = "HEAVY"; least = true }', "HEAVY", Action.ADD_HEADER),
        ('r { action = reject; expression = "HEAVY"; least = true }', "HEAVY", Action.REJECT),
        ('r { action = discard; expression = "LIGHT"; enabled = false }',
         "LIGHT", Action.NO_ACTION),
        ('a { action = discard; expression = "LIGHT" } b { action = reject; expression = "LIGHT" }',
         "LIGHT", Action.DISCARD),
    ],
)  # fmt: skip
def test_when_a_rule_holds(make: Make, rule: str, symbols: str, action: Action) -> None:
    assert forced(make, rule, symbols).action is action


def test_what_a_rule_says(make: Make) -> None:
    rule = (
        'r { action = reject; expression = "LIGHT"; message = "5.7.1 No ${rcpts} here";'
        ' subject = "[%d] %s" }'
    )
    verdict = forced(make, rule, "LIGHT")
    assert verdict.messages == {"smtp_message": "5.7.1 No alice@example.net here"}
    rewritten = forced(make, rule.replace("reject", '"rewrite subject"'), "LIGHT,HEAVY")
    assert rewritten.action is Action.REWRITE_SUBJECT
    assert rewritten.subject == "[7.00] Lunch"


def test_a_rule_sees_composites(make: Make) -> None:
    scanner = make(
        force_actions__conf='rules { r { action = reject; expression = "BOTH" } }',
        composites__conf='BOTH { expression = "R_SPF_NA & R_DKIM_NA"; policy = leave; }',
    )
    assert scan(scanner).action is Action.REJECT


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('r { action = rejct; expression = "A" }', "'rejct' is no action"),
        ('r { action = reject; expression = "A & (" }', "of the expression"),
    ],
)
def test_a_faulty_rule_is_told(make: Make, rule: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(force_actions__conf=f"rules {{ {rule} }}")
    assert words in str(caught.value)
    assert "force_actions.conf:1" in str(caught.value)
