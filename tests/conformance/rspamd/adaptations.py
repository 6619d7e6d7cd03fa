"""What is changed in the suites' configurations before the engine reads them, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A replacement in one file of ``test/functional``."""

    file: str
    pattern: str
    replacement: str
    reason: str


EDITS = (
    Edit(
        "configs/merged-local.conf",
        r"(?ms)^regexp \{.*?^\}\n",
        "",
        "its only rule reads a selector that a Lua script of the suite defines",
    ),
    Edit(
        "configs/fuzzy.conf",
        r"(?m)^ +symbol \{\n.*\n.*\n +\}\n",
        "",
        "symbols by a name inside their section are not read, and the data do not hold the names",
    ),
    Edit(
        "configs/fuzzy.conf",
        r"\A",
        "greylist { enabled = false; }\n",
        "with Redis it is on here, in the suites it is no module that they load",
    ),
    Edit(
        "configs/hfilter.conf",
        r"(?m)^  helo_enabled = true;\n",
        "  helo_enabled = true;\n  helo_must_be_client = true;\n",
        "Rspamd 3.4 asks only for addresses of HELO, and so does this engine by default; later "
        "Rspamd compares them with the client's",
    ),
    Edit(
        "configs/stats.conf",
        r"(?m)^\tbackend = ",
        "\tservers = {= env.REDIS_SERVER =};\n\tmin_learns = 1;\n\tbackend = ",
        "servers stand in the classifier here, not in each of its files; min_learns is 200 unless "
        "it is written, as in Rspamd's stock files, while its program has none",
    ),
    Edit(
        "configs/stats.conf",
        r"(?ms)per_user = <<EOD\n.*?^EOD;",
        "per_user = true;",
        "the Lua function gives the recipient, as true does",
    ),
    *(
        Edit(
            f"configs/{name}.conf",
            r'(?m)^worker "rspamd_proxy" \{$',
            'worker "rspamd_proxy" {\n    milter = no;',
            "the proxy speaks milter here unless it is told not to; Rspamd's speaks HTTP",
        )
        for name in ("proxy", "file_shm_proxy")
    ),
    Edit(
        "configs/merged-override.conf",
        r"(?m)^rbl \{\n",
        'rbl {\n  url_whitelist = "/nonexistent";\n',
        "the stock whitelist holds example.org; Rspamd reads that fallback only after the URL "
        "beside it has failed, which is later than the tests",
    ),
)


@dataclass(frozen=True)
class Second:
    """Another engine that a suite starts: the one its proxy asks, which is sent the requests."""

    config: str
    #: Rules of its site by the name of their file: what the suite's Lua script does there.
    rules: dict[str, str]


SECOND = {
    "140_proxy": Second(
        "configs/lua_test.conf",
        {
            "simple.py": (
                "from filter_engine.rules import Finding, Symbol, Task, check\n\n"
                '@check("simple", symbols=[Symbol("SIMPLE_TEST", 1.0, "set always", ())])\n'
                "def simple(task: Task) -> list[Finding]:\n"
                '    return [Finding("SIMPLE_TEST")]\n'
            )
        },
    ),
}


_REPLIES = "{symbols_enabled = [REPLIES_CHECK, REPLIES_SET, REPLY]}"


def _step(message: str, **headers: str) -> tuple[str, dict[str, str]]:
    return message, {"IP": "8.8.8.8", "Settings": _REPLIES, **headers}


_OUT = {"User": "user@emailbl.com"}

#: Case -> what the suite sends before it without expecting anything, which the data do not hold.
BEFORE: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "Reply to 1 sender 1 recipients#2": (_step("set_replyto_1_1.eml", **_OUT),),
    "Reply to 1 sender 2 recipients but SMTP recipient matches#2": (
        _step("set_replyto_1_2_first.eml", **_OUT),
    ),
    "Reply to 1 sender 2 recipients but SMTP recipient NOT matches#2": (
        _step("set_replyto_1_2_first.eml", **_OUT),
    ),
    # with a clamd that finds something, see FOUND_BEFORE
    "CLAMAV CACHE HIT#1": (("freemail.eml", {"Settings": "{symbols_enabled = [CLAM_VIRUS]}"}),),
    "INCOMING MAIL SENDER IS KNOWN RECIPIENTS ARE UNKNOWN#3": (
        _step("set_replyto_1_1.eml", User="xxx@abrakadabra.com", From="xxx@abrakadabra.com"),
        _step("replyto_1_1.eml", Rcpt="xxx@abrakadabra.com", From="user@emailbl.com"),
    ),
    "INCOMING MAIL SENDER IS KNOWN RECIPIENTS ARE KNOWN#4": (
        _step("set_replyto_1_1.eml", **_OUT, From="user@emailbl.com"),
        _step("replyto_1_1.eml", **_OUT, Rcpt="user@emailbl.com"),
        _step("inc_mail_known_sender.eml", **_OUT, Rcpt="user@emailbl.com"),
    ),
}

#: Case -> the keys of Redis that have to be there after a scan with a clamd that finds something.
FOUND_BEFORE: dict[str, str] = {"CLAMAV CACHE HIT#1": "rs_clam_*"}
