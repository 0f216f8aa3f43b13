"""Who is asking, and what they may see and do (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from gateway.access.grants import Grant
from gateway.access.patterns import NO_CAMERAS, Patterns
from gateway.access.prefixes import EVERYTHING, covers
from gateway.access.scopes import Scope


class Kind(StrEnum):
    """What somebody showed: password or session, API key, grant, or nothing."""

    USER = "user"
    API_KEY = "api_key"
    GRANT = "grant"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Rights of one request.  `patterns` or `prefix` says which cameras, never both; `expires_at` is unix seconds.

    `grant_id` names the grant, or the session of whoever signed in, for limits, revocation and the log.
    """

    kind: Kind
    name: str
    patterns: Patterns = NO_CAMERAS
    prefix: str | None = None
    scopes: frozenset[Scope] = frozenset()
    expires_at: float | None = None
    grant_id: str | None = None

    def may_see(self, camera: str) -> bool:
        """Whether its pictures and its existence are theirs to see."""
        return Scope.VIEW in self.scopes and self._reaches(camera)

    def may_sign(self, prefix: str) -> bool:
        """Whether they may hand out grants for `prefix`; a grant never makes another."""
        return Scope.SIGN in self.scopes and self.patterns.match_all_of(prefix)

    @property
    def administers(self) -> bool:
        """Whether they may change anything at all."""
        return Scope.ADMIN in self.scopes

    def may_administer(self, camera: str | None = None) -> bool:
        """Whether they may change this camera and end what is watched of it; None: the gateway as a whole."""
        if camera is None:
            return self.administers and self.patterns.match_all_of(EVERYTHING)
        return self.administers and self.patterns.match(camera)

    def _reaches(self, camera: str) -> bool:
        return self.patterns.match(camera) if self.prefix is None else covers(self.prefix, camera)


NOBODY = Principal(Kind.ANONYMOUS, "nobody")
"""Asks for what is open to all, and gets nothing else."""


def everybody(scopes: Iterable[Scope]) -> Principal:
    """Whoever reaches a gateway with `access.mode: open`."""
    return Principal(Kind.ANONYMOUS, "everybody", Patterns.of(["*"]), scopes=frozenset(scopes))


def holder_of(grant: Grant) -> Principal:
    """Whoever has the grant: may watch what it covers until it expires."""
    return Principal(
        Kind.GRANT,
        f"grant {grant.id}",
        prefix=grant.prefix,
        scopes=frozenset({Scope.VIEW}),
        expires_at=float(grant.expires),
        grant_id=grant.id,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A user or API key as configured; `secret_hash` is what proves it (gateway.access.hashes)."""

    kind: Kind
    name: str
    secret_hash: str = field(repr=False)
    patterns: Patterns
    scopes: frozenset[Scope]

    @classmethod
    def of(cls, kind: Kind, name: str, *, secret_hash: str, cameras: Iterable[str], scopes: Iterable[Scope]) -> Self:
        """From configured values; raises ValueError for a pattern that is none."""
        return cls(kind, name, secret_hash, Patterns.of(cameras), frozenset(scopes))

    def principal(self, *, expires_at: float | None = None, session_id: str | None = None) -> Principal:
        """The rights of a request that showed this account's secret, or a session made with it."""
        return Principal(
            self.kind,
            self.name,
            self.patterns,
            scopes=self.scopes,
            expires_at=expires_at,
            grant_id=session_id,
        )
