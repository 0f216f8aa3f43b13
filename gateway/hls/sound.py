"""Lines sound up for the parts: what belongs to each, and silence where a camera's sound stays away (pure).

Browsers play only as far as every track reaches, so a track that was announced and does not come would stop the
pictures: `AudioLane` fills in silence until sound flows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.hls.fmp4 import AUDIO_TRACK_ID, AacEntry, AudioEntry, Run, Sample
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit

PATIENCE_S: Final = 1.0
"""How far sound may stay behind the pictures before silence takes its place."""

_MAX_WAITING: Final = 1024
_OPUS_SILENCE: Final = b"\xf8\xff\xfe"
"""20 ms of nothing (RFC 6716: CELT, full band, one frame)."""

_OPUS_SILENCE_TICKS: Final = 960
_AAC_FRAME_TICKS: Final = 1024
_AAC_LC: Final = 2


@dataclass(frozen=True, slots=True)
class Silence:
    """One packet without a sound, `ticks` of the track's timescale long."""

    data: bytes
    ticks: int


def silence_for(entry: AudioEntry) -> Silence | None:
    """A silent packet of that kind; None for AAC other than LC with one or two channels."""
    if not isinstance(entry, AacEntry):
        return Silence(_OPUS_SILENCE, _OPUS_SILENCE_TICKS)
    if entry.config[0] >> 3 != _AAC_LC or entry.channels not in (1, 2):
        return None
    # 14496-3 section 4.4.2: a single or a pair of channels whose spectrum has no band (max_sfb 0), then the end.
    ics_info = "00000000000"
    nothing = "000"  # no pulses, no noise shaping, no gain control
    if entry.channels == 1:
        bits = "0000000" + "00000000" + ics_info + nothing
    else:
        bits = "00100001" + ics_info + "00" + ("00000000" + nothing) * 2
    bits += "111"
    bits += "0" * (-len(bits) % 8)
    return Silence(int(bits, 2).to_bytes(len(bits) // 8, "big"), _AAC_FRAME_TICKS)


class AudioLane:
    """One audio track between the camera and the parts.  Times of pictures count in 1/90000 s."""

    def __init__(self, entry: AudioEntry) -> None:
        self.entry = entry
        self.dropped = 0
        """Packets that came too late or were too many."""
        self._silence = silence_for(entry)
        self._waiting: deque[AccessUnit] = deque()
        self._begin: int | None = None
        """Where the pictures begin that it belongs to, in the track's timescale; None until they do."""
        self._end: int | None = None
        """Where the sound handed out so far ends, in the track's timescale."""
        self._flowing = False
        self._concluding = False

    @property
    def can_stand_in(self) -> bool:
        """Whether silence can be made for this track; without it the track may only be announced once it flows."""
        return self._silence is not None

    @property
    def waiting(self) -> int:
        """Packets not handed out yet."""
        return len(self._waiting)

    def add(self, unit: AccessUnit) -> None:
        """Take the next packet."""
        # Even one that is too late ends the silence, or sound that lags by more than a part never gets its turn.
        self._flowing = True
        if self._end is not None and unit.pts < self._end - unit.duration // 2:
            self.dropped += 1
            return
        if len(self._waiting) >= _MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(unit)

    def conclude(self) -> None:
        """A discontinuity follows what is taken until `restart`: nothing can be added later, so that fills every part.

        Sound comes behind the pictures.  What is missing would be a hole where players, which can't seek to shortly
        before one, stay.
        """
        self._concluding = True

    def restart(self) -> None:
        """What comes after a discontinuity has nothing to do with what came before."""
        self._begin = self._end = None
        self._concluding = False

    def take(self, *, begin: int, end: int) -> Run | None:
        """The sound of the pictures from `begin` to `end`: all of it that has come and begins before `end`."""
        timescale = self.entry.timescale
        first, limit = (tick * timescale // VIDEO_CLOCK_RATE for tick in (begin, end))
        if self._begin is None:
            self._begin = first
        if self._end is None:
            # Not those before `begin`: of sound that lags by more than a part, all is, whenever the next part is made.
            while self._waiting and self._waiting[0].pts < self._begin:
                self._waiting.popleft()
                self.dropped += 1
        units: list[AccessUnit] = []
        while self._waiting and self._waiting[0].pts < limit:
            units.append(self._waiting.popleft())
        if units:
            return self._run(units, limit=limit)
        reached = self._begin if self._end is None else self._end
        # What waits is of later pictures: a clock that leapt, or a hole.
        if self._flowing and limit - reached > PATIENCE_S * timescale:
            self._flowing = False
        return None if self._flowing and not self._concluding else self._silent_run(reached, limit)

    def _run(self, units: list[AccessUnit], *, limit: int) -> Run:
        begin = units[0].pts if self._end is None else self._end
        samples = self._silent_samples((units[0].pts - begin) // self._silence.ticks) if self._silence else []
        for unit, following in zip(units, [*units[1:], None], strict=True):
            usual = unit.duration or _AAC_FRAME_TICKS
            # A hole becomes a longer packet, so that the track has none.
            duration = usual if following is None else max(1, following.pts - unit.pts)
            samples.append(Sample((unit.data,), len(unit.data), duration))
        if self._concluding:
            samples += self._silence_until(limit, begin=begin + sum(sample.duration for sample in samples))
        self._end = begin + sum(sample.duration for sample in samples)
        return Run(AUDIO_TRACK_ID, begin, samples)

    def _silent_run(self, begin: int, limit: int) -> Run | None:
        if self._silence is None or limit <= begin:
            return None
        samples = self._silence_until(limit, begin=begin)
        self._end = begin + len(samples) * self._silence.ticks
        return Run(AUDIO_TRACK_ID, begin, samples)

    def _silence_until(self, limit: int, *, begin: int) -> list[Sample]:
        return self._silent_samples(-(-(limit - begin) // self._silence.ticks)) if self._silence else []

    def _silent_samples(self, count: int) -> list[Sample]:
        if self._silence is None:
            return []
        return [Sample((self._silence.data,), len(self._silence.data), self._silence.ticks)] * max(0, count)
