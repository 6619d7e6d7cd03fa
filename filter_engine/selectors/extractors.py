"""Extractors: what a selector begins with. Names and meaning are Rspamd's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.lazy_dataclass import frozen
from filter_engine.message.address import Address
from filter_engine.message.header import HeaderField
from filter_engine.message.received import Received
from filter_engine.message.tags import smtp_address, without_tags
from filter_engine.message.url import Url
from filter_engine.selectors.digest import ENCODINGS, HASHES, digest_of
from filter_engine.selectors.items import FIELDS, Element, FoundSymbol, Value
from filter_engine.selectors.parser import Argument
from filter_engine.selectors.urls import url_choice

if TYPE_CHECKING:
    from filter_engine.maps.map import Map
    from filter_engine.scan.task import Task

Extract: TypeAlias = "Callable[[Task], Value]"
Build: TypeAlias = "Callable[[Sequence[Argument], Mapping[str, Map]], Extract]"
"""Makes an extractor of its arguments; raises ``ValueError`` for those that do not fit."""


@frozen
class Extractor:
    """One extractor as the documentation lists it."""

    build: Build
    doc: str
    gives: type | None = None
    """The type of its things, which says what fields may follow; None: texts."""
    needs: tuple[str, ...] = ()
    """Checks whose results it reads."""
    late: bool = False
    """Reads symbols, which other checks set first."""


def _plain(read: Callable[[Task], Value]) -> Build:
    def build(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
        if arguments:
            raise ValueError("it takes no arguments")
        return read

    return build


def _words(arguments: Sequence[Argument], most: int, least: int = 0) -> list[str]:
    words = [argument for argument in arguments if isinstance(argument, str)]
    if len(words) != len(arguments) or not least <= len(words) <= most:
        number = str(most) if least == most else f"{least} to {most}"
        raise ValueError(f"it takes {number} texts")
    return words


def _one_of(word: str, choices: Sequence[str]) -> str:
    if word not in choices:
        raise ValueError(f"{word!r} is not one of {', '.join(choices)}")
    return word


def _id(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    words = _words(arguments, 1)
    text = words[0] if words else ""
    return lambda _task: text


def _list(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    words: list[Element] = list(_words(arguments, 100))
    return lambda _task: list(words)


def _listed(items: Sequence[Element]) -> Value:
    return list(items) or None


def _smtp_from(task: Task) -> Address | None:
    text = task.envelope.mail_from
    return without_tags(smtp_address(text))[0] if text else None


def _mime_from(task: Task) -> Address | None:
    senders = task.message.from_addresses
    return without_tags(senders[0])[0] if senders and senders[0].domain else None


def _from(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    match _scope(arguments):
        case "smtp":
            return _smtp_from
        case "mime":
            return _mime_from
    return lambda task: _smtp_from(task) or _mime_from(task)


def _smtp_rcpts(task: Task) -> Value:
    return _listed([without_tags(smtp_address(text))[0] for text in task.envelope.rcpt_to])


def _mime_rcpts(task: Task) -> Value:
    return _listed([without_tags(rcpt)[0] for rcpt in task.message.recipients if rcpt.domain])


def _rcpts(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    match _scope(arguments):
        case "smtp":
            return _smtp_rcpts
        case "mime":
            return _mime_rcpts
    return lambda task: _smtp_rcpts(task) or _mime_rcpts(task)


def _scope(arguments: Sequence[Argument]) -> str:
    """smtp, mime or any; ``orig``, which some rules add, changes nothing here."""
    flat: list[Argument] = []
    for argument in arguments:
        flat.extend(argument if isinstance(argument, list) else [argument])
    words = [word.lower() for word in _words(flat, 2) if word != "orig"]
    return _one_of(words[0], ("smtp", "mime", "any")) if words else "any"


def _to(task: Task) -> Value:
    if task.envelope.deliver_to:
        return task.envelope.deliver_to
    found = _smtp_rcpts(task) or _mime_rcpts(task)
    first = found[0] if isinstance(found, list) else None
    return first.email if isinstance(first, Address) else None


def _digests(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    words = _words(arguments, 2)
    encoding = _one_of(words[0], ENCODINGS) if words else "hex"
    name = _one_of(words[1], HASHES) if len(words) > 1 else "blake2"
    return lambda task: _listed(
        [
            digest_of(part.content, encoding, name)
            for part in task.message.parts
            if part.is_attachment
        ]
    )


def _files(task: Task) -> Value:
    return _listed([part.filename for part in task.message.parts if part.filename])


def _header(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    words = _words(arguments, 2, 1)
    name, how = words[0], words[1] if len(words) > 1 else ""
    if how and not ("full" in how or "strong" in how):
        raise ValueError("the second argument is 'full', 'strong' or both")
    strong = "strong" in how

    def fields(task: Task) -> list[HeaderField]:
        found = task.message.get_all(name)
        return [field for field in found if not strong or field.name == name]

    if "full" in how:
        return lambda task: _listed(fields(task))

    def first(task: Task) -> Value:
        found = fields(task)
        return found[0] if found else None

    return first


def _received(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    return _things(arguments, Received, lambda task: task.message.received)


def _urls(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    return _things(arguments, Url, lambda task: task.message.urls)


def _things(
    arguments: Sequence[Argument], kind: type, read: Callable[[Task], Sequence[Element]]
) -> Extract:
    """All things of a kind, or one field of each."""
    words = _words(arguments, 1)
    if not words:
        return lambda task: _listed(read(task))
    field = FIELDS[kind].get(words[0])
    if field is None:
        raise ValueError(f"no field {words[0]!r}; known: {', '.join(FIELDS[kind])}")
    return lambda task: _listed([text for item in read(task) if (text := field(item)) is not None])


def _specific_urls(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    choose = url_choice(arguments[0] if arguments else {})
    return lambda task: _listed(choose(task.message.urls))


def _specific_urls_in_map(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> Extract:
    if not arguments or not isinstance(arguments[0], str):
        raise ValueError("its first argument is the name of a map")
    entries = maps.get(arguments[0])
    if entries is None:
        raise ValueError(f"no map {arguments[0]!r}; known: {', '.join(maps) or 'none'}")
    choose = url_choice(arguments[1] if len(arguments) > 1 else {})
    return lambda task: _listed(
        choose([url for url in task.message.urls if url.host in entries or url.esld in entries])
    )


def _urls_filtered(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    wanted, unwanted = ([*arguments, [], []])[:2]
    options: dict[str, Argument] = {"limit": "100000"}
    if wanted:
        options["flags"] = wanted
    if unwanted:
        options["exclude_flags"] = unwanted
    choose = url_choice(options)
    return lambda task: _listed(choose(task.message.urls))


def _emails(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    return _things(arguments, Address, lambda task: task.message.emails)


_POOL: Final = {"asn": ("asn", "asn"), "country": ("asn", "country"), "ipnet": ("asn", "ipnet")}
"""Variable -> check whose value has it, and the attribute there."""


def variable(task: Task, name: str) -> str | None:
    """What Rspamd's modules keep under a name: ``asn``, ``country``, ``ipnet``."""
    check, attribute = _POOL.get(name, ("", ""))
    found = getattr(task.results.get(check), attribute, None)
    return found if isinstance(found, str) and found else None


def _pool_var(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    name = _one_of(_words(arguments, 2, 1)[0], tuple(_POOL))
    return lambda task: variable(task, name)


def _request_header(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    name = _words(arguments, 1, 1)[0]
    return lambda task: task.envelope.request_header(name)


def _time(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    words = _words(arguments, 2)
    what = _one_of(words[0], ("message", "connect")) if words else "message"
    form = words[1] if len(words) > 1 else ""

    def read(task: Task) -> Value:
        seconds = task.now
        if what == "message":
            date = task.message.date
            if date is None:
                return None
            seconds = date.timestamp()
        if not form:
            return f"{seconds:.0f}"
        try:
            return time.strftime(form.removeprefix("!"), time.gmtime(seconds))
        except (ValueError, OverflowError, OSError):
            return None

    return read


def _symbol(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Extract:
    name = _words(arguments, 1, 1)[0]

    def read(task: Task) -> Value:
        found = [finding for finding in task.findings if finding.symbol == name]
        options = tuple(option for finding in found for option in finding.options)
        return FoundSymbol(name, options, found[0].weight) if found else None

    return read


def _languages(task: Task) -> Value:
    from filter_engine.message.language import languages_of  # tables that few sites need

    return _listed(languages_of(task.message))


EXTRACTORS: Final[Mapping[str, Extractor]] = {
    "id": Extractor(_id, "its argument"),
    "list": Extractor(_list, "its arguments"),
    "ip": Extractor(_plain(lambda t: t.ip), "address of the client", IPv4Address),
    "from": Extractor(_from, "sender: `from('smtp')`, `from('mime')`, or the first known", Address),
    "rcpts": Extractor(_rcpts, "recipients: `rcpts('smtp')`, `rcpts('mime')`", Address),
    "to": Extractor(_plain(_to), "principal recipient"),
    "user": Extractor(_plain(lambda t: t.envelope.user), "login of the client"),
    "helo": Extractor(_plain(lambda t: t.envelope.helo), "what the client called itself"),
    "hostname": Extractor(_plain(lambda t: t.envelope.hostname), "verified name of the client"),
    "queueid": Extractor(_plain(lambda t: t.envelope.queue_id), "queue id of the MTA"),
    "messageid": Extractor(_plain(lambda t: t.message.message_id), "Message-ID"),
    "header": Extractor(
        _header,
        "a header: `header('Subject')`, all of the name with `'full'`, case of the name with "
        "`'strong'`",
        HeaderField,
    ),
    "received": Extractor(_received, "Received headers, or one field of each", Received),
    "urls": Extractor(_urls, "URLs, or one field of each: `urls('get_tld')`", Url),
    "specific_urls": Extractor(
        _specific_urls,
        "the most telling URLs: `specific_urls({limit = 10, esld_limit = 2})`",
        Url,
    ),
    "specific_urls_filter_map": Extractor(
        _specific_urls_in_map, "as `specific_urls`, of hosts in a map: its name comes first", Url
    ),
    "urls_filtered": Extractor(
        _urls_filtered, "URLs with any of the first flags and none of the second", Url
    ),
    "emails": Extractor(_emails, "addresses in the text, or one field of each", Address),
    "files": Extractor(_plain(_files), "file names of parts"),
    "attachments": Extractor(
        _digests, "digests of attachments: encoding (hex, base32, rbase32, base64), hash"
    ),
    "asn": Extractor(
        _plain(lambda t: variable(t, "asn")), "network number of the client", needs=("asn",)
    ),
    "country": Extractor(
        _plain(lambda t: variable(t, "country")), "country of the client", needs=("asn",)
    ),
    "pool_var": Extractor(_pool_var, "asn, country or ipnet", needs=("asn",)),
    "languages": Extractor(_plain(_languages), "languages of the texts: `en`, `de`"),
    "request_header": Extractor(_request_header, "a header of the scan request"),
    "time": Extractor(
        _time, "seconds of the `message` (its Date) or of `connect`; a format of strftime, in UTC"
    ),
    "symbol": Extractor(_symbol, "a symbol that was set before", FoundSymbol, late=True),
}
NOT_SERVED: Final = frozenset(
    "digest words uid task_cache scan_result metatokens".split()  # noqa: SIM905
)
"""Extractors of Rspamd's that this engine does not have."""
