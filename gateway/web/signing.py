"""`POST /api/cameras/{camera}/sign`: addresses that open one camera for whoever has them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.access.grants import PAGE_AGE_S, new_grant_id, sign_grant
from gateway.access.prefixes import prefix_of
from gateway.access.urls import signed_urls
from gateway.errors import BadRequest
from gateway.hls.routes import Hls
from gateway.json_fields import parse_json
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import principal_of
from gateway.web.own_address import base_url
from gateway.webrtc.whep import read_body

_MAX_BODY_BYTES: Final = 1024


class Signing:
    """Signs with the newest key."""

    def __init__(self, gatekeeper: Gatekeeper, hls: Hls | None) -> None:
        """`hls` knows where its playlists are; None where there are none."""
        self._gatekeeper = gatekeeper
        self._hls = hls

    async def sign(self, request: web.Request) -> web.Response:
        """POST, optionally with `{"expires_in": seconds}`; 5 min by default, at most `access.max_age`."""
        keeper = self._gatekeeper
        keeper.limits.check_signing(principal_of(request))
        age_s = self._age_s(await read_body(request, limit=_MAX_BODY_BYTES))
        camera = request.match_info["camera"]
        expires = int(keeper.clock.now() + age_s)
        token = sign_grant(
            keeper.policy.keys.active, prefix=prefix_of(camera), expires=expires, grant_id=new_grant_id()
        )
        urls = signed_urls(base_url(request, keeper), token=token, camera=camera)
        elsewhere = None if self._hls is None else self._hls.signed_elsewhere(camera, token)
        if elsewhere is not None:
            urls["hls"] = elsewhere
        body = {"token": token, "expires_at": expires, "urls": urls}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    def _age_s(self, body: str) -> float:
        longest = self._gatekeeper.max_age_s
        if not body.strip():
            return min(float(PAGE_AGE_S), longest)
        wishes = parse_json(body)
        age_s = wishes.get("expires_in", PAGE_AGE_S) if isinstance(wishes, dict) else None
        # A comparison refuses NaN and what is infinite, too.
        if not isinstance(age_s, int | float) or isinstance(age_s, bool) or not 1 <= age_s <= longest:
            raise BadRequest(f"expires_in: must be a number of seconds from 1 to {longest:.0f}")
        return float(age_s)
