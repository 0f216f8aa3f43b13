"""What was ended before its time: sessions of people by signing out, grants by an administrator (pure)."""

from __future__ import annotations

import json
import re
from typing import Any, Final, Self

from gateway.access.cookies import SESSION_AGE_S, Session
from gateway.access.grants import MAX_AGE_S, SKEW_S

MAX_ENTRIES: Final = 10_000

_VERSION: Final = 1
_SESSION_ID = re.compile(r"[0-9a-f]{32}")
_GRANT_ID = re.compile(r"[0-9a-f]{16}")
_MAX_TIME: Final = 10**11


class Revocations:
    """Each entry lasts until what it names would have expired anyway.

    Holds `max_entries` of either kind.  Beyond that the sessions signed out first are forgotten together with the
    right to be that old: sessions issued before are refused as well, so nobody who signed out is let in again.  Of
    grants those are forgotten that expire first; they last an hour, and it takes an administrator to end one.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, not_before: int = 0) -> None:
        """Sessions issued before `not_before` (unix seconds) are refused."""
        self._max_entries = max_entries
        self._sessions: dict[str, int] = {}
        self._grants: dict[str, int] = {}
        self._not_before = not_before
        self.version = 0
        """Counts the changes."""

    def __len__(self) -> int:
        return len(self._sessions) + len(self._grants)

    def revoke(self, session: Session, *, now: float) -> None:
        """Ends `session`, renewed cookies of it included."""
        self.version += 1
        # Any cookie of this session was issued by now.
        self._sessions.pop(session.id, None)
        self._sessions[session.id] = int(now) + SESSION_AGE_S
        self._forget_expired(now)
        while len(self._sessions) > self._max_entries:
            oldest = next(iter(self._sessions))
            self._not_before = max(self._not_before, self._sessions.pop(oldest) - SESSION_AGE_S + 1)

    def withdraw(self, grant_id: str, *, expires: float, now: float) -> None:
        """Ends a grant that expires at `expires` (unix seconds)."""
        self.version += 1
        self._grants[grant_id] = int(expires) + SKEW_S + 1
        self._forget_expired(now)
        while len(self._grants) > self._max_entries:
            del self._grants[min(self._grants, key=self._grants.__getitem__)]

    def _forget_expired(self, now: float) -> None:
        self._sessions = {known: until for known, until in self._sessions.items() if until > now}
        self._grants = {known: until for known, until in self._grants.items() if until > now}

    def allows(self, session: Session) -> bool:
        """Whether `session` has not been ended."""
        return session.id not in self._sessions and session.issued >= self._not_before

    def allows_grant(self, grant_id: str) -> bool:
        """Whether the grant has not been ended."""
        return grant_id not in self._grants

    def as_text(self, *, now: float) -> str:
        """What `of_text` reads, without what has expired."""
        self._forget_expired(now)
        values = {
            "version": _VERSION,
            "not_before": self._not_before,
            "sessions": self._sessions,
            "grants": self._grants,
        }
        return json.dumps(values, indent=0) + "\n"

    @classmethod
    def of_text(cls, text: str, *, now: float, max_entries: int = MAX_ENTRIES) -> Self:
        """As they were written; ValueError for anything else."""
        try:
            values = json.loads(text)
        except RecursionError:
            raise ValueError("too deep") from None
        if not isinstance(values, dict) or values.get("version") != _VERSION:
            raise ValueError("not of this version")
        revocations = cls(max_entries=max_entries, not_before=_time(values.get("not_before")))
        # A clock that was wrong must not have anything kept for longer than it could be good.
        revocations._sessions = _entries(values.get("sessions"), _SESSION_ID, latest=int(now) + SESSION_AGE_S)
        revocations._grants = _entries(values.get("grants"), _GRANT_ID, latest=int(now) + MAX_AGE_S + 2 * SKEW_S + 1)
        if max(len(revocations._sessions), len(revocations._grants)) > max_entries:
            raise ValueError("too many entries")
        revocations._forget_expired(now)
        return revocations


def _entries(values: Any, name: re.Pattern[str], *, latest: int) -> dict[str, int]:
    if not isinstance(values, dict) or not all(name.fullmatch(key) for key in values):
        raise ValueError("not ids and times")
    entries = {key: min(_time(until), latest) for key, until in values.items()}
    return dict(sorted(entries.items(), key=lambda entry: entry[1]))


def _time(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_TIME:
        raise ValueError("not a time")
    return value
