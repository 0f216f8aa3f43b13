"""Frames whose layouts are shared."""

from __future__ import annotations

from gateway.media.units import TrackKind
from gateway.rtp.shared import MAX_LAYOUTS, SharedFrame
from gateway.rtp.stream import RtpFrame
from gateway.rtp.templates import PacketClass, lay_out

FRAME = RtpFrame(0, 0, (b"\x41" * 100, b"\x41" * 100), keyframe=False, captured_at=0.0, size=200)


def test_viewers_of_equal_classes_share_one_layout() -> None:
    shared = SharedFrame(TrackKind.VIDEO, FRAME)
    runs = shared.lay_out(PacketClass(1, 102, 5))
    assert runs == lay_out(FRAME, PacketClass(1, 102, 5))
    assert shared.lay_out(PacketClass(1, 102, 5)) is runs
    assert shared.lay_out(PacketClass(1, 103, 5)) is not runs


def test_viewers_cannot_make_a_frame_hold_ever_more_layouts() -> None:
    shared = SharedFrame(TrackKind.VIDEO, FRAME)
    first = shared.lay_out(PacketClass(1, 96))
    kept = shared.lay_out(PacketClass(1, 97))
    for payload_type in range(98, 98 + MAX_LAYOUTS - 1):
        shared.lay_out(PacketClass(1, payload_type))
    assert shared.lay_out(PacketClass(1, 97)) is kept
    again = shared.lay_out(PacketClass(1, 96))
    assert again == first
    assert again is not first
