"""Makes a fragment of every single picture, for players that are fed as it happens (pure: units in, fragments out).

A picture must be sent before anyone knows when it ends, and Chromium throws away everything up to the next keyframe
when a picture begins more than two lengths of the one before after it (Media Source Extensions section 3.5.8).  So a
picture's end is foretold, and the next one begins exactly there, whenever it really came: pictures never leave a hole,
and as each end is foretold from the camera's own timestamp, no error adds up.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.hls.fmp4 import VIDEO_TRACK_ID, AudioEntry, AvcEntry, Run, Sample, fragment, initialization
from gateway.hls.samples import Coded, audio_entry, avc_entry, coded, leading_sets
from gateway.hls.sound import AudioLane
from gateway.media.timestamps import DEFAULT_INTERVAL
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, StreamInfo, TrackKind, VideoCodec

_AWAY_S: Final = 1.0
"""A keyframe after so long without a picture begins something new."""

_AWAY_INTERVALS: Final = 4


@dataclass(frozen=True, slots=True)
class Format:
    """What the fragments of one `generation` hold; the codec strings are RFC 6381's."""

    generation: int
    entry: AvcEntry
    video_codec: str
    audio: AudioEntry | None
    audio_codec: str

    def has_sound_for(self, codecs: Container[str]) -> bool:
        """Whether there is sound that someone can hear who plays `codecs`, in lower case."""
        return self.audio is not None and self.audio_codec.lower() in codecs

    def media_type(self, *, sound: bool) -> str:
        """What a SourceBuffer is made with."""
        codecs = f"{self.video_codec},{self.audio_codec}" if sound else self.video_codec
        return f'video/mp4; codecs="{codecs}"'

    def initialization(self, *, sound: bool, origin: int) -> bytes:
        """The initialization section for a player whose time begins at `origin` / 90000 s."""
        return initialization(self.entry, self.audio if sound else None, origin=origin)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A picture, and the sound that has come with it, each in a movie fragment of its own.

    `time` is the picture's decoding time in 1/90000 s, `zero_at` when media time 0 was captured, in unix seconds.
    """

    format: Format
    keyframe: bool
    time: int
    zero_at: float
    video: bytes
    sound: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.video) + len(self.sound)

    def data(self, *, sound: bool) -> bytes:
        """The movie fragments."""
        return self.video + self.sound if sound else self.video


@dataclass(slots=True)
class FramerCounters:
    """Pictures that were left out."""

    waiting_for_keyframe: int = 0
    unusable: int = 0


class Framer:
    """One camera's pictures from its first keyframe on."""

    def __init__(self, stream: StreamInfo) -> None:
        self.counters = FramerCounters()
        self._stream = stream
        self._lane = _lane(stream)
        self._entry: AvcEntry | None = None
        self._format: Format | None = None
        self._generation = 0
        self._number = 0
        self._boundary = 0
        """Where the last picture ends; the next begins there."""
        self._last: AccessUnit | None = None
        self._anew = True
        """A new generation begins with the next keyframe."""

    def begin(self, group: Sequence[AccessUnit]) -> list[Fragment]:
        """Take the group of pictures so far."""
        # Sound that belongs to the pictures may stand behind them.
        ordered = sorted(group, key=lambda unit: unit.track is TrackKind.VIDEO)
        return [made for made in map(self.add, ordered) if made is not None]

    def change(self, stream: StreamInfo) -> None:
        """The tracks of the units that follow."""
        before, self._stream = self._stream, stream
        if stream.audio != before.audio:
            self._lane = _lane(stream)
        self._anew = self._anew or stream.audio != before.audio or _shape(stream) != _shape(before)

    def add(self, unit: AccessUnit) -> Fragment | None:
        """Take the next unit of either track; a picture becomes a fragment at once."""
        if unit.track is not TrackKind.VIDEO:
            if self._lane is not None:
                self._lane.add(unit)
            return None
        if self._stream.video is None or self._stream.video.codec is not VideoCodec.H264:
            self.counters.unusable += 1
            return None
        sample = coded(unit, known=self._entry)
        if not sample.pieces:
            self.counters.unusable += 1
            return None
        if unit.keyframe:
            self._look_at_sets(unit)
        format_ = self._format
        if self._anew or format_ is None:
            self.counters.waiting_for_keyframe += 1
            return None
        return self._fragment(format_, unit, sample)

    def _look_at_sets(self, unit: AccessUnit) -> None:
        video, last = self._stream.video, self._last
        entry = None if video is None else avc_entry(video, leading_sets(unit.data))
        if video is None or entry is None:
            return
        away = last is not None and unit.dts - last.dts > max(
            _AWAY_S * VIDEO_CLOCK_RATE, _AWAY_INTERVALS * unit.duration
        )
        if entry == self._entry and not self._anew and not away:
            return
        self._anew = False
        self._entry = entry
        self._generation += 1
        lane, audio = self._lane, self._stream.audio
        if lane is not None:
            lane.restart()
        self._format = Format(
            self._generation,
            entry,
            video.codec_string,
            None if lane is None else lane.entry,
            "" if audio is None else audio.codec_string,
        )
        self._boundary = max(self._boundary, unit.dts)

    def _fragment(self, format_: Format, unit: AccessUnit, sample: Coded) -> Fragment:
        begin = self._boundary
        end = max(begin + 1, unit.dts + (unit.duration or DEFAULT_INTERVAL))
        picture = Sample(
            sample.pieces,
            sample.size,
            end - begin,
            sync=unit.keyframe,
            # Without reordering a picture that is moved is moved as a whole.
            composition_offset=0 if unit.pts == unit.dts else unit.pts - begin,
        )
        self._boundary, self._last = end, unit
        sound = None if self._lane is None else self._lane.take(begin=begin, end=end)
        return Fragment(
            format_,
            keyframe=unit.keyframe,
            time=begin,
            zero_at=unit.captured_at - unit.pts / VIDEO_CLOCK_RATE,
            video=fragment(self._next_number(), [Run(VIDEO_TRACK_ID, begin, (picture,))]),
            sound=b"" if sound is None else fragment(self._next_number(), [sound]),
        )

    def _next_number(self) -> int:
        self._number += 1
        return self._number


def _shape(stream: StreamInfo) -> tuple[int, int, str] | None:
    video = stream.video
    return None if video is None else (video.width, video.height, video.codec_string)


def _lane(stream: StreamInfo) -> AudioLane | None:
    entry = audio_entry(stream.audio)
    lane = None if entry is None else AudioLane(entry)
    # Sound that can't be stood in for would stop the pictures whenever it stays away.
    return lane if lane is not None and lane.can_stand_in else None
