"""Grants that were made for somebody who came by something else."""

from __future__ import annotations

from gateway.access.decision import Asked, Policy
from gateway.access.grants import SKEW_S, new_grant_id, sign_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.permit import Permit, Permits
from gateway.mediamtx.handed import Handed

KEY = SigningKey("current", "ab" * 32, 1_789_999_000)


class Gate:
    """Lets one viewer in until 1,000 s from the start."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0
        self.policy = Policy(Keys((KEY,)), frozenset({"cam1"}))
        self.permits = Permits(lambda: self.policy, now=lambda: self.time)

    def permit(self) -> Permit:
        token = sign_grant(KEY, prefix="/cam1/", expires=int(self.time + 1000), grant_id=new_grant_id())
        asked = Asked("GET", f"/g/{token}/cam1/index.m3u8")
        return self.permits.give(asked, self.permits.judge(asked, None))


def test_a_grant_holds_as_long_as_whom_it_was_made_for_may_watch() -> None:
    gate, handed = Gate(), Handed()
    handed.remember("one", expires=int(gate.time + 300), permit=gate.permit())
    assert handed.still_holds("one") is True
    assert handed.still_holds("another") is None
    gate.time += 900
    assert handed.still_holds("one") is True
    gate.time += 200
    assert handed.still_holds("one") is False


def test_what_has_expired_is_kept_only_while_somebody_watches_by_it() -> None:
    gate, handed = Gate(), Handed()
    for name in ("used", "unused"):
        handed.remember(name, expires=int(gate.time + 300), permit=gate.permit())
    handed.forget_unused({"used"}, now=gate.time + 300 + SKEW_S)
    assert len(handed) == 2
    handed.forget_unused({"used"}, now=gate.time + 301 + SKEW_S)
    assert handed.still_holds("used") is True
    assert handed.still_holds("unused") is None


def test_beyond_its_size_the_oldest_is_forgotten() -> None:
    gate, handed = Gate(), Handed(max_entries=2)
    for name in ("first", "second", "third"):
        handed.remember(name, expires=int(gate.time + 300), permit=gate.permit())
    assert [handed.still_holds(name) for name in ("first", "second", "third")] == [None, True, True]
