"""Every page of the WebUI in a real browser, against a real filter."""

from __future__ import annotations

import socket
import time

import orjson
import pytest
from unit.workers.engine import MESSAGE, SPAM, Engine

from browser import Browser

from .conftest import CHANGE, READ, log_in

PAGES = {
    "status": "Throughput",
    "history": "of 3",
    "scan": "Mail with its headers",
    "symbols": "BAYES_SPAM",
    "actions": "reject",
    "maps": "friends.map",
    "learn": "This is spam",
    "errors": "Errors",
    "configuration": "options.dns.timeout",
    "fleet": "ready",
}


def go(browser: Browser, page: str) -> None:
    """Show another page; the one before is gone then, and so are its texts."""
    browser.driver.execute_script("location.hash = arguments[0]", page)
    browser.one(f'nav a[aria-current][data-page="{page}"]')


@pytest.mark.parametrize(("page", "text"), PAGES.items())
def test_a_page_shows_itself_without_a_complaint(browser: Browser, page: str, text: str) -> None:
    go(browser, page)
    browser.see(text)
    assert browser.one("nav a[aria-current]").get_attribute("data-page") == page
    browser.picture(page)
    assert not browser.complaints()
    assert "owned" not in browser.driver.title


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone_and_the_dark(browser: Browser, page: str) -> None:
    browser.driver.set_window_size(390, 844)
    try:
        browser.driver.execute_script("document.documentElement.dataset.theme = 'dark'")
        go(browser, page)
        browser.see(PAGES[page])
        browser.picture(f"{page}-phone-dark")
        wide = browser.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{page} scrolls sideways by {wide} pixels"
    finally:
        browser.driver.set_window_size(1280, 900)


def test_the_fleet_page_names_upstreams_that_are_away(browser: Browser, engine: Engine) -> None:
    for _ in range(3):  # nobody answers at the resolver's address; an explanation is no history
        headers = {"Password": READ, "IP": "203.0.113.5"}
        assert engine.http(engine.controller, "/explain", MESSAGE, headers)[0] == 200
    go(browser, "fleet")
    browser.see("dns: 127.0.0.1:9")
    browser.see("away")


def test_a_wrong_password_says_so_and_shows_nothing(chromium: Browser, engine: Engine) -> None:
    chromium.open(f"http://127.0.0.1:{engine.controller}/")
    chromium.driver.execute_script("sessionStorage.clear();")
    chromium.driver.refresh()
    log_in(chromium, "not-this-one")
    chromium.see("That is not the password.")
    assert "Scanned" not in chromium.text()
    chromium.complaints()


def test_who_may_only_look_cannot_change(chromium: Browser, engine: Engine) -> None:
    chromium.open(f"http://127.0.0.1:{engine.controller}/")
    chromium.driver.execute_script("sessionStorage.clear();")
    chromium.driver.refresh()
    log_in(chromium, READ)
    chromium.see("Scanned")
    go(chromium, "actions")
    assert chromium.one("#limit-greylist").get_property("disabled")
    assert all(field.get_property("disabled") for field in chromium.all("main input"))
    go(chromium, "learn")
    chromium.see("This password may only read.")
    go(chromium, "errors")
    chromium.see("Enable password is required")


def test_the_header_names_the_host(browser: Browser) -> None:
    assert browser.one("#host").text == socket.gethostname()


def test_the_history_finds_and_says_why(browser: Browser) -> None:
    go(browser, "history")
    browser.see("of 3")
    browser.fill("#kind", "reject")
    browser.see("1 of 3")
    browser.press("Why?")
    browser.see("By today's scores")
    browser.see("GTUBE")
    browser.picture("history-why")


def test_what_a_subject_says_is_shown_and_not_obeyed(browser: Browser) -> None:
    go(browser, "history")
    browser.see("<img src=x onerror=document.title='owned'>")
    assert not browser.all("main img")


def test_a_mail_is_tested_and_explained(browser: Browser) -> None:
    go(browser, "scan")
    browser.fill("#mail", SPAM.decode())
    browser.driver.execute_script("document.querySelector('details').open = true")
    browser.fill("#field-IP", "203.0.113.5")
    browser.press("Scan")
    browser.see("GTUBE")
    browser.see("Thresholds")
    browser.see("built in")
    browser.picture("scan-explained")
    go(browser, "history")
    browser.see("of 3")  # a test is no verdict on real mail


def test_a_score_is_saved_and_says_who_says_it(browser: Browser, engine: Engine) -> None:
    go(browser, "symbols")
    browser.see("BAYES_SPAM")
    browser.fill("#words", "MISSING_SUBJECT")
    browser.see("1 of")
    browser.fill("main td input", "3.25")
    browser.see("MISSING_SUBJECT now has 3.25", "#told")
    until(lambda: weight(engine, "MISSING_SUBJECT") == 3.25)


def test_thresholds_out_of_order_are_not_sent(browser: Browser, engine: Engine) -> None:
    go(browser, "actions")
    browser.see("reject")
    browser.fill("#limit-greylist", "99")
    browser.press("Save")
    browser.see("a stronger action needs the higher threshold", "#told")
    said = {row["action"]: row["value"] for row in ask(engine, "actions")}
    assert said["greylist"] == 4.0


def test_a_map_is_changed(browser: Browser, engine: Engine) -> None:
    go(browser, "maps")
    browser.see("friends.map")
    index = next(
        i for i, row in enumerate(browser.all("main tbody tr")) if "friends.map" in row.text
    )
    browser.all("main tbody tr")[index].find_element("css selector", "button").click()
    browser.fill("#map", "carol@friends.example\ndave@friends.example\n")
    browser.press("Save")
    browser.see("Saved.", "#told")
    until(lambda: "dave" in (engine.local_d / "friends.map").read_text())


def test_mail_is_learnt(browser: Browser) -> None:
    words = " ".join(f"word{n} cheap watches offer number {n}" for n in range(40))
    go(browser, "learn")
    browser.fill("#mail", MESSAGE.decode().replace("How are you?", words))
    browser.press("This is spam")
    browser.see("learnt")
    browser.press("This is spam")
    browser.see("known already")
    browser.fill("#mail", "Subject: short\n\nhi\n")
    browser.press("This is spam")
    browser.see("not learnt:")


def test_the_configuration_hides_secrets(browser: Browser) -> None:
    go(browser, "configuration")
    browser.see("options.dns.timeout")
    browser.fill("#words", "password")
    browser.see("worker.controller.enable_password")
    assert CHANGE not in browser.driver.page_source
    assert READ not in browser.driver.page_source


def test_the_keyboard_alone_reaches_the_pages(browser: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    go(browser, "status")
    browser.see("Throughput")
    browser.one("body").send_keys(Keys.TAB)
    link = browser.one('nav a[data-page="symbols"]')
    browser.driver.execute_script("arguments[0].focus()", link)
    link.send_keys(Keys.ENTER)
    browser.see("BAYES_SPAM")
    assert browser.driver.switch_to.active_element.tag_name == "h1"


def test_the_first_page_loads_little_and_only_from_here(browser: Browser, engine: Engine) -> None:
    """A handful of small files, all of this controller: nothing else to wait for."""
    browser.driver.refresh()
    browser.see("Scanned")
    loaded = browser.driver.execute_script(
        "return performance.getEntriesByType('resource').map((e) => [e.name, e.transferSize])"
    )
    assert len(loaded) < 20
    assert sum(size for _, size in loaded) < 100_000
    assert all(name.startswith(f"http://127.0.0.1:{engine.controller}/") for name, _ in loaded)


def ask(engine: Engine, path: str) -> list[dict[str, object]]:
    _, _, body = engine.http(engine.controller, f"/{path}", headers={"Password": CHANGE})
    rows: list[dict[str, object]] = orjson.loads(body)
    return rows


def weight(engine: Engine, name: str) -> object:
    groups = ask(engine, "symbols")
    rules = [rule for group in groups for rule in group["rules"]]  # type: ignore[attr-defined]
    return next(rule["weight"] for rule in rules if rule["symbol"] == name)


def until(condition: object) -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
