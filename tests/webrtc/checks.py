"""Connectivity checks as a viewer's browser sends them."""

from __future__ import annotations

from collections.abc import Sequence

from aioice.stun import Class, Message, Method

from gateway.webrtc.ice import IceLiteAgent

VIEWER_UFRAG = "viewer"


def check(
    agent: IceLiteAgent,
    *,
    user: str | None = None,
    password: str | None = None,
    nominate: bool = True,
    method: Method = Method.BINDING,
    kind: Class = Class.REQUEST,
    sign: bool = True,
    fingerprint: bool = True,
    extra: Sequence[str] = (),
) -> bytes:
    """A connectivity check as a browser sends it; `extra` are further attributes that aioice knows."""
    message = Message(method, kind)
    message.attributes["USERNAME"] = user if user is not None else f"{agent.local_username}:{VIEWER_UFRAG}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    for name in extra:
        message.attributes[name] = 0
    if sign:
        message.add_message_integrity((password or agent.local_password).encode())
    else:
        message.add_fingerprint()
    if not fingerprint:
        del message.attributes["FINGERPRINT"]
    return bytes(message)
