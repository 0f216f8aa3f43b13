"""How MediaMTX and the gateway prove to each other who asks, by one secret (pure; docs/adr/0012-mediamtx.md)."""

from __future__ import annotations

import hmac
from typing import Final

from gateway.access.carriers import Carried, Carrier, authorized
from gateway.access.refusal import BAD_CREDENTIALS, MISSING, Refusal

MEDIA_SERVER: Final = "mediamtx"
"""The user name in `authHTTPAddress`, which Go's HTTP client sends as Basic."""

GATEWAY_USER: Final = "gateway"
"""Whom the gateway is to MediaMTX, where it reads cameras and uses the API."""


def judge_media_server(authorization: tuple[str, ...], secret: str | None) -> Refusal | None:
    """None for whoever shows `secret`; nobody does where there is none."""
    if not authorization:
        return MISSING
    carried = authorized(authorization)
    if secret is None or not isinstance(carried, Carried) or carried.carrier is not Carrier.BASIC:
        return BAD_CREDENTIALS
    is_right = hmac.compare_digest(carried.values[0].encode(), secret.encode())
    return None if is_right and carried.user == MEDIA_SERVER else BAD_CREDENTIALS
