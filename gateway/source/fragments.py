"""Joins what FFmpeg delivers without its parser, one packet per RTP payload, to H.264 pictures (pure).

A picture ends where the next timestamp begins (RFC 6184 section 5.1), an interval late.  It can be told at once from
two habits of a camera: every fragment of a NAL unit but the last has one size, and every picture has the same number of
slices.  Both are learned and held against what follows before anything is passed on early.  A camera of which a
picture was ever passed on too early, or that keeps differing, is refused for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.media.annexb import START_CODE
from gateway.media.h264 import NalType

PICTURES_TO_TRUST: Final = 30
FRAGMENTS_TO_TRUST: Final = 4
"""How often the size must have been seen; with PICTURES_TO_TRUST and at least one keyframe."""

MAX_PICTURE_BYTES: Final = 8 << 20
"""More than this under one timestamp is no picture."""

_RESTARTS: Final = 3
# A quarter of the time between two pictures.
_CORRECTION_SHIFT: Final = 2
# FFmpeg writes a start code and the NAL header in front of a NAL unit's first fragment.
_FIRST_EXTRA: Final = len(START_CODE) + 1
_FIRST_MB_IS_ZERO: Final = 0x80
_LEADING: Final = frozenset({NalType.SPS, NalType.PPS, NalType.AUD})
_SLICES: Final = frozenset({NalType.SLICE, NalType.IDR_SLICE})
_KNOWN: Final = _LEADING | _SLICES | {NalType.SEI}


class Habit(Enum):
    """What is known of a camera's way to send: not enough yet, enough to tell a picture's end, or that it can't be."""

    LEARNING = auto()
    TRUSTED = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Joined:
    """One picture; `early` if nothing of the next one had arrived."""

    data: bytes
    pts: int
    keyframe: bool
    early: bool


def leads_only(data: bytes) -> bool:
    """Whether a fragment is nothing but parameter sets and delimiters, which are never split over packets."""
    return data.startswith(START_CODE) and all(kind in _LEADING for kind, _ in _nal_units(data))


class FragmentJoiner:
    """One connection's fragments.  What it learned outlives `close`, so that a camera is learned once."""

    __slots__ = (
        "_begun",
        "_bytes",
        "_entering",
        "_full",
        "_fulls",
        "_guessed",
        "_keyframe",
        "_keyframes",
        "_last_size",
        "_parts",
        "_pts",
        "_restarts",
        "_sent",
        "_slices",
        "_spoilt",
        "_step",
        "_suspended",
        "_usual_slices",
        "_verified",
        "broken",
        "habit",
    )

    def __init__(self) -> None:
        self.habit = Habit.LEARNING
        self.broken = False
        """Set when a picture was lost or passed on too early: what follows can't be decoded up to a keyframe."""

        self._restarts = 0
        self._entering = False
        # What was learned: bytes of a fragment that is not a NAL unit's last, slices of a picture; and how often.
        self._full = self._usual_slices = 0
        self._fulls = self._verified = self._keyframes = 0
        # The current picture.
        self._pts: int | None = None
        self._step = 0
        self._parts: list[bytes] = []
        self._bytes = self._slices = self._last_size = 0
        self._keyframe = self._begun = self._guessed = self._sent = self._spoilt = self._suspended = False

    def enter(self) -> None:
        """What comes next is a keyframe without its first packet, else it is `broken`."""
        self._pts = None
        self._clear()
        self._entering = True

    def close(self) -> Joined | None:
        """The picture up to here, where a new one is known to begin; what comes next is not a fragment."""
        finished = self._finish()
        self._pts = None
        self._clear()
        return finished

    def begins_picture(self, pts: int | None) -> bool:
        """Whether a fragment with this timestamp belongs to a new picture.

        Where there is sound FFmpeg corrects timestamps by each sender report, which may come within a picture.
        """
        if pts is None:
            return False
        return self._pts is None or abs(pts - self._pts) > self._step >> _CORRECTION_SHIFT

    def add(self, data: bytes, pts: int | None) -> list[Joined]:
        """The pictures that are known to be complete with this fragment."""
        if pts is None:
            self._refuse()
            pts = self._pts
            if pts is None:
                return []
        starts = data.startswith(START_CODE)
        out: list[Joined] = []
        if self.begins_picture(pts):
            self._next(pts, out)
        elif self._guessed:
            self._contradict(data, starts=starts, out=out)
        if self._spoilt:
            return out
        belongs = self._open_nal_units(data, out) if starts else self._continue(len(data))
        if not belongs:
            return out
        self._parts.append(data)
        self._bytes += len(data)
        self._last_size = len(data) - _FIRST_EXTRA if starts else len(data)
        self._guessed = self._slices > 0 and self._slices == self._usual_slices and self._last_size < self._full
        if self._guessed and self.habit is Habit.TRUSTED:
            self._sent = True
            out.append(self._picture(self._pts or 0, early=True))
        elif self._bytes > MAX_PICTURE_BYTES:
            self._refuse()
            self._spoil()
        return out

    def _next(self, pts: int, out: list[Joined]) -> None:
        finished = self._finish()
        if finished is not None:
            out.append(finished)
        whole = not (self._spoilt or self._suspended)
        carried = self._parts if self._pts is not None and self._slices == 0 and whole else []
        if self._pts is not None:
            self._step = abs(pts - self._pts)
        self._clear()
        self._pts = pts
        if carried:
            # Parameter sets under a timestamp of their own belong to the picture behind them.
            self._refuse()
            self._parts = carried
            self._begun = True

    def _finish(self) -> Joined | None:
        """The current picture, unless it is gone already; it is the proof of what was learned, or not."""
        if self._pts is None or self._slices == 0 or self._spoilt:
            return None
        if self.habit is Habit.LEARNING and not self._suspended:
            self._learn()
        return None if self._sent else self._picture(self._pts, early=False)

    def _learn(self) -> None:
        if self._usual_slices == 0:
            self._usual_slices = self._slices
        elif self._usual_slices != self._slices:
            self._differ()
            return
        self._verified += 1
        self._keyframes += self._keyframe
        if self._verified >= PICTURES_TO_TRUST and self._keyframes and self._fulls >= FRAGMENTS_TO_TRUST:
            self.habit = Habit.TRUSTED
            self._restarts = 0

    def _contradict(self, data: bytes, *, starts: bool, out: list[Joined]) -> None:
        """The picture seemed complete, and here is more under its timestamp."""
        if starts and self._begins_another(data):
            # A second field, say: what was passed on was complete.
            self._split(out)
            return
        if self._sent:
            self._refuse()
            self._spoil()
        else:
            self._differ()

    def _begins_another(self, data: bytes) -> bool:
        kind, begin = next(_nal_units(data), (0, 0))
        return (
            kind == NalType.AUD
            or (kind in _SLICES and _first_in_picture(data, begin))
            or (self._sent and kind in _LEADING)
        )

    def _split(self, out: list[Joined]) -> None:
        pts = self._pts
        self._refuse()
        finished = self._finish()
        if finished is not None:
            out.append(finished)
        self._clear()
        self._pts = pts

    def _open_nal_units(self, data: bytes, out: list[Joined]) -> bool:
        """Take note of what begins; False if it is not to be passed on."""
        if self._slices and not self._guessed and self._begins_another(data):
            self._split(out)
        self._begun = True
        for kind, begin in _nal_units(data):
            if kind not in _KNOWN:
                self._refuse()
            if kind not in _SLICES:
                continue
            if self._entering and (kind != NalType.IDR_SLICE or not _first_in_picture(data, begin)):
                self._refuse()
                self._spoil()
                return False
            self._entering = False
            self._slices += 1
            self._keyframe = self._keyframe or kind == NalType.IDR_SLICE
        return True

    def _continue(self, size: int) -> bool:
        """Whether a fragment without a start code has a beginning: the one before it was not the last then."""
        if not self._begun:
            # Its beginning was lost, on the way or when entering.
            if self._entering:
                self._refuse()
                self._spoil()
            return False
        if self._suspended:
            return True
        if self._full == 0:
            self._full = self._last_size
        if self._last_size != self._full or size > self._full:
            self._differ()
        else:
            self._fulls += 1
        return True

    def _differ(self) -> None:
        """Not the habit that was taken for one.  Learn anew, a few times: perhaps a packet was lost."""
        if self.habit is Habit.REFUSED:
            return
        self._restarts += 1
        self._full = self._fulls = self._usual_slices = self._verified = self._keyframes = 0
        self._suspended = True
        self.habit = Habit.LEARNING if self._restarts <= _RESTARTS else Habit.REFUSED

    def _refuse(self) -> None:
        self.habit = Habit.REFUSED

    def _spoil(self) -> None:
        """Nothing more of this picture is passed on."""
        self._spoilt = self.broken = True
        self._entering = False
        self._parts = []
        self._bytes = 0

    def _picture(self, pts: int, *, early: bool) -> Joined:
        parts, self._parts = self._parts, []
        self._bytes = 0
        return Joined(b"".join(parts), pts, self._keyframe, early)

    def _clear(self) -> None:
        self._parts = []
        self._bytes = self._slices = self._last_size = 0
        self._keyframe = self._begun = self._guessed = self._sent = self._spoilt = self._suspended = False


def _nal_units(data: bytes) -> Iterator[tuple[int, int]]:
    """(type, begin) of the NAL units that begin in a fragment: one, or several of an aggregation packet."""
    begin = len(START_CODE)
    while 0 < begin < len(data):
        yield data[begin] & 0x1F, begin
        begin = data.find(START_CODE, begin) + len(START_CODE)
        if begin < len(START_CODE) + 1:
            return


def _first_in_picture(data: bytes, begin: int) -> bool:
    """Whether first_mb_in_slice is 0 (H.264 section 7.3.3): ue(0) is a single set bit."""
    return begin + 1 < len(data) and data[begin + 1] & _FIRST_MB_IS_ZERO != 0
