"""A headless Chromium that asks nobody but the server under test."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PATIENCE = 40.0
"""Seconds a page has for what it should show."""
_REDRAWN = (StaleElementReferenceException, ElementClickInterceptedException)
"""What a page says of elements that it has just replaced or still moves."""
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--ignore-certificate-errors",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


class Browser:
    """Pages by what a person sees of them."""

    def __init__(self, folder: Path, pictures: Path, *more: str) -> None:
        """``folder`` is its profile, ``pictures`` where screenshots go; ``more`` are arguments."""
        options = Options()
        options.binary_location = CHROMIUM
        for word in (*_QUIET, *more, f"--user-data-dir={folder}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self._pictures = pictures

    def close(self) -> None:
        """End Chromium and its driver."""
        self.driver.quit()

    def open(self, url: str) -> None:
        """Go to a page."""
        self.driver.get(url)

    def see(self, text: str, where: str = "main") -> None:
        """Wait until ``text`` is shown below ``where`` (a CSS selector)."""
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(WebDriverException,))
        try:
            waiting.until(lambda driver: text in driver.find_element(By.CSS_SELECTOR, where).text)
        except TimeoutException:
            raise AssertionError(f"never saw {text!r} in {where}:\n{self.text(where)}") from None

    def text(self, where: str = "body") -> str:
        """What is shown below ``where`` just now."""
        texts = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=_REDRAWN).until(
            lambda _: ([each.text for each in self.all(where)],)
        )
        return " ".join(texts[0])

    def all(self, css: str) -> list[WebElement]:
        """The elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        """The first element of a CSS selector, once it is there."""
        return WebDriverWait(self.driver, PATIENCE).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, css), f"no {css}"
        )

    def press(self, title: str, within: str = "main") -> None:
        """Press the button with this text."""

        def pressed(_driver: object) -> bool:
            button = next((e for e in self.all(f"{within} button") if e.text == title), None)
            if button is not None:
                button.click()
            return button is not None

        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=_REDRAWN)
        waiting.until(pressed, f"no button {title!r}")

    def fill(self, css: str, text: str) -> None:
        """Put a text into a field as typing would, at once."""
        script = (
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));"
            "arguments[0].dispatchEvent(new Event('change', {bubbles: true}));"
        )
        self.driver.execute_script(script, self.one(css), text)

    def picture(self, name: str) -> None:
        """Keep a screenshot for people."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(self._pictures / f"{name}.png"))

    def complaints(self) -> list[str]:
        """What the browser's console says of errors since the last call: scripts, refused loads."""
        return [
            row["message"] for row in self.driver.get_log("browser") if row["level"] == "SEVERE"
        ]
