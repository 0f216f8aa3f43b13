"""The tracks of one viewer: what was negotiated, over the streams of a camera."""

from __future__ import annotations

import secrets
from typing import Final

from gateway.clock import Clock
from gateway.media.units import StreamInfo, TrackKind
from gateway.rtp.templates import PacketClass
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.selection import Selection
from gateway.webrtc.track import ViewerTrack
from gateway.webrtc.wire import Wire

_FIRST_NUMBERS: Final = 1 << 14


def viewer_tracks(
    broadcast: Broadcast, stream: StreamInfo, *, selection: Selection, wire: Wire, clock: Clock
) -> dict[TrackKind, ViewerTrack]:
    """Those that both sides have, each with numbers of its own."""
    tracks: dict[TrackKind, ViewerTrack] = {}

    def add(kind: TrackKind, codec: str, packet_class: PacketClass, rtx: PacketClass | None) -> None:
        tracks[kind] = ViewerTrack(
            broadcast.rtp_track(kind),
            packet_class,
            codec=codec,
            rtx=rtx,
            first_number=secrets.randbelow(_FIRST_NUMBERS) + 1,
            wire=wire,
            clock=clock,
            keyframe=broadcast.keyframe,
        )

    tag_size = wire.tag_size
    if selection.video is not None and stream.video is not None:
        delay_id, rtx_type = selection.video.playout_delay_id, selection.video.rtx_payload_type
        payload_type = selection.video.codec.payload_type
        add(
            TrackKind.VIDEO,
            stream.video.codec,
            PacketClass(broadcast.ssrc[TrackKind.VIDEO], payload_type, delay_id, tag_size=tag_size),
            None if rtx_type is None else PacketClass(broadcast.rtx_ssrc, rtx_type, delay_id, tag_size=tag_size),
        )
    if selection.audio is not None and stream.audio is not None:
        payload_type = selection.audio.codec.payload_type
        packet_class = PacketClass(broadcast.ssrc[TrackKind.AUDIO], payload_type, tag_size=tag_size)
        add(TrackKind.AUDIO, stream.audio.codec, packet_class, None)
    return tracks
