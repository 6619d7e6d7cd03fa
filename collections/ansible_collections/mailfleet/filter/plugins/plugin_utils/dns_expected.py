"""Computes the records a site's mail needs in DNS, each with the reason it exists.

Plain data in and out, no Ansible: the one place that says which records these are. Role dns_records
writes them as JSON, which `filter-engine dns` shows and compares with what the world answers.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    txt_strings,
    zone_text,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.dns_site import (
    Data,
    Dmarc,
    DnsSite,
    DnsSiteError,
    MailHost,
    MtaSts,
    Policy,
    Spf,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.tlsa import (
    CertificateError,
    tlsa_value,
)

FORMAT = 1
"""The version of the JSON; a reader refuses another."""
_VERSION = re.compile(r"v=[A-Za-z0-9]+(?=[ ;]|\Z)")
_GIVEN = {"name", "type", "ttl", "value", "reason", "domain"}


@dataclass(frozen=True)
class Record:
    """One record: name without final dot; a TXT value is the plain text, however long."""

    name: str
    type: str
    ttl: int
    value: str
    reason: str
    domain: str
    """The mail domain or host that it serves."""

    @property
    def rivals(self) -> str | None:
        """Which records of the same name and type cannot stand beside it.

        Empty: none may but the expected ones; a text: those that begin with it; None: any may.
        """
        if self.type != "TXT" or self.name.startswith("_") or "._" in self.name:
            return ""
        version = _VERSION.match(self.value)
        return version[0].lower() if version else None

    def as_dict(self) -> dict[str, Any]:
        """As the document has it."""
        return {**asdict(self), "rivals": self.rivals}


def expected(site: DnsSite) -> dict[str, Any]:
    """Return the document of a site: `format`, `records`, and `policies` of MTA-STS by domain.

    Raises `DnsSiteError`, also when two records contradict one another.
    """
    records = list(_unique(_records(site)))
    places = {place: at for at, place in enumerate(dict.fromkeys(one.domain for one in records))}
    records.sort(key=lambda record: places[record.domain])
    return {
        "format": FORMAT,
        "domains": list(site.domains),
        "resolvers": list(site.resolvers),
        "records": [record.as_dict() for record in records],
        "mta_sts": {
            domain: mta_sts_policy(policy.mta_sts, site.exchangers)
            for domain, policy in site.policies.items()
            if policy.mta_sts.mode
        },
    }


def _records(site: DnsSite) -> Iterator[Record]:
    for host in site.hosts:
        yield from _host_records(site, host)
    for domain in site.domains:
        yield from _domain_records(site, domain, site.policies[domain])
    yield from _report_permissions(site)
    yield from _tlsa_records(site)
    for kind, given in (("keys", site.keys), ("further", site.further)):
        for one in given:
            yield _given(site, one, kind)


def _host_records(site: DnsSite, host: MailHost) -> Iterator[Record]:
    for address in host.addresses:
        kind = "AAAA" if ":" in address else "A"
        yield Record(host.fqdn, kind, site.ttl, address, f"address of the {host.role}", host.fqdn)
    for address in host.addresses:
        yield Record(
            ipaddress.ip_address(address).reverse_pointer,
            "PTR",
            site.ttl,
            f"{host.fqdn}.",
            "receivers refuse mail from an address without a name, or whose name leads elsewhere",
            host.fqdn,
        )
    # A host named like a mail domain has that domain's record.
    if host.addresses and host.fqdn not in site.domains:
        yield Record(
            host.fqdn,
            "TXT",
            site.ttl,
            "v=spf1 a -all",
            "SPF of the name it says in HELO, checked for bounces (RFC 7208, 2.3)",
            host.fqdn,
        )


def _domain_records(site: DnsSite, domain: str, policy: Policy) -> Iterator[Record]:
    def record(name: str, kind: str, value: str, reason: str) -> Record:
        return Record(name, kind, site.ttl, value, reason, domain)

    for host in site.exchangers:
        value = f"{site.preference} {host.fqdn}."
        yield record(domain, "MX", value, f"{host.fqdn} takes the mail of {domain}")
    if policy.spf.ending:
        yield record(
            domain,
            "TXT",
            spf_value(policy.spf, site.hosts),
            f"SPF: the hosts that send mail of {domain} (RFC 7208)",
        )
    if policy.dmarc.policy:
        yield record(
            f"_dmarc.{domain}",
            "TXT",
            dmarc_value(policy.dmarc),
            f"DMARC: what becomes of mail that only claims to be from {domain} (RFC 7489)",
        )
    if policy.mta_sts.mode:
        text = mta_sts_policy(policy.mta_sts, site.exchangers)
        yield record(
            f"_mta-sts.{domain}",
            "TXT",
            f"v=STSv1; id={mta_sts_id(text)}",
            "MTA-STS: there is a policy, and when it changed (RFC 8461, 3.1)",
        )
        if policy.mta_sts.host:
            yield record(
                f"mta-sts.{domain}",
                "CNAME",
                f"{policy.mta_sts.host}.",
                "MTA-STS: where the policy is served over HTTPS (RFC 8461, 3.3)",
            )
    if policy.tls_rpt:
        yield record(
            f"_smtp._tls.{domain}",
            "TXT",
            f"v=TLSRPTv1; rua={','.join(policy.tls_rpt)}",
            "TLSRPT: where senders report that TLS to the exchangers failed (RFC 8460)",
        )


def spf_value(spf: Spf, hosts: Iterable[MailHost]) -> str:
    """Return the SPF record: addresses ask nothing of DNS, so they come first (RFC 7208, 4.6.4)."""
    addresses = [address for host in hosts for address in host.addresses] + list(spf.addresses)
    terms = [f"ip{6 if ':' in address else 4}:{address}" for address in dict.fromkeys(addresses)]
    terms += [f"include:{name}" for name in spf.includes]
    return " ".join(["v=spf1", *terms, spf.ending])


def dmarc_value(dmarc: Dmarc) -> str:
    """Return the DMARC record; what equals RFC 7489's default is left out."""
    tags = [("v", "DMARC1"), ("p", dmarc.policy)]
    if dmarc.subdomain_policy:
        tags.append(("sp", dmarc.subdomain_policy))
    if dmarc.adkim != "r":
        tags.append(("adkim", dmarc.adkim))
    if dmarc.aspf != "r":
        tags.append(("aspf", dmarc.aspf))
    if dmarc.percent != 100:
        tags.append(("pct", str(dmarc.percent)))
    for tag, addresses in (("rua", dmarc.rua), ("ruf", dmarc.ruf)):
        if addresses:
            tags.append((tag, ",".join(addresses)))
    return "; ".join(f"{tag}={value}" for tag, value in tags)


def mta_sts_policy(sts: MtaSts, exchangers: Iterable[MailHost]) -> str:
    """Return the text served at https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461, 3.2)."""
    lines = ["version: STSv1", f"mode: {sts.mode}"]
    lines += [f"mx: {host.fqdn}" for host in exchangers]
    lines.append(f"max_age: {sts.max_age}")
    return "".join(f"{line}\r\n" for line in lines)


def mta_sts_id(policy: str) -> str:
    """Return an id that changes with the policy's text: 32 letters and digits (RFC 8461, 3.1)."""
    return hashlib.sha256(policy.encode()).hexdigest()[:32]


def _report_permissions(site: DnsSite) -> Iterator[Record]:
    """A domain of the site that takes another's DMARC reports says so (RFC 7489, 7.1)."""
    for domain, policy in site.policies.items():
        dmarc = policy.dmarc
        if not dmarc.policy:
            continue
        for uri in (*dmarc.rua, *dmarc.ruf):
            receiver = uri.rpartition("@")[2].lower()
            if receiver in site.domains and receiver != domain:
                yield Record(
                    f"{domain}._report._dmarc.{receiver}",
                    "TXT",
                    site.ttl,
                    "v=DMARC1",
                    f"{receiver} agrees to take the DMARC reports of {domain} (RFC 7489, 7.1)",
                    domain,
                )


def _tlsa_records(site: DnsSite) -> Iterator[Record]:
    for host in site.exchangers if site.tlsa_ports else ():
        pem = site.certificates.get(host.fqdn)
        if not pem:
            continue
        try:
            value = tlsa_value(pem)
        except CertificateError as error:
            raise DnsSiteError(f"certificates: {host.fqdn}: {error}") from error
        for port in site.tlsa_ports:
            yield Record(
                f"_{port}._tcp.{host.fqdn}",
                "TLSA",
                site.ttl,
                value,
                "DANE: the key that the server proves itself with (RFC 7672); needs a signed zone",
                host.fqdn,
            )


def _given(site: DnsSite, data: Data, where: str) -> Record:
    """A record made elsewhere: name, type and value, the rest as the site has it.

    Those of keys tell more (selector, state), which nobody here needs.
    """
    if where != "keys" and (unknown := set(data) - _GIVEN):
        raise DnsSiteError(f"{where}: unknown key {sorted(unknown)[0]!r}; known: {sorted(_GIVEN)}")
    for key in ("name", "type", "value"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise DnsSiteError(f"{where}: a record needs {key}: {dict(data)!r:.200}")
    name = data["name"].rstrip(".").lower()
    domain = next((one for one in site.domains if f".{name}".endswith(f".{one}")), name)
    return Record(
        name,
        data["type"].upper(),
        int(site.ttl if data.get("ttl") is None else data["ttl"]),
        data["value"],
        _key_reason(data) if where == "keys" else str(data.get("reason") or "given by the site"),
        str(data.get("domain") or domain),
    )


def _key_reason(data: Data) -> str:
    """Why a key's record exists, without its state: that changes when the record does not."""
    if "state" not in data:
        return str(data.get("reason") or "public key that signatures are checked with (RFC 6376)")
    kind = "seals" if data.get("use") == "arc" else "signatures"
    what = f"{data.get('algorithm', '')} key {data.get('selector', '')}".strip()
    if data["state"] == "revoked":
        return f"{what} is revoked: {kind} made with it count no more (RFC 6376, 3.6.1)"
    return f"{what}, which {kind} are checked with (RFC 6376, 3.6)"


def _unique(records: Iterable[Record]) -> Iterator[Record]:
    """Records once each; raises `DnsSiteError` where two cannot stand beside one another."""
    seen: dict[tuple[str, str, str], Record] = {}
    ttls: dict[tuple[str, str], int] = {}
    spf: dict[str, str] = {}
    for record in records:
        if record.type == "TXT":
            try:
                txt_strings(record.value)
            except ValueError as error:
                raise DnsSiteError(f"{record.name} TXT: {error}") from error
            is_spf = record.value.lower().split(" ")[0] == "v=spf1"
            if is_spf and spf.setdefault(record.name, record.value) != record.value:
                raise DnsSiteError(f"{record.name} would have two SPF records (RFC 7208, 3.2)")
        key = (record.name, record.type, record.value)
        if key in seen:
            continue
        if ttls.setdefault(key[:2], record.ttl) != record.ttl:
            raise DnsSiteError(
                f"{record.name} {record.type}: two lifetimes in one set (RFC 2181, 5.2); give one"
            )
        seen[key] = record
        yield record


def zone_fragment(document: Data) -> str:
    """Return the records of a document in master file format (RFC 1035, section 5)."""
    lines: list[str] = []
    place = ""
    for record in document["records"]:
        if record["domain"] != place:
            place = record["domain"]
            lines.append(f"\n; {place}" if lines else f"; {place}")
        value = record["value"]
        if record["type"] == "TXT":
            value = zone_text(txt_strings(value))
        lines.append(f"; {record['reason']}")
        lines.append(f"{record['name']}. {record['ttl']} IN {record['type']} {value}")
    return "".join(f"{line}\n" for line in lines)
