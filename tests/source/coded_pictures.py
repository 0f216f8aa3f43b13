"""Real H.264 for tests, and how cameras split it: what FFmpeg makes of each RTP payload, without sending any."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from gateway.media.annexb import START_CODE, split_annex_b

FULL = 400
"""Bytes of a whole fragment: small, so that small pictures have many."""


@functools.cache
def coded(*, slices: int = 1, pictures: int = 60, gop: int = 10, seed: int = 1) -> tuple[bytes, ...]:
    """Access units in Annex B with parameter sets before each keyframe; noise that moves, so that sizes vary."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 160, 128, "yuv420p"
    context.time_base, context.gop_size, context.max_b_frames = Fraction(1, 30), gop, 0
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "slices": str(slices)}
    context.thread_count = 1
    noise = np.random.default_rng(seed)
    base = noise.integers(0, 255, (192, 160), np.uint8)
    packets = []
    for number in range(pictures):
        luma = np.roll(base, number, axis=1)
        luma[:16, : noise.integers(8, 160)] = noise.integers(0, 255)
        frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    return tuple(bytes(packet) for packet in packets)


@dataclass(frozen=True, slots=True)
class Splitting:
    """How a camera packs NAL units: bytes of a fragment, small ones aggregated (STAP-A) or alone, a delimiter first."""

    full: int = FULL
    aggregates: bool = False
    delimiter: bool = False

    def fragments(self, access_unit: bytes) -> list[bytes]:
        """What FFmpeg makes of the packets of one access unit (RFC 6184 sections 5.6 to 5.8)."""
        nal_units = split_annex_b(access_unit)
        if self.delimiter:
            nal_units.insert(0, b"\x09\xf0")
        out: list[bytes] = []
        room = 0
        for nal_unit in nal_units:
            if len(nal_unit) > self.full + 2:
                out += fragments_of(nal_unit, self.full)
                room = 0
            elif self.aggregates and len(nal_unit) + 2 <= room:
                out[-1] += START_CODE + nal_unit
                room -= len(nal_unit) + 2
            else:
                out.append(START_CODE + nal_unit)
                room = self.full - len(nal_unit)
        return out

    def joined(self, access_unit: bytes) -> bytes:
        """The access unit as it comes out of the joined fragments."""
        return b"".join(self.fragments(access_unit))


def fragments_of(nal_unit: bytes, *sizes: int) -> list[bytes]:
    """A NAL unit in fragments of `sizes` bytes, the last of them again and again."""
    out = [START_CODE + nal_unit[:1]]
    begin, index = 1, 0
    while begin < len(nal_unit):
        size = sizes[min(index, len(sizes) - 1)]
        piece = nal_unit[begin : begin + size]
        if index == 0:
            out[0] += piece
        else:
            out.append(piece)
        begin += size
        index += 1
    return out


def parsed(stream: bytes) -> list[bytes]:
    """The pictures FFmpeg's own parser finds."""
    context = av.CodecContext.create("h264", "r")
    return [bytes(packet) for packet in [*context.parse(stream), *context.parse(None)]]
