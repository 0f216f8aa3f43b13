"""Decides what MediaMTX asks for each viewer, publisher and user of its API; every doubt is a no (pure)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.access.api_keys import find_api_key
from gateway.access.carriers import Carrier
from gateway.access.decision import Asked, Policy, Verdict, decide
from gateway.access.media_server import GATEWAY_USER
from gateway.access.paths import Area
from gateway.access.scopes import Scope

_TEXTS: Final = ("user", "password", "action", "path", "protocol", "query")


@dataclass(frozen=True, slots=True)
class Question:
    """What MediaMTX sends (internal/auth/manager.go), without what nothing is decided by."""

    action: str
    protocol: str
    path: str
    user: str = ""
    password: str = field(default="", repr=False)
    query: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HlsRight:
    """Whether somebody may watch `camera` at MediaMTX, and by which grant; both None where the answer is no or open."""

    allowed: bool
    grant_id: str | None = None


def parse_question(body: str) -> Question:
    """The body of MediaMTX's request; ValueError with a sentence if it is something else."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON") from None
    if not isinstance(values, dict):
        raise ValueError("The body is not what MediaMTX asks")  # noqa: TRY004  (about the request, not our code)
    return Question(**{name: _text(values, name) for name in _TEXTS})


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name}: must be text")  # noqa: TRY004
    return value


def may(
    question: Question,
    policy: Policy,
    *,
    now: float,
    is_served: Callable[[str], bool] = lambda _: True,
    still_theirs: Callable[[str], bool] = lambda _: True,
) -> bool:
    """The answer at `now` (unix seconds).

    `is_served` says whether a camera is at MediaMTX under its own name, `still_theirs` whether whoever a grant was
    made for may still watch, by the grant's id.
    """
    if _is_gateway(question, policy.media_server_secret):
        # It reads cameras and asks what is there; it has nothing to send.
        return (question.action, question.protocol) in {("read", "rtsp"), ("read", "rtsps")} or question.action == "api"
    match question.action, question.protocol:
        case "read", "hls" if is_served(question.path):
            right = hls_right(question.path, question.query, policy, now=now)
            return right.allowed and (right.grant_id is None or still_theirs(right.grant_id))
        case "publish", _:
            return _may_publish(question, policy)
    return False


def hls_right(path: str, query: str, policy: Policy, *, now: float) -> HlsRight:
    """As if the camera's playlist had been asked for at the gateway: same camera, grant, revocations, open mode.

    `query` is as Go sorts and writes it.  A grant for something else is as bad as a forged one; telling them apart
    would cost a try for each camera there is, in the one thread in which MediaMTX waits.
    """
    asked = Asked("GET", f"{policy.base_path}/{path}/index.m3u8?{query}")
    verdict = decide(asked, replace(policy, known=()), now=now)
    if verdict.refusal is not None or not _is_of(path, verdict, open_mode=policy.everybody is not None):
        return HlsRight(allowed=False)
    return HlsRight(allowed=True, grant_id=verdict.principal.grant_id)


def _is_of(path: str, verdict: Verdict, *, open_mode: bool) -> bool:
    """A path can look like a grant with a camera behind it, or like an address of something else."""
    target = verdict.target
    if target is None or target.area is not Area.PLAYLIST or target.camera != path or target.path_grant is not None:
        return False
    return open_mode or verdict.carrier is Carrier.QUERY


def _is_gateway(question: Question, secret: str | None) -> bool:
    if secret is None or question.user != GATEWAY_USER:
        return False
    return hmac.compare_digest(question.password.encode(), secret.encode())


def _may_publish(question: Question, policy: Policy) -> bool:
    """Cameras that push show an API key as their password, whatever their user name."""
    account = find_api_key(question.password, policy.api_keys.values())
    return account is not None and Scope.PUBLISH in account.scopes and account.patterns.match(question.path)
