"""The thread that reads one connection to a camera, from opening to closing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from gateway.clock import Clock
from gateway.media.capture_clock import ClockEstimate, ClockMode
from gateway.media.codecs import video_codec
from gateway.media.units import AccessUnit, StreamInfo, VideoCodec
from gateway.source import connection
from gateway.source.assembler import Arrival, Assembler, Continuation
from gateway.source.failures import Attempt, classify, reason
from gateway.source.handover import Ended, Handover, Waiting
from gateway.source.pictures import Allowance, Picture, Pictures
from gateway.source.status import ReasonCode
from gateway.source.validator import assess_best

_log = logging.getLogger(__name__)

_WAITING_EVERY_S: Final = 1.0
_HELD_LIMIT: Final = 128
_ALLOWANCE: Final = Allowance()


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """What to read and how; `name` is the camera's, for the log."""

    name: str
    url: str = field(repr=False)
    transport: Literal["tcp", "udp"]
    clock_mode: ClockMode


class Reader:
    """One attempt.  Everything it has to say goes through its handover, an `Ended` last."""

    def __init__(
        self,
        settings: ReaderSettings,
        handover: Handover,
        *,
        clock: Clock,
        continuation: Continuation,
        allowance: Allowance = _ALLOWANCE,
    ) -> None:
        self._settings = settings
        self._handover = handover
        self._clock = clock
        self._continuation = continuation
        self._allowance = allowance
        self._stopped = threading.Event()
        self._assembler: Assembler | None = None
        self._thread = threading.Thread(target=self._run, name=f"source {settings.name}", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, which it does at the next packet, at the latest at FFmpeg's deadline if there is silence."""
        self._stopped.set()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    @property
    def estimate(self) -> ClockEstimate | None:
        """The newest picture's date, None before there is one."""
        return self._assembler.clock if self._assembler else None

    def _run(self) -> None:
        opened = False
        url = self._settings.url
        began_s = self._clock.monotonic()
        try:
            with connection.open_container(url, self._settings.transport) as container:
                opened = True
                ended = self._read(container)
        except (av.FFmpegError, OSError) as error:
            _log.debug("%s: reading ended by %s", self._settings.name, type(error).__name__)
            ended = Ended(classify(error, url, Attempt(opened, self._clock.monotonic() - began_s)))
        except Exception as error:  # noqa: BLE001 (a camera must never take its supervisor down)
            # No traceback: the text of PyAV's exceptions holds the URL.
            _log.error("%s: reading failed by %s", self._settings.name, type(error).__name__)
            ended = Ended(reason(ReasonCode.PROTOCOL, url))
        self._handover.put(ended)

    def _read(self, container: InputContainer) -> Ended:
        video = connection.video_stream(container)
        audio = connection.audio_stream(container)
        audio_source = connection.describe_audio(audio) if audio is not None else None
        assembler = Assembler(
            connection.describe_video(video) if video is not None else None,
            audio_source,
            continuation=self._continuation,
            clock_mode=self._settings.clock_mode,
        )
        self._assembler = assembler
        rejected = _rejection(assembler)
        if rejected is not None or video is None:
            return rejected or Ended(reason(ReasonCode.PROTOCOL, self._settings.url))
        wanted: list[Stream] = [video]
        if audio is not None and audio_source is not None:
            wanted.append(audio)
        h264 = video_codec(video.codec_context.name) is VideoCodec.H264
        pictures = Pictures(container, self._allowance, name=self._settings.name, h264=h264)
        try:
            return self._relay(container.demux(wanted), pictures, assembler, video_index=video.index)
        finally:
            pictures.close()

    def _relay(
        self, packets: Iterator[Packet[Stream]], pictures: Pictures, assembler: Assembler, *, video_index: int
    ) -> Ended:
        relay = _Relay(assembler, self._handover)
        heard_s = self._clock.monotonic()
        for packet in packets:
            if self._stopped.is_set():
                break
            if not packet.size:
                continue
            arrival = Arrival(self._clock.now(), self._clock.monotonic())
            if arrival.monotonic_s - heard_s >= connection.READ_TIMEOUT_S:
                # FFmpeg's deadline has passed: this is the picture its parser had held back, not a new one.
                return Ended(reason(ReasonCode.NO_PICTURES, self._settings.url))
            heard_s = arrival.monotonic_s
            if packet.stream_index != video_index:
                relay.audio(packet, arrival)
                continue
            for picture in pictures.take(packet, watched=self._handover.watched):
                rejected = relay.video(picture, arrival)
                if rejected is not None:
                    return rejected
        return Ended(reason(ReasonCode.CLOSED, self._settings.url))


class _Relay:
    """Passes packets through the assembler into the handover: the stream's description first, whenever it changed."""

    def __init__(self, assembler: Assembler, handover: Handover) -> None:
        self._assembler = assembler
        self._handover = handover
        self._judged: StreamInfo | None = None
        self._announced: StreamInfo | None = None
        self._told_waiting_s = 0.0
        self._held: list[AccessUnit] = []

    def audio(self, packet: Packet[Stream], arrival: Arrival) -> None:
        unit = self._assembler.audio(bytes(packet), pts=packet.pts, duration=packet.duration or 0, arrival=arrival)
        if unit is not None:
            self._pass(unit)

    def video(self, picture: Picture, arrival: Arrival) -> Ended | None:
        """Pass a picture on; returns why the connection must end where what it carries can't be shown."""
        unit = self._assembler.video(
            picture.data,
            pts=picture.pts,
            dts=picture.dts,
            keyframe=picture.keyframe,
            arrival=arrival,
            reported_at=picture.reported_at,
            early=picture.early,
        )
        if self._assembler.stream is not self._judged:
            rejected = _rejection(self._assembler)
            if rejected is not None:
                return rejected
            self._judged = self._assembler.stream
        if unit is not None:
            self._pass(unit)
        elif arrival.monotonic_s - self._told_waiting_s >= _WAITING_EVERY_S:
            self._told_waiting_s = arrival.monotonic_s
            self._handover.put(Waiting())
        return None

    def _pass(self, unit: AccessUnit) -> None:
        self._held.append(unit)
        if self._assembler.suspects_b_frames and len(self._held) < _HELD_LIMIT:
            # A camera that will be refused in a moment must not appear live before.
            return
        if self._judged is not self._announced and self._judged is not None:
            self._announced = self._judged
            self._handover.put(self._judged)
        for held in self._held:
            self._handover.put(held)
        self._held.clear()


def _rejection(assembler: Assembler) -> Ended | None:
    verdict = assess_best(assembler.stream)
    return None if verdict.ok else Ended(verdict.reason, rejected=assembler.stream)
