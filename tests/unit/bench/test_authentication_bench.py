"""When ``make bench-auth`` fails."""

from __future__ import annotations

import pytest
from bench import authentication
from bench.authentication import Figure


@pytest.mark.parametrize(
    ("figure", "over"),
    [
        (Figure("sign", 1200, aim=1200), False),
        (Figure("sign", 1379, aim=1200), False),
        (Figure("sign", 1381, aim=1200), True),
        (Figure("verify", 200, beside=1000, aim=0.18), False),
        (Figure("verify", 210, beside=1000, aim=0.18), True),
        (Figure("verify", 210, beside=2000, aim=0.18), False),
        (Figure("seal", 5000), False),
    ],
)
def test_an_aim_is_missed_by_more_than_noise(
    figure: Figure, over: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(authentication, "figures", lambda: iter([figure]))
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    assert authentication.main() == over
    assert ("too slow" in capsys.readouterr().out) == over
