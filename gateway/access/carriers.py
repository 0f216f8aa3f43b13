"""Finds what a request shows to be let in; the first that is present decides (pure)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.access.api_keys import is_api_key
from gateway.access.paths import Target
from gateway.access.refusal import BAD_CREDENTIALS, MALFORMED, Refusal

COOKIE_NAME: Final = "camera_gateway"

MAX_PASSWORD_LENGTH: Final = 1024
_MAX_HEADER_LENGTH: Final = 4096
_MAX_COOKIES: Final = 4


class Carrier(StrEnum):
    """Where it stood, and so what it is: the first, second and last-but-one carry a grant."""

    PATH = "path"
    BEARER = "bearer"
    API_KEY = "api_key"
    BASIC = "basic"
    QUERY = "query"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Carried:
    """`values` holds one secret, or for cookies each of that name: another site below the same domain can add its own.

    `user` is the name that came with a password.
    """

    carrier: Carrier
    values: tuple[str, ...] = field(repr=False)
    user: str = ""


def carried_by(
    target: Target, *, authorization: tuple[str, ...] = (), cookie: tuple[str, ...] = ()
) -> Carried | Refusal | None:
    """What the request shows; None if it shows nothing.  The headers are given as often as they came."""
    if target.path_grant is not None:
        return Carried(Carrier.PATH, (target.path_grant,))
    if authorization:
        return authorized(authorization)
    if target.query_grants:
        return Carried(Carrier.QUERY, target.query_grants) if len(target.query_grants) == 1 else MALFORMED
    cookies = session_cookies(cookie)
    return Carried(Carrier.COOKIE, cookies) if cookies else None


def authorized(headers: tuple[str, ...]) -> Carried | Refusal:
    """What the Authorization headers of a request hold, which must be one."""
    if len(headers) > 1 or len(headers[0]) > _MAX_HEADER_LENGTH:
        return BAD_CREDENTIALS
    scheme, _, value = headers[0].partition(" ")
    value = value.strip(" ")
    match scheme.lower():
        case "bearer" if is_api_key(value):
            return Carried(Carrier.API_KEY, (value,))
        case "bearer" if value.count(".") == 3:
            return Carried(Carrier.BEARER, (value,))
        case "basic":
            return _name_and_password(value)
    return BAD_CREDENTIALS


def _name_and_password(value: str) -> Carried | Refusal:
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return BAD_CREDENTIALS
    user, colon, password = text.partition(":")
    if not colon or not user or len(password) > MAX_PASSWORD_LENGTH:
        return BAD_CREDENTIALS
    return Carried(Carrier.BASIC, (password,), user)


def session_cookies(headers: tuple[str, ...]) -> tuple[str, ...]:
    """The values of our cookie, at most four, in headers as often as they came."""
    pairs = (pair.strip(" ").partition("=") for header in headers for pair in header.split(";"))
    return tuple(value for name, _, value in pairs if name == COOKIE_NAME)[:_MAX_COOKIES]
