"""A quiet chime once a second, on the second of the wall clock, as packets of Opus, G.711 or AAC."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags

from gateway.demo.spec import AudioChoice

_NOTES_HZ: Final = (523.25, 659.25, 783.99)
_LEVEL: Final = 0.06
_DECAY_PER_S: Final = 9.0
_BITRATE_BPS: Final = {AudioChoice.OPUS: 32_000, AudioChoice.AAC: 48_000}


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """What an SDP says of the sound; `frame_samples` is one packet's length, `setup` AAC's AudioSpecificConfig."""

    choice: AudioChoice
    clock_rate: int
    channels: int
    frame_samples: int
    setup: bytes = b""

    @property
    def frame_s(self) -> float:
        """One packet's length in seconds."""
        return self.frame_samples / self.clock_rate


_ENCODERS: Final = {
    AudioChoice.OPUS: ("libopus", 48_000, "s16", 960),
    AudioChoice.PCMU: ("pcm_mulaw", 8_000, "s16", 160),
    AudioChoice.PCMA: ("pcm_alaw", 8_000, "s16", 160),
    AudioChoice.AAC: ("aac", 48_000, "fltp", 1024),
}


class AudioEncoder:
    """One channel of sound; used by one thread at a time."""

    def __init__(self, choice: AudioChoice) -> None:
        codec_name, rate, sample_format, frame_samples = _ENCODERS[choice]
        context = av.CodecContext.create(codec_name, "w")
        if not isinstance(context, av.AudioCodecContext):
            raise TypeError(f"FFmpeg's encoder {codec_name} does not take sound.")
        context.sample_rate = rate
        context.format = sample_format
        context.layout = "mono"
        context.time_base = Fraction(1, rate)
        if choice in _BITRATE_BPS:
            context.bit_rate = _BITRATE_BPS[choice]
        context.flags |= Flags.global_header
        context.open()
        self._context = context
        self._planar_float = sample_format == "fltp"
        self._format = sample_format
        self._sound = _chime(rate)
        self._samples_fed = 0
        setup = bytes(context.extradata or b"") if choice is AudioChoice.AAC else b""
        # RFC 7587 section 7: Opus is always announced with 2 channels.
        channels = 2 if choice is AudioChoice.OPUS else 1
        self.config = AudioConfig(choice, rate, channels, frame_samples, setup)

    def encode(self, *, wall_s: float) -> bytes:
        """The packet ready after the samples that begin at `wall_s`; empty while an encoder fills its look-ahead."""
        count = self.config.frame_samples
        begin = int(wall_s % len(_NOTES_HZ) * self.config.clock_rate)
        samples = np.take(self._sound, np.arange(begin, begin + count), mode="wrap")[None, :]
        pcm = samples.astype(np.float32) if self._planar_float else (samples * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm, format=self._format, layout="mono")
        frame.sample_rate = self.config.clock_rate
        frame.pts = self._samples_fed
        frame.time_base = Fraction(1, self.config.clock_rate)
        self._samples_fed += count
        packets = [bytes(packet) for packet in self._context.encode(frame)]
        return packets[0] if packets else b""


def _chime(rate: int) -> npt.NDArray[np.float32]:
    """One soft note a second, each with its octave, fading."""
    time_s = np.arange(rate) / rate
    envelope = np.exp(-_DECAY_PER_S * time_s) * np.minimum(1, time_s * 200) * _LEVEL
    notes = [
        (np.sin(2 * np.pi * note * time_s) + 0.3 * np.sin(4 * np.pi * note * time_s)) * envelope for note in _NOTES_HZ
    ]
    return np.concatenate(notes).astype(np.float32)
