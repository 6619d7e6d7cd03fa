"""The role's variables agree with the engine's options in type and default.

``OPTION_OF`` is the one place that says which variable becomes which option.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.reference import OptionReference, SectionReference, find, sections
from filter_engine.headers.sections import sections as declared_sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.ucl import parse

from .interface import ROLES, read

ROLE = read(ROLES / "filter_engine")

#: Variable -> option that takes its value as it is.
OPTION_OF = {
    "filter_engine_actions": "actions",
    "filter_engine_antivirus": "antivirus",
    "filter_engine_bayes": "classifier",
    "filter_engine_controller_enable_password": "worker.controller.enable_password",
    "filter_engine_controller_password": "worker.controller.password",
    "filter_engine_dkim_path": "dkim_signing.path",
    "filter_engine_destiny": "destiny",
    "filter_engine_dmarc_actions": "dmarc.actions",
    "filter_engine_dmarc_reporting": "dmarc.reporting",
    "filter_engine_fuzzy_allow_update": "worker.fuzzy.allow_update",
    "filter_engine_fuzzy_read_only": "fuzzy_check.rule.NAME.read_only",
    "filter_engine_fuzzy_redis": "worker.fuzzy",
    "filter_engine_header_rcpts": "milter_headers.extended_headers_rcpt",
    "filter_engine_headers": "milter_headers.use",
    "filter_engine_headers_min_score": "milter_headers.min_score",
    "filter_engine_hfilter_hostname_unknown_score": "symbols.NAME.score",
    "filter_engine_history_prefix": "history_redis.key_prefix",
    "filter_engine_local_networks": "options.local_networks",
    "filter_engine_log_level": "logging.level",
    "filter_engine_max_message": "options.max_message",
    "filter_engine_nameservers": "options.dns.nameserver",
    "filter_engine_neighbours": "options.neighbours",
    "filter_engine_pidfile": "options.pidfile",
    "filter_engine_privacy": "privacy.authenticated",
    "filter_engine_redis": "redis",
    "filter_engine_scan_upstreams_line": "worker.rspamd_proxy.upstream.NAME.hosts",
    "filter_engine_secure_ip": "worker.controller.secure_ip",
    "filter_engine_shared_scores": "dynamic_conf",
    "filter_engine_soft_reject_on_timeout": "options.soft_reject_on_timeout",
    "filter_engine_task_timeout": "options.task_timeout",
    "filter_engine_tempdir": "options.tempdir",
    "filter_engine_trusted_proxies": "worker.controller.trusted_ips",
}

#: Variables that are no option themselves: about the host, the wheels, or what others follow from.
NO_OPTION = {
    "filter_engine_antivirus_fail_action": "a rule of force_actions",
    "filter_engine_arc_domains": "the domains of arc, with their keys",
    "filter_engine_check_authenticated": "a rule in settings.conf",
    "filter_engine_dkim_domains": "the domains of dkim_signing, with their keys",
    "filter_engine_dkim_selectors": "the domains of dkim_signing, with their keys",
    "filter_engine_dmarc_report_calendar": "a timer",
    "filter_engine_drop_directories": "the unit that learns",
    "filter_engine_extra_files": "whole files",
    "filter_engine_fuzzy_rule": "the rule of fuzzy_check that the role names",
    "filter_engine_greylisting": "whether a module runs",
    "filter_engine_hfilter": "whether a module runs",
    "filter_engine_limit_nofile": "the unit",
    "filter_engine_lint_ignore": "configtest",
    "filter_engine_listen_addresses": "bind_socket of several workers",
    "filter_engine_local_d": "whole files",
    "filter_engine_log_target": "several options of logging",
    "filter_engine_memory_max": "the unit",
    "filter_engine_modules_disabled": "whether modules run",
    "filter_engine_modules_enabled": "whether modules run",
    "filter_engine_override_d": "whole files",
    "filter_engine_profile": "defaults of other variables",
    "filter_engine_releases_keep": "the wheels",
    "filter_engine_scan_upstreams": "whether there is more than one",
    "filter_engine_secret_files": "diffs",
    "filter_engine_stand_ins": "whether there is more than one",
    "filter_engine_start_after": "the unit",
    "filter_engine_strict": "configtest",
    "filter_engine_syslog_level": "filter_engine_log_level, as a number",
    "filter_engine_tasks_max": "the unit",
    "filter_engine_version": "the wheels",
    "filter_engine_wheelhouse": "the wheels",
}

#: Where the role's default is another than the engine's: why.
OTHER_DEFAULT = {
    "filter_engine_dkim_path": "below the engine's own state directory",
    "filter_engine_max_message": "fits Postfix' message_size_limit and the unit's memory",
    "filter_engine_secure_ip": "the two addresses, where the engine says the whole of 127.0.0.0/8",
    "filter_engine_shared_scores": "dynamic_conf",
    "filter_engine_soft_reject_on_timeout": "a message that cannot be judged in time comes again",
}

#: Type of option, as its kind is named -> types of variables that can hold it.
TYPES = {
    "boolean": {"bool"},
    "integer": {"int"},
    "number": {"float", "int"},
    "time": {"str"},  # with its unit
    "size": {"str", "int"},
    "string": {"str", "path"},
    "list of string": {"str", "list"},
    "list of words": {"str", "list"},
    "list of password hash": {"str"},
    "map": {"str", "list", "dict"},
    "list of routines": {"str", "list"},
    "addresses": {"str", "list"},
    "addresses of resolvers": {"str", "list"},
    "upstreams": {"str", "list"},
    "sockets": {"str", "list"},
    "named sections": {"dict"},
    "section": {"dict"},
}


def _reference() -> list[SectionReference]:
    checks.load()
    return sections(declared_sections(REGISTRY))


def _is_section(name: str) -> bool:
    """Whether a dotted name is a section, whose content the variable holds whole."""
    for section in _reference():
        kind, _, rest = section.name.partition(" ")
        prefix = f"{kind}.{rest.strip(chr(34))}" if rest else kind
        paths = [f"{prefix}.{made.path}" for made in (*section.options, *section.unserved)]
        if any(path.startswith(f"{name}.") for path in paths):
            return True
    return False


def _option(name: str) -> OptionReference | None:
    checks.load()
    return find(name, declared_sections(REGISTRY))


def test_every_variable_is_accounted_for() -> None:
    assert ROLE.options.keys() == OPTION_OF.keys() | NO_OPTION.keys()
    assert not OPTION_OF.keys() & NO_OPTION.keys()
    assert OTHER_DEFAULT.keys() <= OPTION_OF.keys()


@pytest.mark.parametrize(("variable", "name"), OPTION_OF.items(), ids=list(OPTION_OF))
def test_a_variable_has_the_type_of_its_option(variable: str, name: str) -> None:
    found = _option(name)
    spec = ROLE.options[variable]
    if found is None:
        assert _is_section(name), f"the engine has neither an option nor a section {name}"
        assert spec["type"] == "dict"
        return
    kind = found.type.removesuffix(" or null").split(" >= ")[0]
    if "|" in kind:
        assert spec["type"] == "str"
        choices = set(spec.get("choices") or ())
        assert choices
        assert choices <= set(kind.split("|"))
        return
    assert spec.get("type", "str") in TYPES[kind]
    assert bool(spec.get("no_log")) == found.option.secret


#: Defaults that are values: an empty one means that the role writes nothing.
STATED = {
    variable: ROLE.defaults[variable]
    for variable in OPTION_OF
    if ROLE.defaults[variable] not in ("", {}, []) and "{{" not in str(ROLE.defaults[variable])
}


@pytest.mark.parametrize(("variable", "value"), STATED.items(), ids=list(STATED))
def test_a_default_that_both_state_is_the_same(variable: str, value: Any) -> None:
    found = _option(OPTION_OF[variable])
    assert found is not None
    # times and sizes have no quotes, else JSON is UCL
    text = value if found.type in ("time", "size") else json.dumps(value)
    node = parse(f"k = {text}", "defaults/main.yml")
    read = found.option.kind.convert(node.all("k"), Collector(Layers({})))
    if variable in OTHER_DEFAULT:
        assert read != found.option.default, "it is the same"
    else:
        assert read == found.option.default
