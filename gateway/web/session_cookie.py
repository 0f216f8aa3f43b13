"""How the session cookie is handed to a browser."""

from __future__ import annotations

from aiohttp import web

from gateway.access.carriers import COOKIE_NAME
from gateway.access.cookies import SESSION_AGE_S
from gateway.web.keys import CLIENT


def set_session_cookie(request: web.Request, response: web.StreamResponse, value: str, *, base_path: str) -> None:
    """Scripts never see it, and it goes by https only where the browser came by https."""
    # Lax, as a link to a camera from elsewhere should open it; embedding across sites is what grants are for.
    response.set_cookie(
        COOKIE_NAME,
        value,
        max_age=SESSION_AGE_S,
        path=base_path or "/",
        secure=request[CLIENT].is_secure,
        httponly=True,
        samesite="Lax",
    )


def drop_session_cookie(response: web.StreamResponse, *, base_path: str) -> None:
    """Signed out."""
    response.del_cookie(COOKIE_NAME, path=base_path or "/")
