"""Section ``beanstalk``: headers and copies of messages as rules of metadata_exporter."""

from __future__ import annotations

from typing import NamedTuple

from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site

PORT = 11300
FILE = "metadata_exporter.conf"


class Copy(NamedTuple):
    """One list of servers, and what they get."""

    rule: str
    flag: str
    formatter: str
    selector: str


#: Directive with the servers -> what they get once its flag says yes.
COPIES = {
    "servers": Copy("RMILTER_HEADERS", "send_beanstalk_headers", "headers", "default"),
    "copy_server": Copy("RMILTER_COPY", "send_beanstalk_copy", "default", "default"),
    "spam_server": Copy("RMILTER_SPAM", "send_beanstalk_spam", "default", "is_spam"),
}


def servers(site: Site, setting: Setting) -> None:
    """The rule of a list of servers, where its flag is set."""
    found = values.servers(setting)
    copy = COPIES[setting.name]
    flag = site.said.get(("beanstalk", copy.flag))
    if flag is None or not values.flag(flag):
        site.note(setting, f"nothing is sent there: {copy.flag} is not yes")
        return
    if not found:
        return
    if len(found) > 1:
        site.note(setting, "only the first server is used")
    rule: dict[str, Plain] = {
        "backend": "beanstalk",
        "host": found[0].host,
        "port": found[0].port or PORT,
        "formatter": copy.formatter,
        "selector": copy.selector,
    }
    for key, value in rule.items():
        site.put(FILE, "rules", copy.rule, key, value)


def flag(site: Site, setting: Setting) -> None:
    """A flag without servers sends nothing."""
    directive = next(name for name, copy in COPIES.items() if copy.flag == setting.name)
    if values.flag(setting) and not site.has("beanstalk", directive):
        site.lost(setting, f"there is no {directive} to send to")


def complete(site: Site) -> None:
    """What holds for all servers, or for one of them."""
    tree = site.files.get(FILE, {}).get("rules")
    rules = tree if isinstance(tree, dict) else {}
    for name, key, only, read in (
        ("connect_timeout", "timeout", "", lambda s: values.in_seconds(values.seconds(s))),
        ("lifetime", "ttr", "", lambda s: values.in_seconds(float(values.number(s)))),
        ("id_regexp", "id_regexp", "RMILTER_HEADERS", values.string),
        ("copy_probability", "probability", "RMILTER_COPY", values.fraction),
    ):
        setting = site.said.get(("beanstalk", name))
        if setting is None:
            continue
        value = read(setting)
        found = [rule for rule in rules if only in ("", rule)]
        for rule in found:
            site.put(FILE, "rules", rule, key, value)
        if not found:
            site.note(setting, "nothing is sent that it would count for")
        elif name == "connect_timeout":
            site.note(setting, "the time for a whole notice here, not for connecting alone")
        elif name == "lifetime":
            site.note(setting, "the time that a job's worker has: the queue drops nothing by age")


def read(_site: Site, setting: Setting) -> None:
    """What ``complete`` makes use of; a value that does not fit is an error there."""
    del setting
