"""What Rspamd learns: Bayes, neural networks, clusters; and how it tells languages apart."""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    known_section,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    ANY,
    EXPRESSION,
    LUA,
    MAP_SOURCE,
    QUOTED_TIME,
    STRINGS,
    TABLE,
    each,
    either,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    REDIS_WITHOUT_TIMEOUT,
    Options,
    flag,
    module,
    names,
    part,
)
from filter_engine.config.schema import Schema, declare_known, known

_PAGE: Final = "configuration/statistic"

_TOKENIZER: Final = Schema(
    anchor=_PAGE,
    doc="how words become tokens",
    options=declare_known(
        name=known(STRING, "osb", doc="name of the tokenizer"),
        type=known(STRING, "osb", doc="name of the tokenizer"),
        window=known(INTEGER, 5, unit="words", doc="words in one token at most"),
        hash=known(STRING, "xxhash", doc="hash function of tokens"),
        key=known(STRING, doc="key of the hash function", secret=True),
        algorithm=known(STRING, doc="hash function of tokens"),
        min_len=known(INTEGER, doc="shortest word"),
        options=known(TABLE, doc="further options"),
    ),
)
STATFILE: Final = Schema(
    anchor=_PAGE,
    doc="the tokens of one class",
    options=declare_known(
        **REDIS,
        symbol=known(STRING, doc="symbol of the class"),
        spam=flag(None, "this class is spam"),
        **{"class": known(STRING, doc="name of the class")},
        label=known(STRING, doc="name of the file of tokens"),
        backend=known(STRING, doc="where tokens are kept"),
        path=known(STRING, doc="file of SQLite"),
        size=known(SIZE, unit="bytes", doc="size of a memory-mapped file, no longer used"),
    ),
)

_CLASSIFIER: Final[Options] = declare_known(
    redis=REDIS["redis"],
    class_labels=known(table_of(STRING), doc="short name by class"),
    classes=known(STRINGS, doc="names of the classes"),
    classifier=known(STRING, doc="kind of classifier: bayes"),
    type=known(STRING, "bayes", doc="kind of classifier"),
    lazy=flag(False, "expire only what counts for nothing"),
    hidden=flag(False, "set no symbol"),
    learn_condition=known(either(LUA, STRINGS), doc="whether a mail may be learnt"),
    learn_conditions=known(either(LUA, STRINGS), doc="whether a mail may be learnt"),
    max_users=known(INTEGER, 1000, doc="users with tokens of their own"),
    new_schema=flag(False, "keys in Redis as Rspamd 2 writes them"),
    signatures=flag(False, "store what was learnt under a hash of the mail"),
    store_tokens=flag(False, "store the words themselves"),
    tokenizer=known(known_section(_TOKENIZER, "classifier.tokenizer"), doc="words to tokens"),
    unlearn_condition=known(LUA, doc="whether a mail may be unlearnt"),
    cdb=known(TABLE, doc="files of the cdb backend"),
    url=known(STRING, doc="address of the http backend"),
)

#: ``classifier { ... }`` or ``classifier "bayes" { ... }``.
CLASSIFIER: Final = Schema(
    anchor=_PAGE,
    doc="statistics over words",
    options=_CLASSIFIER,
    rules=Schema(anchor=_PAGE, doc="one classifier", options=_CLASSIFIER),
)
STATISTIC: Final = Schema(
    anchor=_PAGE,
    doc="old name of what classifier holds",
    closed=False,
    options=declare_known(
        classifier=known(TABLE, doc="a classifier"),
        statfile=known(ANY, doc="the tokens of a class"),
    ),
)

BAYES_EXPIRY: Final = part(
    "bayes_expiry",
    "removes old tokens from Redis",
    classifiers=known(ANY, doc="classifiers that are cleaned"),
    cluster_nodes=known(INTEGER, 0, doc="hosts that share the work"),
    threshold=known(NUMBER, doc="how often a token must have been seen, older versions"),
)

_TRAIN: Final = part(
    "neural",
    "how a network is trained",
    max_trains=known(INTEGER, 1000, doc="mails of each class in one training"),
    max_epoch=known(INTEGER, 1000, doc="rounds of older versions"),
    max_usages=known(INTEGER, 10, doc="trainings in which a mail is used"),
    max_iterations=known(INTEGER, 25, doc="rounds of one training"),
    mse=known(NUMBER, 0.001, doc="error at which training ends"),
    autotrain=flag(True, "learn from the own verdict"),
    train_prob=known(NUMBER, 1.0, doc="share of mails that is kept for training"),
    learn_threads=known(INTEGER, 1, doc="threads of a training"),
    learn_mode=known(one_of("balanced", "proportional"), "balanced", doc="how classes are weighed"),
    learn_type=known(STRING, doc="old name of learn_mode"),
    learning_rate=known(NUMBER, 0.01, doc="size of a step"),
    classes_bias=known(NUMBER, 0.0, doc="how far apart classes may be in number"),
    spam_skip_prob=known(NUMBER, 0.0, doc="share of spam passed over (proportional)"),
    ham_skip_prob=known(NUMBER, 0.0, doc="share of ham passed over (proportional)"),
    store_pool_only=flag(False, "keep the vector with the mail, train by hand"),
    store_set_only=flag(False, "store vectors, train elsewhere"),
    spam_score=known(NUMBER, doc="score from which mail is spam"),
    ham_score=known(NUMBER, doc="score up to which mail is ham"),
    max_train_seconds=known(QUOTED_TIME, unit="seconds", doc="longest training"),
    frozen=flag(False, "never train"),
    forced_learn_minimal_scan=flag(False, "learn by hand with few checks"),
    balance_ratio=known(NUMBER, doc="how far apart classes may be in number"),
    min_samples=known(INTEGER, doc="mails before the first training"),
)
_PROVIDER: Final = Schema(
    anchor="modules/neural",
    doc="where features come from",
    closed=False,
    options=declare_known(
        type=known(STRING, doc="symbols, llm or another source"),
        model=known(STRING, doc="model that is asked"),
        url=known(STRING, doc="address of the model"),
        weight=known(NUMBER, doc="weight of the features"),
        api_key=known(STRING, doc="key for the model", secret=True),
        timeout=known(QUOTED_TIME, unit="seconds", doc="how long the model may take"),
    ),
)
_AUTOLEARN_OF_NETWORK: Final = part(
    "neural",
    "which mail a network learns by itself",
    enabled=flag(True, "learn"),
    spam_score=known(NUMBER, doc="score from which mail is learnt as spam"),
    ham_score=known(NUMBER, doc="score up to which mail is learnt as ham"),
    spam_action=known(STRING, doc="action that spam must have"),
    ham_action=known(STRING, doc="action that ham must have"),
    spam_condition=known(EXPRESSION, doc="symbols that spam must have"),
    ham_condition=known(EXPRESSION, doc="symbols that ham must have"),
    spam_symbols=names("symbols that spam must have, all"),
    ham_symbols=names("symbols that ham must have, all"),
    skip_symbols=names("symbols whose mail is not learnt"),
    spam_symbol_weight=known(NUMBER, doc="least sum of the scores of spam_symbols"),
    ham_symbol_weight=known(NUMBER, doc="greatest sum of the scores of ham_symbols"),
    sampling=known(TABLE, doc="shares of mail that are learnt: spam_prob, ham_prob"),
    check_local=flag(False, "also for clients in local_networks"),
    check_authed=flag(False, "also for clients that logged in"),
)
_NETWORK: Final[Options] = declare_known(
    allowed_settings=known(either(STRINGS, BOOLEAN), doc="settings that have own networks"),
    ann_expire=known(QUOTED_TIME, 172_800.0, unit="seconds", doc="how long a network is kept"),
    autolearn=known(known_section(_AUTOLEARN_OF_NETWORK, "neural.autolearn"), doc="which mail"),
    blacklisted_symbols=names("symbols that are no input"),
    disable_symbols_input=flag(False, "take no symbols as input"),
    default=flag(None, "the network for mail without settings"),
    dense_layers=known(ANY, doc="layers of the network"),
    enabled=flag(True, "use the network"),
    flat_threshold_curve=flag(False, "a hit counts fully or not at all"),
    fusion=known(TABLE, doc="how several sources are put together"),
    ham_score_threshold=known(NUMBER, doc="output up to which mail is ham"),
    spam_score_threshold=known(NUMBER, doc="output from which mail is spam"),
    hidden_layer_mult=known(NUMBER, 1.5, doc="size of the hidden layer, in inputs"),
    lock_expire=known(QUOTED_TIME, 600.0, unit="seconds", doc="when a lost training is given up"),
    max_inputs=known(INTEGER, doc="inputs left by principal components"),
    prefix=known(STRING, doc="put before the keys in Redis"),
    profile=known(TABLE, doc="symbols of the network"),
    providers=known(each(_PROVIDER, "neural.providers"), doc="where features come from"),
    roc_enabled=flag(False, "find thresholds by the ROC curve"),
    roc_misclassification_cost=known(NUMBER, 0.5, doc="cost of spam taken for ham"),
    symbol_spam=known(STRING, "NEURAL_SPAM", doc="symbol for spam"),
    symbol_ham=known(STRING, "NEURAL_HAM", doc="symbol for ham"),
    train=known(known_section(_TRAIN, "neural.train"), doc="how the network is trained"),
    use_settings=flag(False, "one network for each settings id"),
    per_user=flag(False, "one network for each user"),
    watch_interval=known(
        QUOTED_TIME, 60.0, unit="seconds", doc="how often new ones are looked for"
    ),
)
NEURAL: Final = module(
    "neural",
    "a neural network over symbols",
    REDIS_WITHOUT_TIMEOUT,
    _NETWORK,
    rules=part("neural", "one network", REDIS_WITHOUT_TIMEOUT, _NETWORK),
    rules_key="rules",
    allow_local=flag(False, "also for clients in local_networks"),
    max_profiles=known(INTEGER, 3, doc="networks kept for a rule"),
    timeout=known(QUOTED_TIME, unit="seconds", doc="how long Redis may take"),
)
NEURAL_AUTOLEARN: Final = module(
    "neural", "which mail neural learns by itself", _AUTOLEARN_OF_NETWORK.options, closed=False
)

_CLUSTER: Final = part(
    "clustering",
    "one kind of cluster",
    source_selector=known(STRING, doc="what mails are grouped by"),
    cluster_selector=known(STRING, doc="what is counted inside a group"),
    symbol=known(STRING, doc="symbol of the rule"),
    prefix=known(STRING, doc="put before the keys in Redis"),
    max_elts=known(INTEGER, 100, doc="elements of a group"),
    expire=known(QUOTED_TIME, 3600.0, unit="seconds", doc="how long a group is kept"),
    expire_overflow=known(QUOTED_TIME, 36_000.0, unit="seconds", doc="the same, of a full group"),
    spam_mult=known(NUMBER, 1.0, doc="weight of spam"),
    junk_mult=known(NUMBER, 0.5, doc="weight of junk"),
    ham_mult=known(NUMBER, -0.1, doc="weight of ham"),
    size_mult=known(NUMBER, 0.01, doc="weight of the group's size"),
    score_mult=known(NUMBER, 0.1, doc="weight of the group's score"),
    allow_local=flag(False, "also for clients in local_networks"),
)
CLUSTERING: Final = module(
    "clustering", "groups of similar mails", REDIS, rules=_CLUSTER, rules_key="rules"
)

LANG_DETECTION: Final = Schema(
    anchor="configuration/lang_detection",
    doc="which language a text is in",
    options=declare_known(
        languages=known(STRING, doc="directory with the languages' data"),
        languages_disable=names("languages that are not looked for"),
        languages_enabled=names("languages that are looked for, no others"),
        min_languages=known(INTEGER, doc="languages that must be loaded"),
        short_text_limit=known(INTEGER, 200, unit="words", doc="up to which a text is short"),
        total_occurrences=known(INTEGER, doc="how often a piece must occur"),
        fasttext_model=known(STRING, doc="file of fastText's model"),
        prefer_fasttext=flag(False, "ask fastText first"),
        ngrams=known(MAP_SOURCE, doc="file of n-grams"),
        heuristic_detector=flag(None, "guess by script first"),
    ),
)
