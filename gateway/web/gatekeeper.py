"""Knows at any moment who may do what: keys, accounts, sessions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.access.carriers import COOKIE_NAME, session_cookies
from gateway.access.cookies import Session, make_cookie, new_session, read_cookie, renewed
from gateway.access.decision import Asked, Policy
from gateway.access.hosts import is_own_host
from gateway.access.keyring import CHECK_INTERVAL_S as KEYS_INTERVAL_S
from gateway.access.keyring import KeysFile, new_key
from gateway.access.keys import Keys
from gateway.access.permit import CHECK_INTERVAL_S, Permit, Permits
from gateway.access.prefixes import known_prefixes
from gateway.access.principal import Account, Principal, everybody
from gateway.access.proxies import Client, Network, client_of
from gateway.access.scopes import Scope
from gateway.access.sign_in_links import SignInLinks
from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.web.kept_revocations import KeptRevocations
from gateway.web.limits import Limits
from gateway.web.passwords import Passwords

_log = logging.getLogger(__name__)

_DAY_S: Final = 86400.0
_CHECKED_AT_ONCE: Final = 32
_FILES_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the gateway is seen from.

    `base_url` is the configured public address without a slash at its end; `own_hosts` are names it answers to in open
    mode besides those nobody else can have; `origins` are the other sites whose pages may use it; `hls_origins` are
    those that its own pages load HLS from.
    """

    base_url: str | None = None
    base_path: str = ""
    own_hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    trusted_proxies: tuple[Network, ...] = ()
    hls_origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """What is configured about access; `everybody` is set in open mode."""

    users: Mapping[str, Account] = field(default_factory=dict)
    api_keys: Mapping[str, Account] = field(default_factory=dict)
    everybody: Principal | None = None
    max_age_s: float = 3600.0
    writes_per_s: int = 10
    media_server_secret: str | None = field(default=None, repr=False)


OPEN: Final = Rules(everybody=everybody([Scope.VIEW]))
"""Open mode: watching and listing.  What changes the gateway or ends somebody else's session stays closed."""


class Gatekeeper:
    """Belongs to the event loop's thread.

    In open mode there is no file of keys: signed addresses are let in like everybody, and none can be signed.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        keys: KeysFile | None = None,
        revocations: KeptRevocations | None = None,
        surroundings: Surroundings | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._rules = rules
        self._keys_file = keys
        self._revocations = revocations or KeptRevocations()
        self.surroundings = surroundings or Surroundings()
        self.clock = clock
        self.policy = Policy(
            Keys((new_key(now=clock.now()),)) if keys is None else keys.keys,
            frozenset(),
            users=rules.users,
            api_keys=rules.api_keys,
            revocations=self._revocations.revocations,
            base_path=self.surroundings.base_path,
            everybody=rules.everybody,
            media_server_secret=rules.media_server_secret,
        )
        self.links = SignInLinks()
        self.permits = Permits(lambda: self.policy, now=clock.now)
        self._passwords = Passwords()
        self.limits = Limits(writes_per_s=rules.writes_per_s, clock=clock)
        self._tending: asyncio.Task[None] | None = None
        self._filing: asyncio.Task[None] | None = None
        self._check_at = 0.0
        self._warn_at = float("-inf")

    def set_cameras(self, enabled: Collection[str], *, configured: Collection[str]) -> None:
        """The cameras there are now; disabled ones count for telling 403 from 401 only."""
        self.policy = replace(self.policy, cameras=frozenset(enabled), known=known_prefixes(configured))

    @property
    def is_open(self) -> bool:
        """Whether everybody who reaches the gateway may watch."""
        return self.policy.everybody is not None

    @property
    def max_age_s(self) -> float:
        """The longest time an address may be signed for."""
        return self._rules.max_age_s

    # Upkeep.

    def start(self) -> None:
        """Look after keys and permits from now on."""
        self._tending = asyncio.create_task(self._tend_on(), name="gatekeeper")

    async def close(self) -> None:
        """Stop that."""
        for task in (self._tending, self._filing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._revocations.close()
        self._passwords.close()

    async def _tend_on(self) -> None:
        while True:
            await asyncio.sleep(KEYS_INTERVAL_S)
            try:
                await self.tend()
            except Exception:  # noqa: BLE001  whoever watches would otherwise watch for ever
                _log.exception("looking after keys and permits failed")

    async def tend(self) -> None:
        """One round: take up new keys, end what has expired, warn of old keys once a day."""
        now = self.clock.monotonic()
        if self._filing is None or self._filing.done():
            self._filing = asyncio.create_task(self._look_after_files(now), name="gatekeeper's files")
        # A disk that hangs (NFS) must let nobody watch on, and hangs one thread at most.
        done, _ = await asyncio.wait({self._filing}, timeout=_FILES_S)
        if now >= self._check_at:
            self._check_at = now + CHECK_INTERVAL_S
            await self._check_permits()
        for filing in done:
            filing.result()

    async def _look_after_files(self, now: float) -> None:
        await self._revocations.save(now=self.clock.now())
        if self._keys_file is None:
            return
        if await asyncio.to_thread(self._keys_file.refresh, now=now):
            self.policy = replace(self.policy, keys=self._keys_file.keys)
        if now >= self._warn_at:
            self._warn_at = now + _DAY_S
            if warning := self.policy.keys.warning(self.clock.now()):
                _log.warning("%s", warning)

    async def _check_permits(self) -> None:
        ended, permits = 0, tuple(self.permits)
        for begin in range(0, len(permits), _CHECKED_AT_ONCE):
            ended += self.permits.check(permits[begin : begin + _CHECKED_AT_ONCE])
            # A thousand at once would hold up everybody's pictures.
            await asyncio.sleep(0)
        if ended:
            _log.info("%d viewers may watch no longer", ended)

    # Who asks.

    def client(
        self, remote: str | None, *, forwarded_for: tuple[str, ...], forwarded_proto: tuple[str, ...], is_secure: bool
    ) -> Client:
        """The client of a connection, seen through trusted proxies."""
        seen = client_of(
            remote,
            forwarded_for=forwarded_for,
            forwarded_proto=forwarded_proto,
            is_secure=is_secure,
            trusted=self.surroundings.trusted_proxies,
        )
        by_public_url = (self.surroundings.base_url or "").startswith("https:")
        return replace(seen, is_secure=True) if by_public_url else seen

    def answers_to(self, host: str | None) -> bool:
        """Whether a request's Host is one of ours; matters in open mode only."""
        return not self.is_open or is_own_host(host, own=self.surroundings.own_hosts)

    async def check_password(self, user: str, password: str, *, address: str) -> bool:
        """Whether the password is right, which takes as long for a user who doesn't exist.  Raises TooManyRequests."""
        password_hash = self.policy.password_hash(user)
        if self._passwords.remembers(user, password, password_hash, now=self.clock.monotonic()):
            return True
        self.limits.take_login(user, address=address)
        if not await self._passwords.check(user, password, password_hash, now=self.clock.monotonic()):
            _log.warning("%s: a wrong password%s", address, f" for {user}" if password_hash is not None else "")
            return False
        self.limits.give_back_login(user, address=address)
        return True

    # Sessions of people.

    def cookie_for(self, user: str) -> str:
        """A new session's cookie, for somebody who has just proved to be `user`."""
        return self._cookie(new_session(user, now=self.clock.now()))

    def renewed_cookie(self, session: Session) -> str | None:
        """A fresh cookie of the same session if it is time; what is running with it goes on with the fresh one."""
        fresh = renewed(session, now=self.clock.now())
        if fresh is None:
            return None
        value = self._cookie(fresh)
        for permit in self.permits:
            if permit.is_of_session(session.id):
                permit.recooked(f"{COOKIE_NAME}={value}")
        return value

    def _cookie(self, session: Session) -> str:
        password_hash = self.policy.password_hash(session.user) or ""
        return make_cookie(session, key=self.policy.keys.active, password_hash=password_hash)

    def session_of(self, asked: Asked) -> Session | None:
        """Who is signed in with the cookies of a request, whatever else it shows."""
        policy = self.policy
        for value in session_cookies(asked.cookie):
            session = read_cookie(value, keys=policy.keys, now=self.clock.now(), password_hashes=policy.password_hash)
            if session is not None and policy.revocations.allows(session):
                return session
        return None

    async def sign_out(self, session: Session) -> None:
        """Ends a session and all pictures that are watched with it, and returns when a restart won't bring it back."""
        now = self.clock.now()
        self._revocations.revocations.revoke(session, now=now)
        self.permits.check([permit for permit in self.permits if permit.is_of_session(session.id)])
        await self._revocations.save(now=now)

    async def withdraw(self, permit: Permit) -> None:
        """Ends the grant that let somebody in and all that is watched with it; nothing if it was something else."""
        grant = permit.grant
        if grant is None:
            return
        now = self.clock.now()
        self._revocations.revocations.withdraw(grant[0], expires=grant[1], now=now)
        self.permits.check([other for other in self.permits if other.grant == grant])
        await self._revocations.save(now=now)
