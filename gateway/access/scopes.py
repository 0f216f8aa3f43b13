"""What an account may do (pure)."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """Watch, hand out signed addresses, see and change cameras, push pictures to MediaMTX; none includes another."""

    VIEW = "view"
    SIGN = "sign"
    ADMIN = "admin"
    PUBLISH = "publish"
