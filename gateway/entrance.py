"""Builds the gatekeeper from the configuration, and what has to be there before the first request."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.access.first_start import ADMIN, prepare, state_directory
from gateway.access.keyring import KeysFile
from gateway.access.principal import Account, Kind
from gateway.access.scopes import Scope
from gateway.clock import Clock
from gateway.config import AccessConfig, AccessMode, Config
from gateway.config.model import HlsMode
from gateway.errors import ConfigError
from gateway.web.gatekeeper import OPEN, Gatekeeper, Rules, Surroundings
from gateway.web.kept_revocations import FILE as REVOCATIONS
from gateway.web.kept_revocations import KeptRevocations, read_revocations

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entrance:
    """`greeted` is the user whom a link printed at the start may sign in, None where users are configured.

    `new_password` was made by this start: it is shown once, now, and isn't kept.
    """

    gatekeeper: Gatekeeper
    greeted: str | None = None
    new_password: str | None = field(default=None, repr=False)

    def greeting(self, address: str) -> list[str]:
        """What `serve` prints besides where to watch: how to sign in where nobody is configured."""
        if self.greeted is None:
            return []
        keeper = self.gatekeeper
        token = keeper.links.issue(self.greeted, now=keeper.clock.monotonic())
        base_url = keeper.surroundings.base_url
        root = address if base_url is None else f"{base_url}/"
        lines = [f"or once by {root}login?token={token}"]
        if self.new_password is not None:
            lines.insert(0, f"sign in as {self.greeted} with the password {self.new_password} (shown only now)")
        return lines


def open_entrance(config: Config, *, environment: Mapping[str, str], clock: Clock) -> Entrance:
    """Blocks on the disk.  Raises ConfigError if keys or passwords can't be read or made."""
    access = config.access
    surroundings = _surroundings(config)
    if access.mode is AccessMode.OPEN:
        rules = Rules(
            everybody=OPEN.everybody,
            writes_per_s=access.writes_per_s,
            media_server_secret=config.mediamtx.hook_secret,
        )
        return Entrance(Gatekeeper(rules, surroundings=surroundings, clock=clock))
    prepared = prepare(
        keys_file=access.keys_file,
        accounts_configured=bool(access.users),
        environment=environment,
        now=clock.now(),
    )
    users = _users(access)
    if prepared.admin_hash is not None:
        users[ADMIN] = Account.of(
            Kind.USER, ADMIN, secret_hash=prepared.admin_hash, cameras=["*"], scopes=frozenset(Scope)
        )
    rules = Rules(
        users=users,
        api_keys={
            name: Account.of(Kind.API_KEY, name, secret_hash=key.hash, cameras=key.cameras, scopes=key.scopes)
            for name, key in access.api_keys.items()
        },
        max_age_s=access.max_age,
        writes_per_s=access.writes_per_s,
        media_server_secret=config.mediamtx.hook_secret,
    )
    keeper = Gatekeeper(
        rules,
        keys=KeysFile(prepared.keys_file),
        revocations=_revocations(environment, now=clock.now()),
        surroundings=surroundings,
        clock=clock,
    )
    return Entrance(keeper, None if prepared.admin_hash is None else ADMIN, prepared.new_password)


def _revocations(environment: Mapping[str, str], *, now: float) -> KeptRevocations:
    try:
        folder = state_directory(environment)
    except ConfigError:
        _log.warning(
            "who has signed out is forgotten when the gateway stops: set STATE_DIRECTORY to a folder to keep it in"
        )
        return KeptRevocations()
    return read_revocations(folder / REVOCATIONS, now=now)


def _users(access: AccessConfig) -> dict[str, Account]:
    return {
        name: Account.of(Kind.USER, name, secret_hash=user.hash, cameras=user.cameras, scopes=user.scopes_of(name))
        for name, user in access.users.items()
    }


def _surroundings(config: Config) -> Surroundings:
    public = config.public_url
    names = {config.listen.host.lower(), socket.gethostname().lower()}
    if public is not None:
        names.add(public.host.rpartition(":")[0] or public.host)
        names.add(public.host)
    return Surroundings(
        base_url=None if public is None else str(public),
        base_path="" if public is None else public.base_path,
        own_hosts=frozenset(names),
        origins=_origins(config),
        trusted_proxies=config.trusted_proxies,
        hls_origins=_hls_origins(config),
    )


def _origins(config: Config) -> frozenset[str]:
    """The gateway's own pages are another site where they ask an edge, which passes that on."""
    own = [config.public_url.origin] if config.edges and config.public_url is not None else []
    return frozenset((*config.access.origins, *own))


def _hls_origins(config: Config) -> frozenset[str]:
    elsewhere = config.mediamtx.public_hls
    origins = {edge.url.origin for edge in config.edges}
    if elsewhere is not None and config.hls.mode is HlsMode.MEDIAMTX:
        origins.add(elsewhere.origin)
    return frozenset(origins)
