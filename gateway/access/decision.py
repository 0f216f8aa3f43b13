"""The one decision about a request: who asks, and may they (pure).

The middleware asks here, and so do the vectors that the edge is tested with (tests/access/vectors.json).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.access.api_keys import find_api_key
from gateway.access.carriers import Carried, Carrier, carried_by
from gateway.access.cookies import Session, read_cookie
from gateway.access.grants import verify_grant
from gateway.access.keys import Keys
from gateway.access.media_server import judge_media_server
from gateway.access.needs import Need, need_of
from gateway.access.paths import Area, Target, parse_target
from gateway.access.principal import NOBODY, Account, Principal, holder_of
from gateway.access.refusal import (
    BAD_CREDENTIALS,
    FORBIDDEN,
    MISSING,
    NO_CAMERA,
    NOT_FOUND,
    SIGNED_OUT,
    WITHDRAWN,
    Refusal,
)
from gateway.access.revocations import Revocations
from gateway.errors import NotFound

OK: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: `target` raw, the headers as often as they stood there."""

    method: str
    target: str = field(repr=False)
    authorization: tuple[str, ...] = field(default=(), repr=False)
    cookie: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a decision is made from.  Made anew when the configuration changes.

    `cameras` are the enabled ones; `known` the prefixes (gateway.access.prefixes) of all that are configured.
    `everybody` is who asks without having to show anything, in open mode; None where access is required.
    `media_server_secret` is what MediaMTX shows; None where there is none beside the gateway.
    """

    keys: Keys
    cameras: Collection[str]
    known: tuple[str, ...] = ()
    users: Mapping[str, Account] = field(default_factory=dict)
    api_keys: Mapping[str, Account] = field(default_factory=dict)
    revocations: Revocations = field(default_factory=Revocations)
    base_path: str = ""
    everybody: Principal | None = None
    media_server_secret: str | None = field(default=None, repr=False)

    def password_hash(self, user: str) -> str | None:
        """The hash of a user's password; None if there is no such user."""
        account = self.users.get(user)
        return None if account is None else account.secret_hash


@dataclass(frozen=True, slots=True)
class Verdict:
    """Let in (`refusal` is None) or not.  `target` is None if it couldn't be read.

    `principal` is NOBODY where nothing is needed, also when something was shown; `session` is set for a cookie.
    """

    refusal: Refusal | None
    need: Need = Need.ADMIN
    target: Target | None = None
    principal: Principal = NOBODY
    carrier: Carrier | None = None
    session: Session | None = None

    @property
    def status(self) -> int:
        """200 stands for whatever the route answers."""
        return OK if self.refusal is None else self.refusal.status


def password_to_check(asked: Asked, policy: Policy) -> tuple[str, str] | None:
    """User and password, if `decide` will want to know whether they are right; that takes long, and isn't pure."""
    target = parse_target(asked.target, base_path=policy.base_path)
    if isinstance(target, Refusal) or policy.everybody:
        return None
    if need_of(asked.method, target) in (Need.NOTHING, Need.MEDIA_SERVER):
        return None
    carried = carried_by(target, authorization=asked.authorization, cookie=asked.cookie)
    if not isinstance(carried, Carried) or carried.carrier is not Carrier.BASIC:
        return None
    return carried.user, carried.values[0]


def decide(asked: Asked, policy: Policy, *, now: float, checked_user: str | None = None) -> Verdict:
    """The verdict at `now` (unix seconds).

    `checked_user` is the user whose password (`password_to_check`) was found right.
    """
    target = parse_target(asked.target, base_path=policy.base_path)
    if isinstance(target, Refusal):
        return Verdict(target)
    need = need_of(asked.method, target)
    if need is Need.NOTHING:
        return Verdict(None, need, target)
    if need is Need.MEDIA_SERVER:
        return Verdict(judge_media_server(asked.authorization, policy.media_server_secret), need, target)
    if policy.everybody is not None:
        return Verdict(_judge(need, target, policy.everybody, policy), need, target, policy.everybody)
    carried = carried_by(target, authorization=asked.authorization, cookie=asked.cookie)
    if not isinstance(carried, Carried):
        return Verdict(carried or MISSING, need, target)
    session = None
    if carried.carrier is Carrier.COOKIE:
        session = _session(carried, policy, now)
    principal = _identify(carried, target, policy, now=now, checked_user=checked_user, session=session)
    if isinstance(principal, Refusal):
        return Verdict(principal, need, target, carrier=carried.carrier)
    return Verdict(_judge(need, target, principal, policy), need, target, principal, carried.carrier, session)


def _session(carried: Carried, policy: Policy, now: float) -> Session | None:
    for value in carried.values:
        session = read_cookie(value, keys=policy.keys, now=now, password_hashes=policy.password_hash)
        if session is not None and policy.revocations.allows(session):
            return session
    return None


def _identify(
    carried: Carried,
    target: Target,
    policy: Policy,
    *,
    now: float,
    checked_user: str | None,
    session: Session | None,
) -> Principal | Refusal:
    match carried.carrier:
        case Carrier.PATH | Carrier.BEARER | Carrier.QUERY:
            grant = verify_grant(carried.values[0], camera=target.camera, keys=policy.keys, now=now, known=policy.known)
            if isinstance(grant, Refusal):
                return grant
            return holder_of(grant) if policy.revocations.allows_grant(grant.id) else WITHDRAWN
        case Carrier.API_KEY:
            account = find_api_key(carried.values[0], policy.api_keys.values())
            return BAD_CREDENTIALS if account is None else account.principal()
        case Carrier.BASIC:
            account = policy.users.get(carried.user) if carried.user == checked_user else None
            return BAD_CREDENTIALS if account is None else account.principal()
        case Carrier.COOKIE if session is not None:
            return policy.users[session.user].principal(expires_at=float(session.expires), session_id=session.id)
    return SIGNED_OUT


def _judge(need: Need, target: Target, principal: Principal, policy: Policy) -> Refusal | None:
    if need is Need.ADMIN:
        return None if principal.may_administer(target.camera) else FORBIDDEN
    if need is Need.SOME_ADMIN:
        return None if principal.administers else FORBIDDEN
    if need is Need.SOMEBODY:
        return NOT_FOUND if target.area is Area.UNKNOWN else None
    camera = target.camera
    if camera is None:
        return NO_CAMERA
    if not (principal.may_sign(f"/{camera}/") if need is Need.SIGN else principal.may_see(camera)):
        return FORBIDDEN
    if camera not in policy.cameras:
        unknown = NotFound.camera(camera)
        return Refusal(unknown.status, unknown.code, unknown.message)
    return None
