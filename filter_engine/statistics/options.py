"""The options of a classifier: ``classifier "bayes" { ... }``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    merged_object,
    nullable,
    one_of,
    section,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import RedisConfig, module_options
from filter_engine.config.rspamd import unserved, unserved_rule
from filter_engine.config.schema import (
    REST,
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    bind,
    declare_known,
    known,
    option,
)
from filter_engine.config.tables import table_of
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

_PAGE: Final = "configuration/statistic"
_TABLE: Final = table_of(STRING)


@options_class
class AutolearnOptions(Section):
    """When mail is learnt by the filter's own verdict; without thresholds, never."""

    spam_threshold: float | None = option(
        NUMBER, None, doc="score from which rejected mail is learnt as spam"
    )
    junk_threshold: float | None = option(
        NUMBER, None, doc="score from which other junk is learnt as spam"
    )
    ham_threshold: float | None = option(
        NUMBER, None, doc="score up to which mail is learnt as ham"
    )
    learn_verdict: bool = option(
        BOOLEAN, False, doc="learn by the verdict alone: junk and spam as spam, ham as ham"
    )
    check_balance: bool = option(BOOLEAN, False, doc="keep spam and ham about equal in number")
    min_balance: float = option(NUMBER, 0.9, doc="how far apart the numbers may be")
    by_score: bool = option(BOOLEAN, False, doc="go by the score alone, not by the verdict")
    anchor: ClassVar[str] = _PAGE
    known: ClassVar[Mapping[str, Option]] = declare_known(
        check_local=known(BOOLEAN, False, doc="also for clients in local_networks"),
        check_authed=known(BOOLEAN, False, doc="also for clients that logged in"),
        require_queue_id=known(BOOLEAN, False, doc="only mail that the MTA gave a queue id"),
        classes=known(_TABLE, doc="thresholds by class"),
        max_class_ratio=known(NUMBER, doc="largest share of one class"),
        skip_threshold=known(NUMBER, doc="certainty from which nothing is learnt"),
        enabled=known(BOOLEAN, True, doc="learn"),
    )


def _autolearn(nodes: list[UclNode], binder: Binder) -> AutolearnOptions | None:
    """A section; ``[ham, spam]`` scores; true (rejected mail is spam, below zero is ham)."""
    first = nodes[0]
    if isinstance(first, UclObject):
        return bind(AutolearnOptions, merged_object(nodes), binder, "classifier.autolearn")
    if isinstance(first, UclArray):
        scores = sorted(NUMBER.convert([node], binder) for node in first.items)
        if len(scores) != 2:
            raise MisfitError(f"expected two scores, found {len(scores)}", "write [ham, spam]")
        return AutolearnOptions(ham_threshold=scores[0], spam_threshold=scores[1], by_score=True)
    if isinstance(first, UclScalar) and isinstance(first.value, str) and "return" in first.value:
        raise MisfitError("Lua is not run here", "write a section, or [ham, spam]")
    if not BOOLEAN.convert(nodes, binder):
        return None
    return AutolearnOptions(by_score=True)


@options_class
class StatfileOptions(Section):
    """One class of mail."""

    symbol: str = option(STRING, "", doc="symbol of the class")
    spam: bool | None = option(
        nullable(BOOLEAN), None, doc="this class is spam; default: by the symbol's name"
    )
    anchor: ClassVar[str] = _PAGE
    known: ClassVar[Mapping[str, Option]] = declare_known(
        **module_options(),
        redis=known(_TABLE, doc="the options of Redis, in a section of their own"),
        **{"class": known(STRING, doc="name of the class")},
        label=known(STRING, doc="name of the file of tokens"),
        backend=known(STRING, doc="where tokens are kept"),
        path=known(STRING, doc="file of SQLite"),
        size=known(SIZE, unit="bytes", doc="size of a memory-mapped file, no longer used"),
    )

    @property
    def is_spam(self) -> bool:
        """Whether this is the class of spam."""
        return "SPAM" in self.symbol.upper() if self.spam is None else self.spam


def _statfiles(nodes: list[UclNode], binder: Binder) -> tuple[StatfileOptions, ...]:
    """Sections, an array of them, or sections by their symbol."""
    found: list[StatfileOptions] = []
    flat = [i for n in nodes for i in (n.items if isinstance(n, UclArray) else [n])]
    for node in flat:
        one = merged_object([node])
        values = [value for entries in one.entries.values() for value in entries]
        if values and all(isinstance(value, UclObject) for value in values):
            for symbol in one:
                inner = bind(
                    StatfileOptions, merged_object(one.all(symbol)), binder, "classifier.statfile"
                )
                spam = inner.spam
                found.append(StatfileOptions(symbol=inner.symbol or symbol, spam=spam))
        else:
            found.append(bind(StatfileOptions, one, binder, "classifier.statfile"))
    return tuple(found)


@options_class
class CacheOptions(Section):
    """What was learnt already."""

    key_prefix: str = option(
        STRING, "learned_ids", doc="key of the store", aliases=("cache_prefix", "cache_key")
    )
    anchor: ClassVar[str] = _PAGE
    known: ClassVar[Mapping[str, Option]] = declare_known(
        **{key: made for key, made in module_options().items() if key != "prefix"},
        redis=known(_TABLE, doc="the options of Redis, in a section of their own"),
        type=known(one_of("redis", "sqlite3"), doc="where it is kept"),
        backend=known(one_of("redis", "sqlite3"), doc="where it is kept"),
        path=known(STRING, doc="file of SQLite"),
        cache_max_elt=known(INTEGER, 10_000, doc="entries kept"),
        cache_max_keys=known(INTEGER, 5, doc="keys kept"),
        cache_elt_len=known(INTEGER, 32, unit="characters", doc="kept of an id"),
        cache_per_user=known(BOOLEAN, doc="one cache for each user"),
    )


@options_class
class ClassifierOptions(RedisConfig):
    """Statistics over words. Servers may be its own, as in ``redis { }``."""

    name: str = option(STRING, "bayes", doc="name of the classifier")
    backend: str = option(
        one_of("", "redis", "sqlite", "sqlite3"),
        "",
        doc="where tokens are kept; default: Redis where there is one, else SQLite",
    )
    path: str = option(STRING, "", doc="file of SQLite; default: store.sqlite in DBDIR")
    allow_learn: bool = option(BOOLEAN, True, doc="learn at all; false: read only")
    autolearn: AutolearnOptions | None = option(
        Kind("section, two scores or boolean", _autolearn, inner=AutolearnOptions),
        None,
        doc="learn by the filter's own verdict",
    )
    min_learns: int = option(
        INTEGER, 200, doc="mails of each class that must be learnt before any is judged"
    )
    min_tokens: int = option(INTEGER, 11, unit="tokens", doc="shorter mails are passed over")
    max_tokens: int = option(INTEGER, 0, unit="tokens", doc="longer mails are passed over; 0: none")
    min_token_hits: int = option(INTEGER, 2, doc="how often a token must have been seen")
    min_prob_strength: float = option(
        NUMBER, 0.05, doc="distance from 0.5 from which a token counts"
    )
    expire: float = option(
        TIME,
        0.0,
        unit="seconds",
        doc="how long tokens are kept after they were last learnt; 0: for ever",
        aliases=("expiry",),
    )
    per_user: bool = option(
        BOOLEAN,
        False,
        doc="each recipient has tokens of their own",
    )
    users_enabled: bool = option(BOOLEAN, False, doc="the same as per_user")
    per_language: bool = option(
        BOOLEAN, False, doc="mail of each language but English has tokens of its own"
    )
    languages_enabled: bool = option(BOOLEAN, False, doc="the same as per_language")
    label: str = option(STRING, "", doc="stands after RS in every key")
    statfile: tuple[StatfileOptions, ...] = option(
        Kind("sections", _statfiles, multiple=True),
        (
            StatfileOptions(symbol="BAYES_HAM", spam=False),
            StatfileOptions(symbol="BAYES_SPAM", spam=True),
        ),
        doc="the classes",
    )
    cache: CacheOptions = option(
        section(CacheOptions, "classifier.cache"), CacheOptions(), doc="what was learnt already"
    )
    enabled: bool = option(BOOLEAN, True, doc="false switches the classifier off")
    anchor: ClassVar[str] = _PAGE
    known: ClassVar[Mapping[str, Option]] = unserved_rule("classifier")

    @property
    def has_users(self) -> bool:
        """Each recipient has tokens of their own."""
        return self.per_user or self.users_enabled

    @property
    def has_languages(self) -> bool:
        """Mail of each language has tokens of its own."""
        return self.per_language or self.languages_enabled

    @property
    def symbols(self) -> tuple[str, str]:
        """The symbols of spam and ham; empty for one that is missing."""
        spam = next((s.symbol for s in self.statfile if s.is_spam), "")
        ham = next((s.symbol for s in self.statfile if not s.is_spam), "")
        return spam, ham


def _classifiers(nodes: list[UclNode], binder: Binder) -> Mapping[str, ClassifierOptions]:
    """Every section by its name; several of one name are several if they say other ``name``s."""
    found: dict[str, ClassifierOptions] = {}
    for key, values in merged_object(nodes).entries.items():
        sections = [i for n in values for i in (n.items if isinstance(n, UclArray) else [n])]
        groups: dict[str, list[UclNode]] = {}
        for node in sections:
            said = merged_object([node]).get("name")
            text = said.value if isinstance(said, UclScalar) else None
            groups.setdefault(str(text or ""), []).append(node)
        for name, group in groups.items():
            bound = bind(ClassifierOptions, merged_object(group), binder, f"classifier {key!r}")
            found[name if name and len(groups) > 1 else key] = bound
    return MappingProxyType(found)


@options_class
class ClassifiersOptions(ClassifierOptions):
    """All classifiers: ``classifier "NAME" { ... }``, or one without a name."""

    classifiers: Mapping[str, ClassifierOptions] = option(
        Kind("named sections", _classifiers, multiple=True, inner=ClassifierOptions, named=True),
        MappingProxyType({"bayes": ClassifierOptions()}),
        key=REST,
        doc="statistics over words",
    )
    known: ClassVar[Mapping[str, Option]] = unserved("classifier")

    @property
    def every(self) -> tuple[ClassifierOptions, ...]:
        """The one without a name where there is one, else those with names."""
        if self.origins.keys() - {"classifiers", "enabled"}:
            return (self,)
        return tuple(self.classifiers.values())
