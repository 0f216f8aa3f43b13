"""The decision where the vectors don't reach: API keys, passwords, sessions, open mode."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from gateway.access.api_keys import hash_api_key, new_api_key
from gateway.access.carriers import COOKIE_NAME, Carrier
from gateway.access.cookies import Session, make_cookie, new_session
from gateway.access.decision import Asked, Policy, Verdict, decide, password_to_check
from gateway.access.grants import sign_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.needs import Need
from gateway.access.prefixes import known_prefixes
from gateway.access.principal import NOBODY, Account, Kind, everybody
from gateway.access.scopes import Scope

NOW = 1_790_000_000.0
KEY = SigningKey("current", "ab" * 32, 1_789_999_000)
VIEWER_KEY, SIGNER_KEY, ADMIN_KEY = (new_api_key() for _ in range(3))
CAMERAS = frozenset({"cam1", "site1/yard"})


def program(name: str, key: str, scope: Scope, *cameras: str) -> Account:
    return Account.of(Kind.API_KEY, name, secret_hash=hash_api_key(key), cameras=cameras, scopes=[scope])


ANN = Account.of(Kind.USER, "ann", secret_hash="hash of ann", cameras=["site1/*"], scopes=[Scope.VIEW, Scope.SIGN])
POLICY = Policy(
    Keys((KEY,)),
    CAMERAS,
    known_prefixes(CAMERAS),
    users={"ann": ANN},
    api_keys={
        "viewer": program("viewer", VIEWER_KEY, Scope.VIEW, "cam1"),
        "signer": program("signer", SIGNER_KEY, Scope.SIGN, "site1/*"),
        "admin": program("admin", ADMIN_KEY, Scope.ADMIN, "*"),
    },
    base_path="/live",
)


def bearer(key: str, target: str, method: str = "GET") -> int:
    return decide(Asked(method, target, authorization=(f"Bearer {key}",)), POLICY, now=NOW).status


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def cookie(session: Session, password_hash: str = "hash of ann") -> str:
    return f"{COOKIE_NAME}={make_cookie(session, key=KEY, password_hash=password_hash)}"


def with_cookie(*headers: str, target: str = "/live/site1/yard/", now: float = NOW, policy: Policy = POLICY) -> Verdict:
    return decide(Asked("GET", target, cookie=headers), policy, now=now)


KEYS = {
    "viewer": VIEWER_KEY,
    "signer": SIGNER_KEY,
    "admin": ADMIN_KEY,
    "unknown": new_api_key(),
    "cut short": VIEWER_KEY[:-1],
    "empty": "cgk_",
}


class TestApiKeys:
    @pytest.mark.parametrize(
        ("key", "method", "target", "status"),
        [
            ("viewer", "GET", "/cam1/snapshot.jpg", 200),
            ("viewer", "GET", "/live/cam1/snapshot.jpg", 200),
            ("viewer", "GET", "/site1/yard/", 403),
            ("viewer", "GET", "/nosuch/", 403),
            ("viewer", "POST", "/api/cameras/cam1/sign", 403),
            ("viewer", "GET", "/api/cameras", 200),
            ("signer", "POST", "/api/cameras/site1/yard/sign", 200),
            ("signer", "POST", "/api/cameras/site1/nosuch/sign", 404),
            ("signer", "POST", "/api/cameras/cam1/sign", 403),
            ("signer", "GET", "/site1/yard/", 403),
            ("signer", "DELETE", "/api/cameras/site1/yard", 403),
            ("admin", "DELETE", "/api/cameras/cam1", 200),
            ("admin", "PUT", "/api/cameras/new", 200),
            ("admin", "GET", "/metrics", 200),
            ("admin", "GET", "/cam1/", 403),
            ("unknown", "GET", "/cam1/", 401),
            ("cut short", "GET", "/cam1/", 401),
            ("empty", "GET", "/cam1/", 401),
        ],
    )
    def test_scope_and_cameras_decide(self, key: str, method: str, target: str, status: int) -> None:
        assert bearer(KEYS[key], target, method) == status

    def test_a_key_has_no_place_in_an_address(self) -> None:
        for target in (f"/cam1/?grant={VIEWER_KEY}", f"/g/{VIEWER_KEY}/cam1/"):
            assert decide(Asked("GET", target), POLICY, now=NOW).status == 401


class TestPasswords:
    def test_the_caller_is_told_which_password_to_check(self) -> None:
        asked = Asked("GET", "/site1/yard/", authorization=(basic("ann:pass:word"),))
        assert password_to_check(asked, POLICY) == ("ann", "pass:word")
        assert decide(asked, POLICY, now=NOW).status == 401
        verdict = decide(asked, POLICY, now=NOW, checked_user="ann")
        assert (verdict.status, verdict.principal.name, verdict.carrier) == (200, "ann", Carrier.BASIC)
        assert decide(asked, POLICY, now=NOW, checked_user="bob").status == 401

    @pytest.mark.parametrize(
        "asked",
        [
            Asked("GET", "/cam1/"),
            Asked("GET", "/static/app.js", authorization=(basic("ann:x"),)),
            Asked("GET", "/a/../b", authorization=(basic("ann:x"),)),
            Asked("GET", "/g/token/cam1/", authorization=(basic("ann:x"),)),
            Asked("GET", "/cam1/", authorization=(f"Bearer {VIEWER_KEY}",)),
            Asked("GET", "/cam1/", authorization=(basic("ann:x"), basic("ann:x"))),
        ],
    )
    def test_there_is_none_to_check_where_it_would_not_count(self, asked: Asked) -> None:
        assert password_to_check(asked, POLICY) is None

    @pytest.mark.parametrize(
        "header",
        ["Basic", "Basic ", "Basic !!!!", basic("ann"), basic(":x"), basic(b"ann:\xff"), basic("ann:" + "x" * 1025)],
    )
    def test_what_holds_no_name_and_password_is_refused(self, header: str) -> None:
        asked = Asked("GET", "/site1/yard/", authorization=(header,))
        assert password_to_check(asked, POLICY) is None
        assert decide(asked, POLICY, now=NOW, checked_user="ann").status == 401

    def test_a_header_beyond_any_use_is_not_decoded(self) -> None:
        asked = Asked("GET", "/site1/yard/", authorization=("Basic " + "a" * 1_000_000,))
        assert decide(asked, POLICY, now=NOW).status == 401


class TestSessions:
    def test_a_cookie_is_good_for_what_its_user_may_see(self) -> None:
        session = new_session("ann", now=NOW)
        verdict = with_cookie(f"other=1; {cookie(session)}; x")
        assert (verdict.status, verdict.session, verdict.principal.grant_id) == (200, session, session.id)
        assert verdict.principal.expires_at == session.expires
        assert with_cookie(cookie(session), target="/cam1/").status == 403
        assert with_cookie(cookie(session), target="/live").status == 200
        assert with_cookie(cookie(session), target="/metrics").status == 403

    def test_a_foreign_cookie_of_the_same_name_locks_nobody_out(self) -> None:
        value = cookie(new_session("ann", now=NOW))
        assert with_cookie(f"{COOKIE_NAME}=tossed; {value}").status == 200
        assert with_cookie(f"{COOKIE_NAME}=tossed", value).status == 200
        assert with_cookie(*[f"{COOKIE_NAME}=tossed"] * 4, value).status == 401

    def test_logged_out_expired_or_unknown_is_signed_out(self) -> None:
        session = new_session("ann", now=NOW)
        policy = replace(POLICY, revocations=type(POLICY.revocations)())
        assert with_cookie(cookie(session), policy=policy).status == 200
        policy.revocations.revoke(session, now=NOW)
        signed_out = with_cookie(cookie(session), policy=policy)
        assert signed_out.refusal is not None
        assert (signed_out.status, signed_out.refusal.code) == (401, "signed_out")
        assert with_cookie(cookie(session), now=session.expires).status == 401
        assert with_cookie(cookie(session), policy=replace(POLICY, users={})).status == 401

    def test_without_our_cookie_nothing_was_shown(self) -> None:
        verdict = with_cookie("other=1")
        assert verdict.refusal is not None
        assert (verdict.status, verdict.refusal.code) == (401, "sign_in_required")

    def test_every_other_carrier_comes_first(self) -> None:
        value = cookie(new_session("ann", now=NOW))
        assert with_cookie(value, target="/g/broken/site1/yard/").status == 401
        assert with_cookie(value, target="/site1/yard/?grant=broken").status == 401


class TestOpenMode:
    OPEN = replace(POLICY, everybody=everybody([Scope.VIEW]))

    def test_everybody_watches_whatever_they_show(self) -> None:
        for asked in (Asked("GET", "/cam1/"), Asked("GET", "/g/broken/cam1/"), Asked("GET", "/", cookie=("a",))):
            assert decide(asked, self.OPEN, now=NOW).status == 200
        assert password_to_check(Asked("GET", "/cam1/", authorization=(basic("a:b"),)), self.OPEN) is None

    def test_yet_gets_nothing_that_is_not_open_or_there(self) -> None:
        assert decide(Asked("GET", "/nosuch/"), self.OPEN, now=NOW).status == 404
        assert decide(Asked("GET", "/metrics"), self.OPEN, now=NOW).status == 403
        assert decide(Asked("GET", "/cam1/../x"), self.OPEN, now=NOW).status == 400


def test_what_needs_nothing_makes_nobody_of_its_sender() -> None:
    verdict = decide(Asked("DELETE", "/cam1/whep/session"), POLICY, now=NOW)
    assert (verdict.status, verdict.need, verdict.principal) == (200, Need.NOTHING, NOBODY)


def test_a_grant_tells_who_and_how_long() -> None:
    token = sign_grant(KEY, prefix="/cam1/", expires=int(NOW) + 60, grant_id="0123456789abcdef")
    verdict = decide(Asked("GET", f"/live/g/{token}/cam1/"), POLICY, now=NOW)
    assert (verdict.principal.kind, verdict.principal.grant_id) == (Kind.GRANT, "0123456789abcdef")
    assert (verdict.principal.expires_at, verdict.carrier) == (NOW + 60, Carrier.PATH)


def test_nothing_that_a_request_showed_is_repeated() -> None:
    asked = Asked("GET", "/g/SECRET/cam1/?grant=SECRET", authorization=("Bearer SECRET",), cookie=("SECRET",))
    verdict = decide(asked, POLICY, now=NOW)
    assert "SECRET" not in repr(asked)
    assert "SECRET" not in repr(verdict)
