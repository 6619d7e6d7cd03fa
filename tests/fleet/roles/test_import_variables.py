"""Every variable that an importer sets is one of a role's."""

from __future__ import annotations

from pathlib import Path

import yaml

from filter_engine.importers.amavis import import_amavis
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.importers.role_variables import to_variables

REPOSITORY = Path(__file__).parents[3]
#: Sets all that the importer of docker-postfix-amavis can set.
ENVIRON = {
    "MAIL_DOMAIN": "example.com",
    "MAIL_BOXES": "info@example.com",
    "MAIL_ALIASES": "root:info",
    "SMTPD_SASL_CLIENTAUTH": "client1:{plain}passwd1",
    "VIRTUAL_TRANSPORT": "lmtp:app:2003",
    "SMTP_RELAY_HOSTAUTH": "[example.relay.com]:587",
    "SMTP_TLS_SECURITY_LEVEL": "encrypt",
    "SMTPD_TLS_CERT_FILE": "/etc/ssl/cert.pem",
    "SMTPD_TLS_KEY_FILE": "/etc/ssl/key.pem",
    "DKIM_KEYBITS": "2048",
    "DOVECOT_MAIL_LOCATION": "maildir:~/Maildir",
    "MYNETWORKS": "127.0.0.0/8",
    "FINAL_VIRUS_DESTINY": "D_REJECT",
}


def options() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for path in sorted(REPOSITORY.glob("roles/*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            found.update(entry["options"])
    return found


def test_each_variable_is_a_roles() -> None:
    amavis = to_variables(import_amavis(ENVIRON, "env"))
    rmilter = to_variables(import_rmilter("spamd { spamd_temp_fail = yes; };", "rmilter.conf"))
    set_ = {**amavis.variables, **amavis.secrets, **rmilter.variables}
    assert len(amavis.variables) > 10
    assert sorted(set_.keys() - options().keys()) == []


def test_each_value_has_the_type_that_the_role_wants() -> None:
    types = {"str": str, "path": str, "int": int, "list": (list, tuple), "dict": dict}
    known = options()
    amavis = to_variables(import_amavis(ENVIRON, "env"))
    for name, value in {**amavis.variables, **amavis.secrets}.items():
        assert isinstance(value, types[str(known[name]["type"])]), name
        choices = known[name].get("choices")
        assert not isinstance(choices, list) or value in choices, name
