"""A gateway that asks who comes: users, API keys of each scope, grants; real parts, and a clock that is driven."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestClient, TestServer

from gateway.access.api_keys import hash_api_key
from gateway.access.carriers import COOKIE_NAME
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keyring import KeysFile, ensure_keys
from gateway.access.passwords import hash_password
from gateway.access.principal import Account, Kind
from gateway.access.scopes import Scope
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.config import SourcesConfig
from gateway.hls.packager import Lengths
from gateway.hls.routes import Hls
from gateway.negotiate.turn import Turn
from gateway.web.added_cameras import FILE
from gateway.web.camera_changes import CameraChanges, Changes
from gateway.web.gatekeeper import Gatekeeper, Rules, Surroundings
from gateway.web.mediamtx import MediaMtxAccess
from tests.web.conftest import Http
from tests.webrtc.stage import HandClock, Stage, stage

CAMERAS: Final = ("cam1", "cam10", "site1/yard")
PASSWORD: Final = "cAnArY-password"
_HASH: Final = hash_password(PASSWORD)
MEDIAMTX_SECRET: Final = "cAnArY-hook-secret"
API_KEYS: Final = {name: f"cgk_{name[0] * 43}" for name in ("viewer", "signer", "master")}


def _user(name: str, *cameras: str, scopes: Iterable[Scope] = (Scope.VIEW, Scope.SIGN)) -> Account:
    return Account.of(Kind.USER, name, secret_hash=_HASH, cameras=cameras, scopes=scopes)


def _program(name: str, scope: Scope, *cameras: str) -> Account:
    return Account.of(Kind.API_KEY, name, secret_hash=hash_api_key(API_KEYS[name]), cameras=cameras, scopes=[scope])


RULES: Final = Rules(
    users={
        "admin": _user("admin", "*", scopes=Scope),
        "ann": _user("ann", "cam1"),
        "bob": _user("bob", "site1/*", scopes=[Scope.VIEW]),
        "sue": _user("sue", "site1/*", scopes=Scope),
    },
    api_keys={
        "viewer": _program("viewer", Scope.VIEW, "cam1"),
        "signer": _program("signer", Scope.SIGN, "site1/*"),
        "master": _program("master", Scope.ADMIN, "*"),
    },
    writes_per_s=0,
    media_server_secret=MEDIAMTX_SECRET,
)


@dataclass(slots=True)
class House:
    """The running gateway."""

    stage: Stage
    http: Http
    keeper: Gatekeeper
    clock: HandClock
    keys_file: Path
    configured: tuple[str, ...] = field(default=(*CAMERAS, "disabled"))

    def cookie(self, user: str) -> dict[str, str]:
        """Headers of somebody who signed in."""
        return {"Cookie": f"{COOKIE_NAME}={self.keeper.cookie_for(user)}"}

    def grant(self, prefix: str, *, lasts_s: float = 300) -> str:
        """A token."""
        return sign_grant(
            self.keeper.policy.keys.active,
            prefix=prefix,
            expires=int(self.clock.now() + lasts_s),
            grant_id=new_grant_id(),
        )


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    """Headers of a program that has somebody's password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(secret: str) -> dict[str, str]:
    """Headers with a grant or an API key."""
    return {"Authorization": f"Bearer {secret}"}


@asynccontextmanager
async def house(
    folder: Path, *, rules: Rules = RULES, surroundings: Surroundings | None = None, turn: Turn | None = None
) -> AsyncIterator[House]:
    """A gateway with CAMERAS, a disabled camera and signing keys in `folder`; nothing moves its clock but the test."""
    clock = HandClock()
    keys_file = folder / "keys.yml"
    ensure_keys(keys_file, now=clock.now())
    keeper = Gatekeeper(rules, keys=KeysFile(keys_file), surroundings=surroundings, clock=clock)
    async with stage(CAMERAS, clock=clock) as running:
        running_house = House(running, None, keeper, clock, keys_file)  # type: ignore[arg-type]
        keeper.set_cameras([camera.name for camera in running.registry], configured=running_house.configured)
        hls = Hls(running.registry.find, Lengths(), clock=clock)

        async def remove(name: str) -> None:
            camera = running.registry.retire(name)
            if camera is not None:
                await camera.close()

        changes = CameraChanges(
            SourcesConfig(by_api=True),
            Changes(add=lambda *_: None, remove=remove),
            configured={},
            added={},
            file=folder / FILE,
        )
        app = build_app(
            running.registry,
            running.sessions,
            keeper,
            clock=clock,
            folder=static_dir(),
            hls=hls,
            changes=changes,
            turn=turn,
        )
        app.add_routes(MediaMtxAccess(keeper, is_own_path=lambda _: True).routes())
        try:
            async with TestClient(TestServer(app)) as http:
                running_house.http = http
                yield running_house
        finally:
            await keeper.close()
