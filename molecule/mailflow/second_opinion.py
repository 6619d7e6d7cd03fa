"""What others make of a mail: Debian's Mail::DKIM and pyspf on the Internet host."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from lab.internet_services import SCRIPTS
from lab.lab import Lab


@dataclass(frozen=True)
class Signature:
    """One DKIM-Signature; `result` is pass, fail, invalid, temperror or none."""

    domain: str
    selector: str
    algorithm: str
    result: str
    detail: str


@dataclass(frozen=True)
class Opinion:
    """What Mail::DKIM says of one message."""

    dkim: tuple[Signature, ...]
    arc: str
    """pass, fail, none or another word of its own."""
    arc_detail: str

    @property
    def verified(self) -> set[str]:
        """Domains with a signature that verifies."""
        return {signature.domain for signature in self.dkim if signature.result == "pass"}


def second_opinions(lab: Lab, messages: Sequence[bytes]) -> list[Opinion]:
    """Mail::DKIM's opinion of each message, in order; one call for all of them."""
    order = json.dumps([base64.b64encode(message).decode() for message in messages])
    script = ["perl", f"{SCRIPTS}/verify_mail.pl"]
    done = lab.ssh.run(lab.internet.name, script, stdin=order)
    return [
        Opinion(
            tuple(Signature(**facts) for facts in one["dkim"]),
            one["arc"]["result"],
            one["arc"]["detail"],
        )
        for one in json.loads(done.stdout)
    ]


def spf_result(lab: Lab, address: str, sender: str, helo: str) -> str:
    """What pyspf says of a sender at an address: pass, fail, softfail or another result."""
    script = ["python3", f"{SCRIPTS}/check_spf.py"]
    order = json.dumps([{"address": address, "sender": sender, "helo": helo}])
    (result,) = json.loads(lab.ssh.run(lab.internet.name, script, stdin=order).stdout)
    return str(result)
