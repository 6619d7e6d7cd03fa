"""Options of Rspamd 3.4 that are checked and have no effect here, of what remembers; and why."""

from __future__ import annotations

_LUA = "Lua is not run"
_SCHEMA = "tokens are those of version 2 always, whatever is written here"

#: Section -> options -> why. ``docs/options.md`` lists all; those of other parts say it there.
OPTIONS: dict[str, dict[str, str]] = {
    "classifier": {
        "learn_condition unlearn_condition": f"{_LUA}; of a mail whose class is certain (95 %) "
        "nothing is learnt, as by Rspamd's own condition",
        "new_schema tokenizer": _SCHEMA,
        "store_tokens signatures": "what they store beside the tokens is never asked for, and the "
        "first holds the words of mails",
        "hidden": "a classifier that sets no symbol: give its symbols the score 0",
    },
    "bayes_expiry": {
        "cluster_nodes": "each host walks through all tokens, and finds done what others did",
    },
    "fuzzy_check": {
        "learn_condition": f"{_LUA}; lists that `learn` take what the classifiers take",
        "headers": "Rspamd 3.4 reads them and makes no hash of them",
        "policy": "Rspamd 3.4 has one set of defaults, which is the one here",
    },
    "worker fuzzy": {
        "sync updates_maxfail dedicated_update_worker": "a change is kept when the reply comes",
    },
    "greylist": {"message_func": f"{_LUA}; write `message`"},
    "ratelimit": {
        "message_func custom_keywords": f"{_LUA}; selectors name further things to count",
        "prefilter": "limits are asked before other checks always: it costs no round trip",
    },
    "replies": {
        "cookie cookie_key cookie_is_pattern cookie_valid_time": "signed Message-IDs, which need "
        "a program that signs them; what went out is known by its Message-ID",
    },
    "dynamic_conf": {"priority": "`override.d` wins over what is shared, which wins over the rest"},
    "redis": {
        "redis_version": "nothing goes by it: scripts need Redis 6",
        "sentinel_masters_pattern": f"{_LUA}, nor its patterns; `sentinel_master_name` names one",
        "sentinel_master_maxerrors": "Sentinels are asked at the first error",
    },
}
