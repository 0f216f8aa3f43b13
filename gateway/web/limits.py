"""How often somebody may try something, by address or by account."""

from __future__ import annotations

import logging
from typing import Final

from gateway.access.principal import Principal
from gateway.access.throttle import (
    LOGIN_PER_ACCOUNT,
    LOGIN_PER_ADDRESS,
    REFUSED_PER_ADDRESS,
    SIGN_PER_ACCOUNT,
    STRANGER_TOLD,
    WRITES_PER_ADDRESS,
    Rate,
    Throttle,
    address_key,
)
from gateway.clock import Clock
from gateway.web.passwords import too_many

_log = logging.getLogger(__name__)

_WRITES_BURST: Final = 6


class Limits:
    """What is over them raises TooManyRequests, which says when to come back."""

    def __init__(self, *, writes_per_s: int, clock: Clock) -> None:
        """`writes_per_s` is that of one address, 0 for as many as it likes."""
        self._clock = clock
        self._login_per_address = Throttle(LOGIN_PER_ADDRESS)
        self._login_per_account = Throttle(LOGIN_PER_ACCOUNT)
        self._refused = Throttle(REFUSED_PER_ADDRESS)
        self._writes = _writes_throttle(writes_per_s)
        self._signing = Throttle(SIGN_PER_ACCOUNT)
        self._strangers = Throttle(STRANGER_TOLD)

    def take_login(self, user: str, *, address: str) -> None:
        """Somebody at `address` is about to try a password of `user`."""
        self._take(self._login_per_address, address_key(address), "Too many tries to sign in from your address")
        self._take(self._login_per_account, user, "Too many tries to sign in with this name")

    def give_back_login(self, user: str, *, address: str) -> None:
        """The password was right.  Not more than this one: an own account must not pay for guesses at others."""
        self._login_per_address.give_back(address_key(address))
        self._login_per_account.give_back(user)

    def check_redeeming(self, address: str) -> None:
        """Somebody tries a sign-in link."""
        self._take(self._login_per_address, address_key(address), "Too many tries to sign in from your address")

    def check_refused(self, address: str) -> None:
        """Raises for an address that was refused too often."""
        wait_s = self._refused.wait_s(address_key(address), now=self._clock.monotonic())
        if wait_s:
            raise too_many("Too many requests from your address were refused", wait_s)

    def note_refused(self, address: str) -> None:
        """Somebody at `address` was answered 401 or 403."""
        self._refused.take(address_key(address), now=self._clock.monotonic())

    def note_stranger_as_media_server(self, address: str) -> None:
        """Somebody at `address` asked as MediaMTX does, without its secret: told at most once a minute."""
        if not self._strangers.take(address_key(address), now=self._clock.monotonic()):
            _log.warning(
                "%s: asked what only MediaMTX may ask, without mediamtx.hook_secret; MediaMTX's authHTTPAddress must "
                "be http://mediamtx:SECRET@…/api/mediamtx/auth with that secret",
                address,
            )

    def check_write(self, address: str) -> None:
        """Somebody at `address` POSTs, PATCHes or DELETEs."""
        if self._writes is not None:
            self._take(self._writes, address_key(address), "Too many requests from your address")

    def check_signing(self, principal: Principal) -> None:
        """An account has an address signed."""
        self._take(self._signing, f"{principal.kind}:{principal.name}", "Too many addresses signed with this account")

    def _take(self, throttle: Throttle, key: str, what: str) -> None:
        wait_s = throttle.take(key, now=self._clock.monotonic())
        if wait_s:
            raise too_many(what, wait_s)


def _writes_throttle(per_s: int) -> Throttle | None:
    if per_s == 0:
        return None
    rate = WRITES_PER_ADDRESS if per_s == 10 else Rate(burst=_WRITES_BURST * per_s, interval_s=1 / per_s)
    return Throttle(rate)
