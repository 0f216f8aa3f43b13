"""Connectivity checks as a viewer's browser sends them."""

from __future__ import annotations

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
) -> bytes:
    """A connectivity check as a browser sends it."""
    message = Message(method, kind)
    message.attributes["USERNAME"] = user if user is not None else f"{agent.local_username}:{VIEWER_UFRAG}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    if sign:
        message.add_message_integrity((password or agent.local_password).encode())
    return bytes(message)
