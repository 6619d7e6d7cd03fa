"""The files of the key calendar on the host that signs: keys, calendar, records.

A private key is made or placed once (`openssl_key.place_new`) and never overwritten; the other
files hold nothing private and are replaced whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils import (
    dkim_last_run,
    openssl_key,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    txt_strings,
    zone_text,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    MAX_FILE,
    CalendarError,
    Key,
    read,
    records,
    write,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import as_pem

PUBLIC_MODE = 0o644
LOCK_SECONDS = 30.0
"""How long a run waits for another one's step."""


@dataclass(frozen=True)
class Keyring:
    """Where the files are and whose they become."""

    openssl: str
    calendar: str
    records: str
    uid: int
    gid: int
    key_mode: int
    rsa_bits: int

    @contextlib.contextmanager
    def locked(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep other runs from the files, from loading to saving.

        Raises `CalendarError` where another run does so for longer than `seconds`.
        """
        path = f"{self.calendar}.lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise CalendarError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            end = time.monotonic() + seconds
            while not _lock(descriptor):
                if time.monotonic() >= end:
                    raise CalendarError(
                        f"another run has kept {self.calendar} for {seconds:g} seconds: "
                        "run this again when it is done"
                    )
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    @property
    def _last_run(self) -> str:
        return os.path.join(os.path.dirname(self.calendar), "last_run.json")

    def load_last_run(self) -> dkim_last_run.LastRun:
        """Read what the last run left. Raises `CalendarError`."""
        text = self._text(self._last_run)
        return dkim_last_run.read(text, self._last_run) if text else dkim_last_run.LastRun()

    def save_last_run(self, run: dkim_last_run.LastRun) -> None:
        """Write what the next run is to know. Raises `CalendarError`."""
        self._replace(self._last_run, run.text(), check_mode=False)

    def load(self) -> list[Key]:
        """Read the calendar; without a file there are no keys. Raises `CalendarError`."""
        try:
            with open(self.calendar, encoding="utf-8") as stream:
                text = stream.read(MAX_FILE + 1)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise CalendarError(f"{self.calendar} cannot be read: {error}") from error
        if len(text) > MAX_FILE:
            raise CalendarError(f"{self.calendar} is larger than {MAX_FILE} octets")
        return read(text, self.calendar)

    def complete(self, keys: Iterable[Key]) -> list[Key]:
        """Make the keys that have no public half yet and read it; a file there is used."""
        public: dict[str, openssl_key.PublicKey] = {}
        done = []
        for key in keys:
            if not key.public_key and key.state != "future":
                if key.path not in public:
                    public[key.path] = self._ensure(key)
                key = self._with_public(key, public[key.path])
            done.append(key)
        return done

    def _ensure(self, key: Key) -> openssl_key.PublicKey:
        if not os.path.lexists(key.path):
            content = openssl_key.generate(self.openssl, key.algorithm, self.rsa_bits)
            openssl_key.place_new(key.path, content, uid=self.uid, gid=self.gid, mode=self.key_mode)
        return openssl_key.read(self.openssl, key.path)

    @staticmethod
    def _with_public(key: Key, public: openssl_key.PublicKey) -> Key:
        if public.algorithm != key.algorithm:
            raise CalendarError(
                f"{key.path} is a key of {public.algorithm}, not {key.algorithm}; it is not "
                f"replaced: write that algorithm, or move the file away"
            )
        return replace(key, public_key=public.value)

    def inspect(self, text: bytes, name: str) -> openssl_key.PublicKey:
        """Return the public half of a key somebody handed over; `name` is for messages."""
        return openssl_key.public_half(self.openssl, text, name)

    def place(self, path: str, text: bytes, name: str) -> bool:
        """Put a key somebody handed over where it belongs; tells whether it was not there yet.

        Raises `CalendarError` when another key is there.
        """
        if not os.path.lexists(path):
            return openssl_key.place_new(
                path, as_pem(text), uid=self.uid, gid=self.gid, mode=self.key_mode
            )
        if openssl_key.read(self.openssl, path) != self.inspect(text, name):
            raise CalendarError(
                f"{path} holds another key than {name}; it is not overwritten: "
                f"give the key a selector of its own"
            )
        return False

    def correct_attributes(self, keys: Iterable[Key], *, check_mode: bool) -> bool:
        """Give the private keys the owner and mode they should have; tells whether any changed."""
        changed = False
        for path in sorted({key.path for key in keys if key.path and os.path.isfile(key.path)}):
            changed |= openssl_key.correct_attributes(
                path, self.uid, self.gid, self.key_mode, check_mode=check_mode
            )
        return changed

    def save(self, keys: list[Key], ttl: int, *, check_mode: bool) -> list[dict[str, Any]]:
        """Write calendar, records and zone lines where they differ.

        Returns `{before, after}` of each file that did, for a diff.
        """
        listed = records(keys, ttl)
        wanted = {
            self.calendar: write(keys),
            self.records: json.dumps(listed, indent=2) + "\n",
        }
        lines: dict[str, list[str]] = {}
        for key in keys:
            if key.state != "future" and key.public_key:
                text = f"{key.name}. IN TXT {zone_text(txt_strings(key.value))}\n"
                lines.setdefault(f"{key.path}.txt", []).append(text)
        wanted.update({path: "".join(sorted(text)) for path, text in lines.items()})
        return [
            difference
            for path, text in wanted.items()
            if (difference := self._replace(path, text, check_mode=check_mode))
        ]

    def _replace(self, path: str, text: str, *, check_mode: bool) -> dict[str, Any]:
        before = self._text(path)
        if before == text:
            return {}
        if not check_mode:
            self._write(path, text)
        names = {"before_header": path, "after_header": path}
        return {"before": before, "after": text, **names}

    @staticmethod
    def _text(path: str) -> str:
        try:
            with open(path, encoding="utf-8") as stream:
                return stream.read(MAX_FILE)
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise CalendarError(f"{path} cannot be read: {error}") from error

    def _write(self, path: str, text: str) -> None:
        part = f"{path}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8") as stream:
                stream.write(text)
                os.fchown(stream.fileno(), self.uid, self.gid)
                os.fchmod(stream.fileno(), PUBLIC_MODE)
                stream.flush()
                os.fsync(stream.fileno())
            os.rename(part, path)
            openssl_key.sync_directory(path)
        except OSError as error:
            raise CalendarError(f"{path} cannot be written: {error.strerror}") from error
        finally:
            if os.path.lexists(part):
                os.unlink(part)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
