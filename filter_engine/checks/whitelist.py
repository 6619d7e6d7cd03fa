"""Domains that are trusted, or known to be forged, by SPF, DKIM and DMARC (module whitelist)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.auth.results import DkimCode, DkimResult, DmarcCode, SpfCode
from filter_engine.checks.addresses import envelope_sender, header_senders
from filter_engine.checks.sender_policy import SenderPolicyOptions, is_exempt
from filter_engine.config.kinds import BOOLEAN, NUMBER, STRING, nullable, sections_of
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Option, Section, option
from filter_engine.config.tell import tell
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen, mutable, settled
from filter_engine.maps import Map
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP: Final = "whitelist"
_SIDES: Final = frozenset({"wl", "bl", "both"})


@options_class
class WhitelistRule(Section):
    """``whitelist.rules.SYMBOL``: one list of domains and what must pass."""

    anchor: ClassVar[str] = "modules/whitelist"

    domains: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="domains, each with wl:N, bl:N, both:N or a multiplier; by default the file "
        "local.d/maps.d/NAME.inc.local of the site, if there is one",
    )
    valid_spf: bool = option(BOOLEAN, False, doc="SPF must pass for the envelope's sender")
    valid_dkim: bool = option(BOOLEAN, False, doc="a signature of the domain must verify")
    valid_dmarc: bool = option(BOOLEAN, False, doc="DMARC must pass for From")
    strict: bool = option(BOOLEAN, False, doc="a failure counts against the domain")
    blacklist: bool = option(BOOLEAN, False, doc="the list is one of domains that are forged")
    score: float = option(NUMBER, 0.0, doc="score of the symbol")
    group: str = option(STRING, _GROUP, doc="group of the symbol")
    description: str = option(STRING, "", doc="what people read about the symbol")
    one_shot: bool = option(BOOLEAN, False, doc="count once")
    inverse_symbol: str = option(STRING, "", doc="symbol when the check fails")
    inverse_multiplier: float | None = option(
        nullable(NUMBER), None, doc="weight of that symbol, 1 by default"
    )


def _stock(name: str, score: float, needs: str, inverse: float) -> tuple[WhitelistRule, float]:
    words = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
    wanted = needs.split()
    text = " and ".join(words[word] for word in wanted)
    return WhitelistRule(
        valid_spf="spf" in wanted,
        valid_dkim="dkim" in wanted,
        valid_dmarc="dmarc" in wanted,
        score=score,
        description=f"A trusted domain, confirmed by {text}",
        inverse_symbol=name.replace("WHITELIST", "BLACKLIST"),
    ), inverse


#: Rspamd's own rules with the scores of their inverse symbols; a rule of the same name in a site's
#: configuration takes the place of one.
_STOCK: Final = {
    "WHITELIST_SPF": _stock("WHITELIST_SPF", -1.0, "spf", 1.0),
    "WHITELIST_DKIM": _stock("WHITELIST_DKIM", -1.0, "dkim", 2.0),
    "WHITELIST_SPF_DKIM": _stock("WHITELIST_SPF_DKIM", -3.0, "spf dkim", 3.0),
    "WHITELIST_DMARC": _stock("WHITELIST_DMARC", -7.0, "dmarc", 6.0),
}
_STOCK_GROUPS: Final = {
    "WHITELIST_SPF": (_GROUP, "spf"),
    "WHITELIST_DKIM": (_GROUP, "dkim"),
    "WHITELIST_SPF_DKIM": (_GROUP, "spf", "dkim"),
    "WHITELIST_DMARC": (_GROUP, "dmarc", "spf", "dkim"),
}


@options_class
class WhitelistOptions(SenderPolicyOptions):
    """Lists of domains that are trusted as long as SPF, DKIM or DMARC pass."""

    rules: Mapping[str, WhitelistRule] = option(
        sections_of(WhitelistRule, "whitelist.rules"),
        MappingProxyType({}),
        doc="lists by the symbol they set",
    )
    anchor: ClassVar[str] = "modules/whitelist"
    known: ClassVar[Mapping[str, Option]] = unserved("whitelist")

    def tell(self, binder: Binder) -> None:
        """Lists that can never set their symbol."""
        for name, rule in self.rules.items():
            if not (rule.valid_spf or rule.valid_dkim or rule.valid_dmarc):
                tell(
                    binder,
                    rule.written_at("domains"),
                    "rule-fault",
                    f"whitelist.rules {name!r}: nothing has to pass: it never sets its symbol",
                    "write valid_spf, valid_dkim or valid_dmarc = true",
                )
            if name not in _STOCK and "domains" not in rule.origins:
                tell(
                    binder,
                    rule.written_at("domains"),
                    "rule-fault",
                    f"whitelist.rules {name!r} has no domains but those of the file "
                    f"local.d/maps.d/{_file(name)}.inc.local",
                    'write domains = "/path/of/the/list"',
                )


def _symbols_of(options: WhitelistOptions) -> Iterable[Symbol]:
    for name, rule in options.rules.items():
        group = (rule.group,) if rule.group else (_GROUP,)
        text = rule.description or f"The list {name} of whitelist.rules"
        place = rule.written_at("score")
        yield Symbol(name, rule.score, text, group, rule.one_shot, origin=place)
        if rule.inverse_symbol:
            against = f"A domain of {name} whose mail is not confirmed"
            yield Symbol(
                rule.inverse_symbol, -rule.score, against, group, rule.one_shot, origin=place
            )


def _stock_symbols() -> Iterable[Symbol]:
    for name, (rule, inverse) in _STOCK.items():
        groups = _STOCK_GROUPS[name]
        yield Symbol(name, rule.score, rule.description, groups)
        against = rule.description.replace("confirmed", "but not confirmed")
        yield Symbol(rule.inverse_symbol, inverse, against, groups)


@frozen
class _List:
    symbol: str
    rule: WhitelistRule
    domains: Map


def prepare(options: WhitelistOptions, setup: Setup) -> tuple[_List, ...]:
    """The lists that have domains: the stock ones as far as the site has files, and its own."""
    stock = {name: rule for name, (rule, _) in _STOCK.items()}
    site = setup.config.variables.get("LOCAL_CONFDIR")
    lists: list[_List] = []
    for name, rule in (stock | dict(options.rules)).items():
        where = f"whitelist.rules.{name}.domains"
        domains: MapDefinition | str | None = rule.domains
        if domains is None and site:
            file = Path(site, "local.d", "maps.d", f"{_file(name)}.inc.local")
            domains = str(file) if file.is_file() else None
        if domains is not None:
            lists.append(_List(name, rule, setup.maps.of(domains, MapKind.HASH, where)))
    return tuple(lists)


def _file(symbol: str) -> str:
    """WHITELIST_SPF_DKIM -> spf_dkim_whitelist, as Rspamd calls its maps."""
    name = symbol.lower()
    return f"{name.removeprefix('whitelist_')}_whitelist" if name.startswith("whitelist_") else name


@check(
    "whitelist",
    symbols=tuple(_stock_symbols()),
    options=WhitelistOptions,
    symbols_of=_symbols_of,
    prepare=prepare,
    needs=("spf", "dkim", "dmarc"),
)
async def whitelist(task: Task, ask: Ask) -> list[Finding] | None:
    """Looks up the domains that SPF, DKIM and DMARC vouch for, or fail to vouch for."""
    lists: tuple[_List, ...] = task.state("whitelist") or ()
    if not lists:
        return None
    spf, dkim, dmarc = await ask.all(ask.result("spf"), ask.result("dkim"), ask.result("dmarc"))
    mail = _Mail(
        spf is not None and spf.result is SpfCode.PASS,
        dmarc is not None and dmarc.result is DmarcCode.PASS,
        dkim or DkimResult(),
        is_exempt(task, task.options(WhitelistOptions)),
    )
    return [found for one in lists for found in _judge(one, task, mail)]


@settled
class _Mail:
    spf: bool
    dmarc: bool
    dkim: DkimResult
    own: bool
    """Of the site's own people: no list counts against it."""


@mutable
class _Result:
    """What one list says so far, as Rspamd adds it up."""

    options: list[str]
    evidence: list[str]
    weight: float = 1.0
    trusted: bool = False
    forged: bool = False

    def note(self, domain: str, what: str, entry: _Entry, *, passed: bool) -> None:
        self.options.append(f"{domain}:{what}:{'+' if passed else '-'}")
        self.evidence.append(f"{domain} in {entry.where}")
        if passed:
            self.trusted = True
            if not self.forged:
                self.weight = entry.weight
        else:
            self.forged = True
            self.weight = entry.weight


@settled
class _Entry:
    side: str
    weight: float
    where: str


def _entry(one: _List, domain: str) -> _Entry | None:
    hit = one.domains.find(domain)
    if hit is None:
        return None
    side, colon, text = hit.value.strip().lower().partition(":")
    if not colon or side not in _SIDES:
        side, text = ("bl" if one.rule.blacklist else "wl"), hit.value.strip()
    if one.rule.strict:
        side = "both"
    return _Entry(side, _number(text), hit.where)


def _number(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 1.0


def _judge(one: _List, task: Task, mail: _Mail) -> Iterable[Finding]:
    rule, result = one.rule, _Result([], [])
    no_signature = False
    if rule.valid_dkim:
        no_signature = not _signatures(one, mail.dkim, result)
    if rule.valid_dmarc:
        # of several conditions the last decides whether the domain is trusted, as in Rspamd
        result.trusted = False
        for domain in _from_domains(task):
            if _policy(one, domain, "D", not mail.dmarc or no_signature, result):
                break
    if rule.valid_spf:
        result.trusted = False
        sender = envelope_sender(task)
        name = sender.domain if sender is not None and sender.domain else task.envelope.helo
        if name:
            domain = organisational_domain(name.lower())
            _policy(one, domain, "s", not mail.spf or no_signature, result)
    if result.forged:
        if not (mail.own and (rule.valid_spf or rule.valid_dmarc)):
            yield _finding(one, result, forged=True)
    elif result.trusted:
        yield _finding(one, result, forged=False)


def _signatures(one: _List, dkim: DkimResult, result: _Result) -> bool:
    """Note the signatures of listed domains; whether a trusted one verifies and none fails."""
    good = False
    for passed in (True, False):
        code = DkimCode.PASS if passed else DkimCode.FAIL
        domains = [organisational_domain(s.domain) for s in dkim.signatures if s.result is code]
        for domain in dict.fromkeys(domains):
            entry = _entry(one, domain)
            if entry is None:
                continue
            if entry.side in ("both", "wl" if passed else "bl"):
                result.note(domain, "d", entry, passed=passed)
                good = good or passed
            elif not passed:
                good = False
    return good


def _policy(one: _List, domain: str, what: str, violated: bool, result: _Result) -> bool:
    """Note what SPF or DMARC means for a domain; whether the domain is listed."""
    entry = _entry(one, domain)
    if entry is not None and entry.side in ("both", "bl" if violated else "wl"):
        result.note(domain, what, entry, passed=not violated)
    return entry is not None


def _from_domains(task: Task) -> list[str]:
    senders = header_senders(task)
    if not senders or not senders[0].domain:
        return []
    domain = senders[0].domain.lower()
    return list(dict.fromkeys((organisational_domain(domain), domain)))


def _finding(one: _List, result: _Result, *, forged: bool) -> Finding:
    rule, weight, symbol = one.rule, result.weight, one.symbol
    if forged:
        if rule.inverse_symbol:
            symbol = rule.inverse_symbol
        elif not rule.blacklist:
            weight = -weight
        weight *= 1.0 if rule.inverse_multiplier is None else rule.inverse_multiplier
    return Finding(symbol, tuple(result.options), weight, "; ".join(result.evidence))
