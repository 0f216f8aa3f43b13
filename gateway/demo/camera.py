"""One demo camera: its capture thread, its RTP streams, who receives them, and how to make it misbehave."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.demo.audio_encoder import AudioConfig, AudioEncoder
from gateway.demo.capture import AudioUnit, CaptureThread, Handover, Optics, Unit, VideoUnit
from gateway.demo.payloads import packetize_aac, packetize_h265
from gateway.demo.rtp_stream import Burst, RtpStream
from gateway.demo.sdp import VIDEO_PAYLOAD_TYPE, Description, audio_payload_type
from gateway.demo.spec import AudioChoice, ParameterSets
from gateway.media.units import VIDEO_CLOCK_RATE, VideoCodec
from gateway.rtp.packetizer import packetize_h264

if TYPE_CHECKING:
    from gateway.demo.spec import CameraSpec

_log = logging.getLogger(__name__)

VIDEO: Final = 0
AUDIO: Final = 1

_MAX_PAYLOAD: Final = 1400
"""Bytes; with RTP, UDP and IP headers it fits an Ethernet frame."""

DEFAULT_REPORT_INTERVAL_S: Final = 5.0


class Receiver(Protocol):
    """One client that plays; none of these may block."""

    def deliver(self, track: int, burst: Burst) -> None:
        """Sends one access unit or audio frame."""

    def report(self, track: int, packet: bytes) -> None:
        """Sends one RTCP packet."""

    def cut(self, track: int, burst: Burst) -> None:
        """Sends half of it and resets the connection."""


@dataclass(slots=True)
class _Track:
    stream: RtpStream
    clock_rate: int
    timestamp_base: int

    def timestamp(self, seconds: float) -> int:
        return self.timestamp_base + round(seconds * self.clock_rate)


class Camera:
    """Lives on one event loop; only `open`, `change_resolution` and `close` wait, for work done in other threads.

    Encodes only while at least one receiver is subscribed; the first gets a keyframe at once, later ones join
    wherever the stream is, as with real cameras.
    """

    def __init__(
        self, spec: CameraSpec, *, optics: Optics, audio: AudioEncoder | None, report_interval_s: float
    ) -> None:
        self.spec = spec
        self._report_interval_s = report_interval_s
        self._epoch_s = time.monotonic()
        self._jump_s = 0.0
        self._video_config = optics.encoder.config
        self._audio_config: AudioConfig | None = audio.config if audio else None
        self._tracks = [_new_track(VIDEO_PAYLOAD_TYPE, VIDEO_CLOCK_RATE)]
        if self._audio_config is not None:
            payload_type = audio_payload_type(self._audio_config.choice)
            self._tracks.append(_new_track(payload_type, self._audio_config.clock_rate))
        self._session_id = secrets.randbits(32)
        self._receivers: list[Receiver] = []
        self._receivers_changed = asyncio.Event()
        self._frozen = False
        self._cut_next = False
        self._sets_in_band = spec.parameter_sets is not ParameterSets.SDP_ONLY
        self._loop = asyncio.get_running_loop()
        self._reports: asyncio.TimerHandle | None = None
        handover = Handover(self._loop, self._deliver, name=spec.name)
        self._capture = CaptureThread(optics=optics, audio=audio, epoch_s=self._epoch_s, handover=handover)
        self._capture.start()

    @classmethod
    async def open(cls, spec: CameraSpec, *, report_interval_s: float = DEFAULT_REPORT_INTERVAL_S) -> Camera:
        """Paints the scene and opens the encoders, which takes some tenths of a second of another thread's time."""
        optics = await asyncio.to_thread(Optics, spec)
        audio = None if spec.audio is AudioChoice.NONE else await asyncio.to_thread(AudioEncoder, spec.audio)
        return cls(spec, optics=optics, audio=audio, report_interval_s=report_interval_s)

    async def close(self) -> None:
        """Ends the capture thread; receivers get nothing more."""
        self._receivers.clear()
        self._stop_reports()
        await asyncio.to_thread(self._capture.stop)

    @property
    def track_count(self) -> int:
        """1, or 2 with sound: track 0 is the picture, 1 the sound."""
        return len(self._tracks)

    @property
    def receiver_count(self) -> int:
        """How many clients play this camera now."""
        return len(self._receivers)

    async def until_receivers(self, count: int) -> None:
        """Returns when exactly `count` clients play; the caller sets the deadline."""
        while len(self._receivers) != count:
            self._receivers_changed.clear()
            await self._receivers_changed.wait()

    def describe(self, host: str) -> str:
        """The SDP, for a client that reached the camera at address `host`."""
        return Description(
            name=self.spec.name,
            session_id=self._session_id,
            host=host,
            video=self._video_config,
            audio=self._audio_config,
            parameter_sets=self.spec.parameter_sets is not ParameterSets.IN_BAND_ONLY,
        ).render()

    def rtp_info(self, track: int) -> tuple[int, int]:
        """The next packet's sequence number and the RTP timestamp of now (RFC 2326 section 12.33)."""
        return self._tracks[track].stream.next_sequence, self._timestamp_now(track)

    def subscribe(self, receiver: Receiver) -> None:
        """Sends `receiver` a sender report for each track, then everything as it comes."""
        self._receivers.append(receiver)
        self._receivers_changed.set()
        if len(self._receivers) == 1:
            self._capture.resume()
            self._plan_reports()
        if not self._frozen:
            self._report_to([receiver])

    def unsubscribe(self, receiver: Receiver) -> None:
        """Nothing happens if it is not subscribed."""
        if receiver not in self._receivers:
            return
        self._receivers.remove(receiver)
        self._receivers_changed.set()
        if not self._receivers:
            self._capture.pause()
            self._stop_reports()

    # Misbehaviour, for tests

    def freeze(self) -> None:
        """Sends no more media and reports; RTSP is still answered and connections stay open."""
        self._frozen = True

    def thaw(self) -> None:
        """Goes on sending, from the live picture."""
        self._frozen = False

    def jump_timestamps(self, seconds: float) -> None:
        """Moves the RTP timestamps of both tracks, and later reports with them; negative is backwards."""
        self._jump_s += seconds

    def reset_mid_frame(self) -> None:
        """Resets every client's connection in the middle of the next access unit."""
        self._cut_next = True

    async def change_resolution(self, width: int, height: int) -> None:
        """Goes on in another size: a new SPS comes in band, whatever the spec says of parameter sets."""
        spec = replace(self.spec, width=width, height=height)
        optics = await asyncio.to_thread(Optics, spec)
        self.spec = spec
        self._sets_in_band = True
        self._video_config = optics.encoder.config
        self._capture.replace_optics(optics)

    # From the capture thread to the receivers

    def _deliver(self, unit: Unit) -> None:
        if self._frozen or not self._receivers:
            return
        if isinstance(unit, VideoUnit):
            self._send(VIDEO, self._video_burst(unit))
        else:
            self._send(AUDIO, self._audio_burst(unit))

    def _send(self, track: int, burst: Burst) -> None:
        if self._cut_next and track == VIDEO:
            self._cut_next = False
            for receiver in list(self._receivers):
                receiver.cut(track, burst)
            return
        # A copy, because a receiver that is too slow leaves during the loop.
        for receiver in list(self._receivers):
            receiver.deliver(track, burst)

    def _video_burst(self, unit: VideoUnit) -> Burst:
        data = unit.config.in_band + unit.data if unit.keyframe and self._sets_in_band else unit.data
        packetize = packetize_h264 if unit.config.codec is VideoCodec.H264 else packetize_h265
        track = self._tracks[VIDEO]
        timestamp = track.timestamp(unit.capture_s - self._epoch_s + self._jump_s)
        return track.stream.burst(packetize(data, max_payload=_MAX_PAYLOAD), timestamp=timestamp, mark_last=True)

    def _audio_burst(self, unit: AudioUnit) -> Burst:
        track = self._tracks[AUDIO]
        aac = unit.config.choice is AudioChoice.AAC
        payloads = packetize_aac(unit.data) if aac else [unit.data]
        timestamp = track.timestamp(self._jump_s) + unit.number * unit.config.frame_samples
        return track.stream.burst(payloads, timestamp=timestamp, mark_last=aac)

    def _timestamp_now(self, track: int) -> int:
        return self._tracks[track].timestamp(time.monotonic() - self._epoch_s + self._jump_s) & 0xFFFFFFFF

    def _plan_reports(self) -> None:
        self._reports = self._loop.call_later(self._report_interval_s, self._report_to_all)

    def _stop_reports(self) -> None:
        if self._reports is not None:
            self._reports.cancel()
            self._reports = None

    def _report_to_all(self) -> None:
        if not self._frozen:
            self._report_to(list(self._receivers))
        self._plan_reports()

    def _report_to(self, receivers: list[Receiver]) -> None:
        for index, track in enumerate(self._tracks):
            packet = track.stream.sender_report(
                wall_s=time.time(), timestamp=self._timestamp_now(index), cname=self.spec.name
            )
            for receiver in receivers:
                receiver.report(index, packet)


def _new_track(payload_type: int, clock_rate: int) -> _Track:
    stream = RtpStream(payload_type=payload_type, ssrc=secrets.randbits(32), sequence=secrets.randbits(16))
    return _Track(stream, clock_rate, secrets.randbits(32))
