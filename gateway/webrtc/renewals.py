"""Fresh grants that come on a viewer's socket, looked at no faster than honest pages send them."""

from __future__ import annotations

from typing import Any, Final

from gateway.access.permit import Permit
from gateway.access.refusal import Refusal
from gateway.access.throttle import GRANTS_PER_SOCKET, Throttle
from gateway.clock import Clock
from gateway.webrtc.messages import GrantMessage, error_message

MAX_TOO_SOON: Final = 100
"""Grants beyond the rate that a socket is told off for; with the next one it is closed."""

_BUCKET: Final = "socket"


class Renewals:
    """Those of one socket.  `permit` is None where nobody asks for any."""

    def __init__(self, permit: Permit | None, *, clock: Clock) -> None:
        self._permit = permit
        self._clock = clock
        self._rate = Throttle(GRANTS_PER_SOCKET)
        self._too_soon = 0

    @property
    def exhausted(self) -> bool:
        """Whether so many came too soon that nothing else is to be expected of this socket."""
        return self._too_soon > MAX_TOO_SOON

    def answer(self, message: GrantMessage) -> dict[str, Any]:
        """What the socket answers; beyond the rate the grant has not been looked at."""
        if self._permit is None:
            return error_message("grant", "nobody asks for one here")
        wait_s = self._rate.take(_BUCKET, now=self._clock.monotonic())
        if wait_s:
            self._too_soon += 1
            return error_message("grant", f"too many at once; send the next one in {wait_s:.1f} s")
        renewed = self._permit.renew(message.token)
        if isinstance(renewed, Refusal):
            return error_message("grant", renewed.message)
        return {"type": "grant", "value": {"expires_at": renewed}}
