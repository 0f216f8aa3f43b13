"""How long somebody who is watching may go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.access.decision import Asked, Policy
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.permit import Permit, Permits
from gateway.access.prefixes import known_prefixes
from gateway.access.principal import everybody
from gateway.access.refusal import Refusal
from gateway.access.scopes import Scope

NOW = 1_790_000_000.0
KEY = SigningKey("current", "ab" * 32, 1_789_999_000)


class Gate:
    """A policy and a clock that a test changes."""

    def __init__(self) -> None:
        self.time = NOW
        self.policy = Policy(Keys((KEY,)), frozenset({"cam1", "cam2"}), ("/cam1/", "/cam2/"), base_path="/live")
        self.permits = Permits(lambda: self.policy, now=lambda: self.time)

    def grant(self, prefix: str = "/cam1/", *, lasts_s: float = 300) -> str:
        return sign_grant(KEY, prefix=prefix, expires=int(self.time + lasts_s), grant_id=new_grant_id())

    def permit(self, target: str | None = None, method: str = "GET") -> Permit:
        asked = Asked(method, target or f"/live/g/{self.grant()}/cam1/whep")
        return self.permits.give(asked, self.permits.judge(asked, None))


def test_what_depends_on_it_is_ended_once_when_it_no_longer_holds() -> None:
    gate, ended = Gate(), []
    permit = gate.permit()
    permit.ended_by(lambda: ended.append("socket"))
    take_back = permit.ended_by(lambda: ended.append("session"))
    assert len(gate.permits) == 1
    gate.time += 330
    assert (gate.permits.check(), ended) == (0, [])
    gate.time += 1
    assert (gate.permits.check(), ended) == (1, ["socket", "session"])
    assert (gate.permits.check(), len(gate.permits)) == (0, 0)
    take_back()


def test_what_is_gone_by_itself_is_not_ended() -> None:
    gate, ended = Gate(), []
    take_back = gate.permit().ended_by(lambda: ended.append(1))
    take_back()
    take_back()
    gate.time += 1000
    assert (gate.permits.check(), ended, len(gate.permits)) == (0, [], 0)


def test_a_fresh_grant_for_its_camera_prolongs_it_and_no_other_does() -> None:
    gate = Gate()
    permit = gate.permit()
    assert permit.renew(gate.grant(lasts_s=600)) == NOW + 600
    assert permit.renew(gate.grant(lasts_s=100)) == NOW + 600
    for token in (gate.grant("/cam2/"), "x", gate.grant()[:-1] + "!"):
        assert isinstance(permit.renew(token), Refusal)
    gate.time += 620
    assert permit.holds()
    assert permit.expires_at == NOW + 600


def test_a_fresh_grant_is_tried_for_its_own_camera_alone_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate()
    gate.policy = replace(gate.policy, known=known_prefixes(f"site{number}/cam" for number in range(500)))
    permit = gate.permit()
    tried: list[str] = []

    def compared(one: bytes, other: bytes) -> bool:
        tried.append("")
        return one == other

    monkeypatch.setattr("gateway.access.grants.hmac.compare_digest", compared)
    refusal = permit.renew(gate.grant("/site1/cam1/"))
    assert isinstance(refusal, Refusal)
    # Its own name and everything.
    assert (refusal.status, len(tried)) == (401, 2)


def test_a_request_about_no_camera_can_not_be_prolonged() -> None:
    gate = Gate()
    assert isinstance(gate.permit("/live/healthz").renew(gate.grant()), Refusal)
    assert isinstance(gate.permit("/live/login").renew(gate.grant()), Refusal)


def test_a_later_request_is_taken_over_if_it_lasts_longer() -> None:
    gate = Gate()
    permit = gate.permit()
    permit.take_over(gate.permit(f"/live/g/{gate.grant(lasts_s=10)}/cam1/"))
    assert permit.expires_at == NOW + 300
    permit.take_over(gate.permit(f"/live/g/{gate.grant(lasts_s=900)}/cam1/"))
    assert permit.expires_at == NOW + 900


def test_in_open_mode_it_lasts_until_its_camera_is_gone() -> None:
    gate = Gate()
    gate.policy = replace(gate.policy, everybody=everybody([Scope.VIEW]))
    permit = gate.permit("/live/cam1/whep")
    assert permit.expires_at is None
    gate.time += 1e6
    assert permit.holds()
    assert permit.renew("anything") == gate.time
    gate.policy = replace(gate.policy, cameras=frozenset({"cam2"}))
    assert not permit.holds()
