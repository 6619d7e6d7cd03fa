"""Rspamd's own WebUI (Debian's package) against this controller: every tab in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.support.wait import WebDriverWait
from support.ports import free_port
from unit.workers.engine import COMMAND, MESSAGE, SPAM, Engine, until

from browser import PATIENCE, Browser
from redis_server import RedisServer

FILES = Path("/usr/share/rspamd/www")
READ, CHANGE = "only-for-reading", "also-for-changing"
WORDS = (
    b"The committee meets on Thursday in the small library to discuss the budget of the summer "
    b"school; please bring the figures of last year and tell me whether the projector works.\r\n"
)
OFFER = (
    b"Our warehouse offers cheap replica watches for every gentleman who desires to impress his "
    b"colleagues without spending a fortune; order before midnight and receive a second one free "
    b"of charge together with a handsome leather strap, shipped discreetly to any country.\r\n"
) * 2

pytestmark = pytest.mark.skipif(
    not (FILES / "index.html").exists(), reason="Debian's package rspamd is not installed"
)


@pytest.fixture(scope="module")
def rspamds(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter that serves Rspamd's pages."""
    directory = tmp_path_factory.mktemp("rspamds")
    (directory / "db").mkdir()
    (directory / "friends.map").write_text("carol@friends.example\n")
    storage = free_port()
    running = Engine(
        directory / "e",
        {
            "redis.conf": f'servers = "{redis.name}"; timeout = 20s; db = 3;',
            "worker-fuzzy.inc": (
                f'count = 1; bind_socket = "127.0.0.1:{storage}"; backend = "sqlite";'
                ' allow_update = ["127.0.0.1"];'
            ),
            "fuzzy_check.conf": (
                f'rule "local" {{ servers = "127.0.0.1:{storage}"; algorithm = "mumhash";'
                " timeout = 5s; fuzzy_map { FUZZY_DENIED { flag = 11; max_score = 5; } } }"
            ),
            "greylist.conf": "enabled = false;",
            "multimap.conf": f'FRIENDS {{ type = "from"; map = "{directory}/friends.map"; }}',
        },
    )
    running.command = (*COMMAND, f"--var=DBDIR={directory / 'db'}")
    running.write(
        "worker-controller.inc",
        f'bind_socket = "127.0.0.1:{running.controller}"; secure_ip = [];\n'
        f'password = "{READ}"; enable_password = "{CHANGE}"; static_dir = "{FILES}";',
    )
    try:
        running.start()
        for mail in (MESSAGE, SPAM):
            running.scan(mail)
        yield running
    finally:
        running.close()


class Pages:
    """Rspamd's pages, logged in."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def run(self, script: str) -> object:
        """What a script on the page returns."""
        return self._browser.driver.execute_script(script)

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Until something holds."""
        WebDriverWait(self._browser.driver, PATIENCE, ignored_exceptions=(Exception,)).until(
            lambda _: holds(), f"{what}:\n{self._browser.text()[:1500]}"
        )

    def tab(self, name: str) -> None:
        """Click a tab until it is there: the page heeds no click while it waits for a reply."""

        def shown() -> bool:
            self.click(f"#{name}_nav")
            self.settle()
            found = self._browser.all(f"#{name}.active")
            return bool(found) and found[0].is_displayed()

        self.wait(shown, f"tab {name}")

    def settle(self) -> None:
        """Wait until no request is under way and what came of the last has been drawn.

        Tables are drawn in many small steps, and one that is taken away meanwhile is an error of
        Rspamd's page. Sixty steps of ours in turn with theirs outlast them on any machine.
        """
        self._browser.driver.set_script_timeout(PATIENCE)
        self._browser.driver.execute_async_script(
            "const done = arguments[0]; let left = 60;"
            "(function step() {"
            " if ($.active) left = 60;"
            " if (left-- > 0) setTimeout(step, 5); else done();"
            "})();"
        )

    def click(self, css: str) -> None:
        """Click an element by script: its page moves while it loads."""
        self.settle()
        self._browser.driver.execute_script("arguments[0].click();", self._browser.one(css))

    def see(self, text: str, where: str) -> None:
        """Wait for a text."""
        self._browser.see(text, where)

    def fill(self, css: str, text: str) -> None:
        """Put a text into a field, as typing would end."""
        script = (
            "arguments[0].value = arguments[1];"
            "for (const name of ['input', 'change', 'keyup'])"
            " arguments[0].dispatchEvent(new Event(name, {bubbles: true}));"
        )
        self._browser.driver.execute_script(script, self._browser.one(css), text)

    def picture(self, name: str) -> None:
        """Keep a screenshot."""
        self._browser.picture(f"rspamd-{name}")


@pytest.fixture(scope="module")
def pages(chromium: Browser, rspamds: Engine) -> Pages:
    """Logged in with the password for changing things; dialogs are answered with yes."""
    chromium.open(f"http://127.0.0.1:{rspamds.controller}/")
    chromium.complaints()  # of the page before, whose server may be gone
    made = Pages(chromium)
    made.wait(lambda: chromium.one("#connectPassword").is_displayed(), "the dialog")
    made.fill("#connectPassword", "wrong")
    made.click("#connectButton")
    made.see("Request failed", "body")
    made.fill("#connectPassword", CHANGE)
    made.click("#connectButton")
    made.wait(lambda: chromium.one("#navBar").is_displayed(), "the pages after the login")
    made.run("window.confirm = () => true;")
    return made


def test_status(pages: Pages) -> None:
    pages.tab("status")
    pages.see("Scanned", "#statWidgets")
    pages.see("no action", "#chart")
    pages.picture("status")


def test_throughput(pages: Pages, chromium: Browser) -> None:
    pages.tab("throughput")
    pages.wait(lambda: chromium.all("#graph svg path"), "a graph")
    for span in ("week", "month", "year", "day"):
        pages.fill("#selData", span)
    pages.picture("throughput")


def test_configuration_thresholds(pages: Pages, chromium: Browser, rspamds: Engine) -> None:
    pages.tab("configuration")
    pages.wait(lambda: len(chromium.all("#actionsFormField input")) == 4, "four thresholds")
    fields = chromium.all("#actionsFormField input")
    chromium.driver.execute_script("arguments[0].value = 13.5;", fields[3])
    pages.click("#saveActionsBtn")

    def reject() -> float | None:
        body = rspamds.http(rspamds.controller, "/actions", headers={"Password": READ})[2]
        return 13.5 if b'{"action":"reject","value":13.5}' in body else None

    until(reject, "the threshold that was saved")
    pages.picture("configuration")


def test_configuration_map(pages: Pages, rspamds: Engine) -> None:
    pages.tab("configuration")
    pages.see("friends.map", "#listMaps")
    # In one step: the tab has asked for its list, and puts it in place of this one.
    pages.wait(
        lambda: pages.run(
            "const found = [...document.querySelectorAll('#listMaps .map-link')]"
            ".find((each) => each.textContent.includes('friends'));"
            "found?.click(); return Boolean(found);"
        ),
        "the map",
    )
    pages.see("carol@friends.example", "#modalBody")
    pages.picture("map")
    pages.run("document.querySelector('#editor').innerText = 'dora@friends.example\\n';")
    pages.click("#modalSave")
    file = rspamds.directory.parent / "friends.map"
    until(lambda: "dora@friends.example" in file.read_text(), "the map that was saved")


def test_symbols(pages: Pages, chromium: Browser, rspamds: Engine) -> None:
    pages.tab("symbols")
    pages.wait(lambda: chromium.all("#symbolsTable [id^=_sym_]"), "scores")
    name = str(pages.run("return document.querySelector('#symbolsTable [id^=_sym_]').id;"))
    pages.run(f"document.getElementById('{name}').value = '1.5';")
    pages.click("#symbolsTable button[data-save]")
    wanted = f'"symbol":"{name.removeprefix("_sym_")}","weight":1.5'.encode()
    until(
        lambda: (
            wanted in rspamds.http(rspamds.controller, "/symbols", headers={"Password": READ})[2]
        ),
        "the score that was saved",
    )
    pages.picture("symbols")


def test_scan_and_learn(pages: Pages, chromium: Browser) -> None:
    pages.tab("scan")
    pages.fill("#scanMsgSource", (SPAM + WORDS).decode())
    pages.wait(lambda: chromium.one("[data-upload=scan]").is_enabled(), "the button")
    pages.click("[data-upload=scan]")
    pages.see("GTUBE", "#historyTable_scan")
    pages.picture("scan")
    for kind in ("ham", "spam"):
        mail = MESSAGE.replace(b"<1@", f"<{kind}@".encode()) + WORDS
        pages.fill("#scanMsgSource", mail.decode())
        pages.click(f"[data-upload={kind}]")
        pages.see("Data successfully uploaded", ".notification-area")


def test_upload_fuzzy(pages: Pages, chromium: Browser, rspamds: Engine) -> None:
    pages.tab("scan")
    mail = MESSAGE + OFFER
    pages.fill("#scanMsgSource", mail.decode())
    pages.fill("#fuzzyFlagText", "11")
    pages.fill("#fuzzyWeightText", "7")
    pages.wait(lambda: chromium.one("[data-upload=fuzzy]").is_enabled(), "the button")
    pages.click("[data-upload=fuzzy]")

    def known() -> bool:
        return "FUZZY_DENIED" in rspamds.scan(mail.replace(b"<1@", b"<again@"))["symbols"]

    until(known, "the hash that was taught")
    pages.see("Data successfully uploaded", ".notification-area")
    pages.picture("fuzzy")


def test_selectors(pages: Pages, chromium: Browser) -> None:
    pages.tab("selectors")
    pages.see("helo", "#selectorsTable-extractors")
    pages.fill("#selectorsMsgArea", MESSAGE.decode())
    pages.fill("#selectorsSelArea", "from('mime'):addr")
    pages.wait(lambda: chromium.all("#selectorsSelArea.is-valid"), "the selector is right")
    pages.click("#selectorsChkMsgBtn")
    area = chromium.one("#selectorsResArea")
    pages.wait(lambda: area.get_attribute("value") == "alice@client.example", "what it gives")
    pages.picture("selectors")


def test_history_and_errors(pages: Pages) -> None:
    pages.tab("history")
    pages.see("reject", "#historyTable_history")
    pages.see("alice@client.example", "#historyTable_history")
    pages.picture("history")
    pages.click("#updateErrors")
    pages.click("#resetHistory")
    pages.wait(
        lambda: "reject" not in str(pages.run("return $('#historyTable_history').text();")),
        "an empty history",
    )


def test_nothing_failed_on_the_way(pages: Pages, chromium: Browser) -> None:
    """Every request of every tab was answered; the one 401 is the password that was wrong."""
    failed = [
        line
        for line in chromium.complaints()
        # Rspamd's page takes a table away that is still drawn: its own fault, now and then.
        if "status of 401" not in line and "FooTable: unhandled error" not in line
    ]
    assert not failed, "\n".join(failed)
