"""The WebUI of three hosts through their proxies: who may ask, who answers, what a page shows."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from browser import CHROMIUM, DRIVER, Browser
from header_scan import findings
from lab.lab import Lab
from lab.paths import PROJECT
from mailflow import lessons
from mailflow.faults import tunnel_cut, whole
from mailflow.pages import Pages
from mailflow.remote import Remote
from mailflow.trial import Site

WRONG = 10
"""Wrong passwords of one client until it has to wait (docs/controller.md)."""


@pytest.fixture(scope="module")
def pages(lab: Lab) -> Pages:
    return Pages(lab)


@pytest.fixture(scope="module")
def names(site: Site) -> list[str]:
    return [host.name for host in site.lab.site().hosts]


def other(names: list[str], *taken: str) -> str:
    """A host that is none of these."""
    return next(name for name in names if name not in taken)


def test_every_path_of_every_proxy_leads_to_its_host(pages: Pages, names: list[str]) -> None:
    for host in names:
        client = other(names, host)
        for name in names:
            status, body = pages.over_vpn(client, host, f"/rspamd/{name}/state", pages.read)
            assert status == 200, (host, name, body)
            assert json.loads(body)["host"].partition(".")[0] == name, host


def test_the_neighbours_are_the_hosts_of_the_inventory(
    pages: Pages, names: list[str], site: Site
) -> None:
    wanted = {
        host.name: {"host": f"https://{host.fqdn}:443", "path": f"/rspamd/{host.name}"}
        for host in site.lab.site().hosts
    }
    for name in names:
        reply = pages.ask(names[0], f"/rspamd/{name}/neighbours", asking(pages))
        said = {
            key: {"host": entry["host"].rstrip("/"), "path": "/" + entry["path"].strip("/")}
            for key, entry in reply.json().items()
        }
        assert said == wanted, name


def asking(pages: Pages) -> dict[str, str]:
    """Headers of somebody elsewhere who knows both passwords."""
    return {**pages.basic(), "Password": pages.read}


def test_the_vpn_needs_no_user_and_the_internet_does(pages: Pages, names: list[str]) -> None:
    first = names[0]
    path = f"/rspamd/{first}/"
    assert pages.over_vpn(names[1], first, path)[0] == 200
    assert pages.over_vpn(names[1], first, f"{path}stat")[0] == 401, "the controller asks, too"
    assert pages.ask(first, path).status == 401
    assert pages.ask(first, path, pages.basic("wrong")).status == 401
    assert pages.ask(first, path, {"X-Forwarded-For": "127.0.0.1"}).status == 401
    assert pages.ask(first, path, pages.basic()).status == 200
    forged = {**pages.basic(), "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
    for name in names:
        assert pages.ask(first, f"/rspamd/{name}/stat", forged).status == 403, name
        assert pages.ask(first, f"/rspamd/{name}/stat", asking(pages)).status == 200, name


def test_users_of_one_host_are_not_trusted_on_another(
    site: Site, pages: Pages, names: list[str]
) -> None:
    first, second = names[:2]
    command = f"curl -sk -o /dev/null -w %{{http_code}} https://127.0.0.1/rspamd/{second}/stat"
    assert site.lab.ssh.run(first, ["sh", "-c", command]).stdout == b"401"
    command = command.replace(f"/{second}/", f"/{first}/")
    assert site.lab.ssh.run(first, ["sh", "-c", command]).stdout == b"200", "its own loopback"


def test_headers_of_replies_and_refusals(pages: Pages, names: list[str]) -> None:
    for name in names:
        for path, headers in {
            f"/rspamd/{name}/": asking(pages),
            f"/rspamd/{name}/app.js": asking(pages),
            f"/rspamd/{name}/stat": pages.basic(),
            "/nothing": asking(pages),
            "/": {},
        }.items():
            reply = pages.ask(name, path, headers)
            assert findings(reply.headers) == [], (name, path)
            assert reply.headers["Server"] == "nginx"


def test_a_flood_is_held_back(pages: Pages, names: list[str], site: Site) -> None:
    client, host = names[-1], names[0]
    address = site.lab.host(host).ipv4
    url = f"https://{address}/rspamd/{host}/ping?[1-300]"
    flood = f"curl -sk -Z --parallel-max 30 -o /dev/null -w '%{{http_code}}\\n' '{url}'"
    found = site.lab.ssh.run(client, ["sh", "-c", flood]).stdout.split()
    assert len(found) == 300
    assert set(found) == {b"401", b"429"}
    # Others are served meanwhile.
    assert pages.over_vpn(names[1], host, f"/rspamd/{host}/ping") == (200, b"pong\r\n")


def test_a_page_is_there_within_a_second(
    names: list[str], fleet_page: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole of the first page, as a browser counts: to the end of its load and its figures."""
    seconds = []
    for _ in range(5):
        fleet_page.driver.execute_script("location.hash = 'status'")
        fleet_page.driver.refresh()
        fleet_page.see("Scanned")
        seconds.append(
            float(
                fleet_page.driver.execute_script(
                    "const files = performance.getEntriesByType('resource');"
                    "const all = files.map((file) => file.responseEnd);"
                    "const [page] = performance.getEntriesByType('navigation');"
                    "return Math.max(page.loadEventEnd, ...all) / 1000;"
                )
            )
        )
    with capsys.disabled():
        print(f"\nWebUI of {names[0]} through nginx: {', '.join(f'{s:.2f}' for s in seconds)} s")
    assert min(seconds) < 1.0


@pytest.fixture(scope="module")
def fleet_page(
    site: Site, pages: Pages, names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """The pages of the first host, from the Internet, logged in."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium on this machine (make setup installs it)")
    first = site.lab.site().hosts[0]
    rules = ",".join(
        f"MAP {host.fqdn} {site.lab.host(host.name).ipv4}" for host in site.lab.site().hosts
    )
    pictures = Path(os.environ.get("WEBUI_PICTURES", PROJECT / ".cache/webui"))
    browser = Browser(
        tmp_path_factory.mktemp("chromium"), pictures, f"--host-resolver-rules={rules}"
    )
    try:
        user, password = pages.user
        browser.open(f"https://{user}:{password}@{first.fqdn}/rspamd/{first.name}/")
        # A page whose address holds a password may not ask for anything; the browser knows it now.
        browser.open(f"https://{first.fqdn}/rspamd/{first.name}/")
        browser.see("Log in")
        browser.fill("#password", "not this one")
        browser.press("Log in")
        browser.see("That is not the password.")
        browser.fill("#password", pages.read)
        browser.press("Log in")
        browser.see("Scanned")
        browser.complaints()
        yield browser
    finally:
        browser.close()


def badges(browser: Browser) -> dict[str, str]:
    """Host -> what the fleet page says of its state."""
    found: dict[str, str] = browser.driver.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('main tbody tr')].map((row) =>"
        " [row.querySelector('strong').textContent, row.querySelector('.badge')?.textContent]))"
    )
    return found


def until(holds: Callable[[], bool], what: str, seconds: float = 90.0) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, what
        time.sleep(0.2)
    return time.monotonic() - began


def test_the_fleet_page_shows_three_hosts_that_agree(fleet_page: Browser, names: list[str]) -> None:
    fleet_page.driver.execute_script("location.hash = 'fleet'")
    fleet_page.see("All hosts answer and agree.")
    assert badges(fleet_page) == dict.fromkeys(names, "ready")
    for name in names:
        fleet_page.see(name)
    fleet_page.picture("fleet-in-the-lab")
    assert fleet_page.complaints() == []


def test_a_host_that_is_away_is_named_and_the_others_are_shown(
    fleet_page: Browser, site: Site, pages: Pages, names: list[str]
) -> None:
    away = names[-1]
    fleet_page.driver.execute_script("location.hash = 'fleet'")
    fleet_page.see("All hosts answer and agree.")
    with tunnel_cut(site.lab, away, names[:-1]):
        fleet_page.driver.refresh()
        # The others are there at once: nobody waits for the one that is gone.
        fleet_page.driver.execute_script("location.hash = 'fleet'")
        present = {name: "ready" for name in names if name != away}
        waited = until(
            lambda: badges(fleet_page).items() >= present.items(), "the others", seconds=15
        )
        fleet_page.see(f"Cannot be asked: {away}.")
        assert badges(fleet_page)[away] not in (None, "ready")
        fleet_page.picture("fleet-one-away")
        assert pages.ask(names[0], f"/rspamd/{names[1]}/stat", asking(pages)).status == 200
        assert pages.ask(names[0], f"/rspamd/{away}/stat", asking(pages)).status == 504
    print(f"the others were shown after {waited:.1f} s")
    whole(site)
    fleet_page.see("All hosts answer and agree.")


SYMBOL, SCORE = "MIME_GOOD", 1.25
"""A symbol of every plain mail, and what nobody gives it but the test."""
GREYLIST = 3.5


def changing(pages: Pages) -> dict[str, str]:
    """Headers of somebody elsewhere who may change things."""
    return {**pages.basic(), "Password": pages.change}


def thresholds(pages: Pages, host: str) -> list[float | None]:
    """A host's thresholds, in the order in which they are saved."""
    said = pages.ask(host, f"/rspamd/{host}/actions", asking(pages)).json()
    known = {one["action"]: one["value"] for one in said}
    return [known.get(name) for name in ("reject", "rewrite subject", "add header", "greylist")]


def save(pages: Pages, host: str, path: str, values: object) -> None:
    """Save something on a host, which takes the password for changing."""
    path, body = f"/rspamd/{host}/{path}", json.dumps(values).encode()
    assert pages.ask(host, path, asking(pages), body).status == 403
    reply = pages.ask(host, path, changing(pages), body)
    assert (reply.status, reply.json()) == (200, {"success": True, "shared": True})


def undo(pages: Pages, host: str) -> None:
    """Take the newest change of a host back."""
    path = f"/rspamd/{host}"
    newest = pages.ask(host, f"{path}/changes", changing(pages)).json()[0]
    headers = {**changing(pages), "Id": str(newest["id"])}
    assert pages.ask(host, f"{path}/undo", headers, b"").status == 200


def test_a_score_saved_on_one_host_is_that_of_all(
    site: Site, pages: Pages, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a threshold: from the primary's host and from another, by the rights of role redis."""
    probe = lessons.mail("a score saved", 0)
    first, second = names[:2]
    with contextlib.ExitStack() as stack:
        judges = [stack.enter_context(Remote(site.lab, name, "judge.py")) for name in names]

        def scores() -> set[float | None]:
            return {judge.ask(text=probe)["symbols"].get(SYMBOL) for judge in judges}

        def all_have(score: float | None, limits: list[float | None]) -> bool:
            return scores() == {score} and all(thresholds(pages, name) == limits for name in names)

        until(lambda: len(scores() - {None}) == len(scores()) == 1, "all scan and agree")
        (before,) = scores()
        limits = thresholds(pages, first)
        wanted = [*limits[:-1], GREYLIST]
        assert before != SCORE
        assert wanted != limits
        save(pages, first, "savesymbols", [{"name": SYMBOL, "value": SCORE}])
        try:
            save(pages, second, "saveactions", wanted)
            try:
                there = until(lambda: all_have(SCORE, wanted), "what was saved is used by all")
            finally:
                undo(pages, second)
        finally:
            undo(pages, first)
        back = until(lambda: all_have(before, limits), "what was taken back is used by all")
    with capsys.disabled():
        print(f"\nsaved on two hosts: all use it after {there:.1f} s, undone {back:.1f} s")
    for name in names:
        own = "ls /var/lib/filter_engine/dynamic 2>/dev/null || true"
        assert site.lab.ssh.run(name, ["sh", "-c", own]).stdout == b"", "of one host alone"


def test_hosts_have_hashes_and_no_password(site: Site, pages: Pages, names: list[str]) -> None:
    secrets = yaml.safe_load((site.lab.paths.inventory / "group_vars/all/secrets.yml").read_text())
    mine = [secrets[name] for name in secrets if "filter_engine" in name or "webui" in name]
    assert len(mine) == 3
    for name in names:
        for word in mine:
            places = "/etc/filter_engine /etc/nginx /etc/systemd/system /var/lib/mailfleet"
            search = f"grep -rlF -f - {places} || true"  # a command's words can be seen
            assert site.lab.ssh.run(name, ["sh", "-c", search], stdin=word + "\n").stdout == b""
        inc = "/etc/filter_engine/local.d/worker-controller.inc"
        hashed = site.lab.ssh.run(name, ["sed", "-n", 's/^password = "\\(.*\\)";/\\1/p', inc])
        check = '/opt/filter_engine/current/bin/filter-engine pw --check "$1"'
        done = site.lab.ssh.run(
            name,
            ["sh", "-c", check, "pw", hashed.stdout.decode().strip()],
            stdin=pages.read + "\n",
        )
        assert done.stdout.strip() == b"the password fits"


def test_whoever_guesses_has_to_wait_and_nobody_else(pages: Pages, names: list[str]) -> None:
    """The last one: this machine is refused for a minute at that host's controller."""
    first, asked = names[0], names[-1]
    path = f"/rspamd/{asked}/stat"
    for guess in range(WRONG):
        headers = {**pages.basic(), "Password": f"guess {guess}"}
        assert pages.ask(first, path, headers).status == 403
    assert pages.ask(first, path, asking(pages)).status == 429, "even with the right one"
    assert pages.over_vpn(names[1], first, path, pages.read)[0] == 200, "through the same proxy"
