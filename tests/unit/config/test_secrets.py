"""No secret is shown, whichever section declares it and whoever shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config import Config
from filter_engine.config.annotate import with_comments
from filter_engine.config.compare import compare
from filter_engine.config.declared import NAME
from filter_engine.config.dump import to_ucl, with_origins
from filter_engine.config.effective import effective
from filter_engine.config.explain import explain
from filter_engine.config.layers import Layers
from filter_engine.config.loader import load
from filter_engine.config.reference import sections
from filter_engine.headers.sections import sections as declared_sections
from filter_engine.importers.redact import redact
from filter_engine.scan.declare import REGISTRY
from filter_engine.ucl import parse
from filter_engine.ucl.emitter import emit
from filter_engine.ucl.masking import is_secret_name

checks.load()
MODULES = declared_sections(REGISTRY)
SECRETS = [
    (f"{section.name.replace(' ', '.').replace(chr(34), '')}.{made.path}", made.option)
    for section in sections(MODULES)
    for made in (*section.options, *section.unserved)
    if made.option.secret
]
#: Keys of Rspamd's that look like secrets and are none.
PUBLIC = {"encryption_key", "read_encryption_key", "write_encryption_key", "pubkey"}


def _value(number: int) -> str:
    return f"s3cret{number:03}x"


def _written(tree: dict[str, Any]) -> str:
    return " ".join(
        f'"{key}" {{ {_written(value)} }}' if isinstance(value, dict) else f'"{key}" = "{value}";'
        for key, value in tree.items()
    )


def _tree() -> dict[str, Any]:
    """Every secret in its place, each with a value of its own."""
    needed = {"default": "yes", "self_scan": "yes"}
    tree: dict[str, Any] = {"worker": {"rspamd_proxy": {"upstream": {"a": needed}}}}
    for number, (path, option) in enumerate(SECRETS):
        *outer, key = path.split(".")
        place = tree
        for name in outer:
            place = place.setdefault(name, {})
        is_section = option.kind.name in ("section", "headers")
        place[key] = {"x": _value(number)} if is_section else _value(number)
    return tree


def _loaded(directory: Path, text: str) -> Config:
    directory.mkdir()
    (directory / "rspamd.conf.local").write_text(text)
    variables = {"LOCAL_CONFDIR": str(directory), "DBDIR": str(directory / "db")}
    return load(None, variables, {}, modules=MODULES)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return _loaded(tmp_path_factory.mktemp("site") / "etc", _written(_tree()))


def test_the_schemas_declare_the_secrets_of_every_kind_of_section() -> None:
    paths = {path for path, _ in SECRETS}
    assert {
        "replies.cookie_key",
        f"fuzzy_check.rule.{NAME}.fuzzy_key",
        f"arc.domain.{NAME}.key",
        "dkim_signing.vault_token",
        f"classifier.{NAME}.tokenizer.key",
        "aws_s3.s3_secret_key",
        "worker.controller.password",
        "fuzzy_collect.sign_keypair",
    } <= paths


def test_configdump_and_comparison_hide_them(config: Config, tmp_path: Path) -> None:
    top = effective(config)
    before = effective(_loaded(tmp_path / "etc", ""))
    layers = Layers(config.variables)
    changes = compare(before, top)
    said = {
        "configdump": emit(to_ucl(top)),
        "configdump -j --origin": repr(with_origins(top)),
        "configdump --show-help": with_comments(top, layers, explained=True, origin=True),
        "configdump --diff-from": "".join(change.text(layers, layers) for change in changes),
        "configdump --diff-from -j": repr([change.as_dict() for change in changes]),
    }
    assert {name for name, text in said.items() if "s3cret" in text} == set()
    shown = emit(to_ucl(top, show_secrets=True))
    unserved = [number for number, (path, _) in enumerate(SECRETS) if "aws_s3" in path]
    assert unserved
    assert all(_value(number) in shown for number in unserved)


@pytest.mark.parametrize("number", range(len(SECRETS)), ids=[path for path, _ in SECRETS])
def test_explain_hides_it(config: Config, number: int) -> None:
    path, option = SECRETS[number]
    key = f"{path}.x" if "section" in option.kind.name and path.count(".") == 1 else path
    key = key.replace(".domain.NAME.", ".domain.name.")  # domains are read in lower case
    assert "s3cret" not in repr(explain(config, key).as_dict())
    assert _value(number) in repr(explain(config, key, show_secrets=True).as_dict())


@pytest.mark.parametrize("number", range(len(SECRETS)), ids=[path for path, _ in SECRETS])
def test_diffs_hide_it_by_its_name(number: int) -> None:
    path, option = SECRETS[number]
    assert is_secret_name(path.rpartition(".")[2])
    if "section" not in option.kind.name:
        assert "s3cret" not in redact(f'a {{ {path.rpartition(".")[2]} = "s3cret"; }}\n')


def test_a_public_key_is_shown_where_the_schema_says_so(tmp_path: Path) -> None:
    key = "m8kneubpcjsb8sbsoj7jy7azj9fdd3xmj63txni86a8ye9ncomny"
    text = f'fuzzy_check {{ rule {{ a {{ encryption_key = "{key}"; fuzzy_key = "s3cret"; }} }} }}'
    shown = emit(to_ucl(effective(_loaded(tmp_path / "etc", text))))
    assert key in shown
    assert "s3cret" not in shown


def test_what_looks_like_a_secret_is_one_or_known_to_be_none() -> None:
    names = {
        made.path.rpartition(".")[2]
        for section in sections(MODULES)
        for made in section.unserved
        if is_secret_name(made.path.rpartition(".")[2]) and not made.option.secret
    }
    # a path of a file, names of keys in Redis, and public keys
    others = {"ssl_key", "redis_key", "stream_key", "top_urls_key", "key"}
    assert names <= PUBLIC | others


def test_a_section_without_schema_goes_by_names(tmp_path: Path) -> None:
    text = (
        'lua { my_token = "s3cret"; list = [{ password = "s3cret" }]; secrets = ["s3cret"]; }\n'
        'redis { servers = "127.0.0.1"; }\n'
        'multimap { a { type = "from"; map = "https://u:s3cret@example.net/x"; } }\n'
    )
    config = _loaded(tmp_path / "etc", text)
    assert "s3cret" not in emit(to_ucl(effective(config)))
    assert emit(to_ucl(effective(config), show_secrets=True)).count("s3cret") == 4


@pytest.mark.parametrize("name", ["max_tokens", "tokenizer", "subject_privacy", "keyfile", "monk"])
def test_names_that_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)
    assert redact(f"{name} = 5;") == f"{name} = 5;"


def test_a_comment_keeps_its_words() -> None:
    text = "# the key of the domain\nselector = mail;\n"
    assert redact(text) == text
    assert redact("key s3cret;") != "key s3cret;"
    assert parse(redact('a { password "s3cret"; }'))
