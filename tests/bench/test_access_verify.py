"""The time to verify a grant is measured for every way of verifying one, and held against what was promised."""

from __future__ import annotations

import pytest

from bench import access_verify
from bench.access_verify import LIMIT_US, measure, too_slow


def test_everything_is_measured_and_only_verifying_is_promised() -> None:
    figures = measure(rounds=1, calls=100)
    verifying = [label for label in figures if label.startswith("verify: ")]
    assert len(verifying) == 4
    assert all(figure > 0 for figure in figures.values())
    assert too_slow(dict.fromkeys(figures, LIMIT_US)) == verifying
    assert too_slow(dict.fromkeys(figures, LIMIT_US - 0.1)) == []


def test_the_exit_code_tells_whether_it_was_met(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for figure, code, word in ((LIMIT_US, 1, "MISSED by verify: x"), (5.0, 0, "met")):
        monkeypatch.setattr(access_verify, "measure", lambda figure=figure: {"verify: x": figure})
        assert access_verify.main() == code
        assert word in capsys.readouterr().out
