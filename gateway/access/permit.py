"""How long somebody who is watching may go on: what let them in is judged again, as if they had just come (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from gateway.access.carriers import Carried, carried_by
from gateway.access.decision import Asked, Policy, Verdict, decide
from gateway.access.needs import Need
from gateway.access.principal import Kind, Principal
from gateway.access.refusal import FORBIDDEN, Refusal

CHECK_INTERVAL_S: Final = 10.0
"""How often permits in use are judged again: with the clocks' skew of 30 s they end within a minute."""


class Permit:
    """What let a request in.  Belongs to the event loop's thread.

    Long-lived things (a socket, a WebRTC session) are `ended_by` it: whatever ends the right to watch (expiry, a key
    rotated out, signing out, an account or camera that is gone) ends them at the next `check`.
    """

    def __init__(self, permits: Permits, asked: Asked, verdict: Verdict, checked_user: str | None) -> None:
        self._permits = permits
        self._asked = asked
        self._checked_user = checked_user
        self._verdict = verdict
        self._endings: dict[int, Callable[[], None]] = {}

    @property
    def principal(self) -> Principal:
        """Who watches."""
        return self._verdict.principal

    @property
    def expires_at(self) -> float | None:
        """Unix seconds; None where nothing but the configuration ends it."""
        return self.principal.expires_at

    def ended_by(self, ending: Callable[[], None]) -> Callable[[], None]:
        """Calls `ending` once the permit is over; returns what takes that back."""
        number = self._permits.watch(self)
        self._endings[number] = ending
        return lambda: self._forget(number)

    def _forget(self, number: int) -> None:
        if self._endings.pop(number, None) is not None and not self._endings:
            self._permits.unwatch(self)

    def renew(self, token: str) -> float | Refusal:
        """Goes on with a fresh grant for the same camera: until when (unix seconds), or why it is not good."""
        camera = self._verdict.target.camera if self._verdict.target is not None else None
        if camera is None or self._verdict.need is Need.NOTHING:
            return FORBIDDEN
        asked = Asked("GET", f"{self._permits.base_path}/{camera}/", authorization=(f"Bearer {token}",))
        verdict = self._permits.judge_own(asked)
        if verdict.refusal is not None:
            return verdict.refusal
        expires_at = verdict.principal.expires_at
        if expires_at is None or (self.expires_at is not None and expires_at > self.expires_at):
            self._asked, self._verdict, self._checked_user = asked, verdict, None
        return self.expires_at if self.expires_at is not None else self._permits.now()

    def take_over(self, other: Permit) -> None:
        """Goes on with what a later request showed, unless this lasts longer by itself."""
        mine, theirs = self.expires_at, other.expires_at
        if mine is not None and (theirs is None or theirs > mine):
            self._asked, self._verdict, self._checked_user = other._asked, other._verdict, other._checked_user

    def holds(self) -> bool:
        """Whether the same would be let in now."""
        return self._permits.judge(self._asked, self._checked_user).refusal is None

    @property
    def grant(self) -> tuple[str, float] | None:
        """Id and end (unix seconds) of the grant that let them in, None if it was something else."""
        principal = self.principal
        if principal.kind is not Kind.GRANT or principal.grant_id is None or principal.expires_at is None:
            return None
        return principal.grant_id, principal.expires_at

    @property
    def token(self) -> str | None:
        """The grant that let them in, whole, None if it was something else."""
        target = self._verdict.target
        if self.grant is None or target is None:
            return None
        carried = carried_by(target, authorization=self._asked.authorization)
        return carried.values[0] if isinstance(carried, Carried) else None

    def if_posted(self) -> Permit | None:
        """What the same request had got by POST, where its own method needs nothing; None if it shows no grant.

        Only a grant for this very camera counts: it costs next to nothing to see that a forged one is none.
        """
        asked = replace(self._asked, method="POST")
        permit = Permit(self._permits, asked, self._permits.judge_own(asked), None)
        return permit if permit._verdict.refusal is None and permit.grant is not None else None

    def is_of_session(self, session_id: str) -> bool:
        """Whether a session cookie of this id let them in."""
        return self._verdict.session is not None and self._verdict.session.id == session_id

    def recooked(self, header: str) -> None:
        """Goes on with a renewed cookie of the same session, as a Cookie header would carry it."""
        asked = replace(self._asked, cookie=(header,))
        verdict = self._permits.judge(asked, None)
        if verdict.refusal is None:
            self._asked, self._verdict = asked, verdict

    def end(self) -> None:
        """Ends what depends on it."""
        endings, self._endings = self._endings, {}
        self._permits.unwatch(self)
        for ending in endings.values():
            ending()


class Permits:
    """The permits that something running depends on."""

    def __init__(self, policy: Callable[[], Policy], *, now: Callable[[], float]) -> None:
        self._policy = policy
        self.now = now
        self._watched: dict[Permit, None] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[Permit]:
        return iter(tuple(self._watched))

    @property
    def base_path(self) -> str:
        """Of the addresses that are judged."""
        return self._policy().base_path

    def judge(self, asked: Asked, checked_user: str | None) -> Verdict:
        """As of now."""
        return decide(asked, self._policy(), now=self.now(), checked_user=checked_user)

    def judge_own(self, asked: Asked) -> Verdict:
        """As of now, a grant by what could cover its own camera only: one for another is as bad as a forged one.

        Telling the two apart costs a try for each camera there is, for whoever is let in already.
        """
        return decide(asked, replace(self._policy(), known=()), now=self.now())

    def give(self, asked: Asked, verdict: Verdict, *, checked_user: str | None = None) -> Permit:
        """For a request that was let in."""
        return Permit(self, asked, verdict, checked_user)

    def check(self, permits: Iterable[Permit] | None = None) -> int:
        """Ends those of `permits` (all by default) that no longer hold; how many.  Each costs some 30 µs."""
        over = [permit for permit in (self if permits is None else permits) if not permit.holds()]
        for permit in over:
            permit.end()
        return len(over)

    def watch(self, permit: Permit) -> int:
        """For `Permit.ended_by`: a number of its own."""
        self._watched[permit] = None
        self._numbers += 1
        return self._numbers

    def unwatch(self, permit: Permit) -> None:
        """Nothing depends on it any more."""
        self._watched.pop(permit, None)
