"""One camera's HLS: packages while somebody watches, and lets requests wait for what comes next."""

from __future__ import annotations

import asyncio
import logging
import secrets
import zlib
from typing import Final

from gateway.clock import Clock
from gateway.errors import CameraOffline, NotFound, Unavailable, Unprocessable
from gateway.hls.children import IMMUTABLE, Answer, Child, Kind
from gateway.hls.directives import BLOCK_TARGETS, Decision, Directives, decide
from gateway.hls.next_part import NextPart
from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import (
    Variant,
    media_playlist,
    multivariant_playlist,
    peak_bps,
    skippable,
    start_offset_ms,
)
from gateway.hls.segments import Numbers
from gateway.hls.viewers import HttpViewers, Visitor
from gateway.hls.waiting import Waiting
from gateway.hls.window import Snapshot, seconds
from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.source.status import CameraState
from gateway.source.validator import assess
from gateway.sparing import SparingLog

_log = SparingLog(logging.getLogger(__name__))

RUNG: Final = "ll-hls"
IDLE_TARGETS: Final = 3
"""Who asked for nothing in so many target durations has left."""

FIRST_PLAYLIST_S: Final = 12.0
"""How long a first playlist may take to come: a camera's first keyframe may be a whole group away."""

_GATHER_S: Final = 0.25
"""How long a first playlist may gather parts, for a group of pictures that has only begun."""

_ATTACHED_S: Final = 0.025
"""From the multivariant playlist on, until a browser's media source is open.

hls.js 1.7.4 that has a media playlist before that loads nothing for up to 100 ms, its timer's interval, and stays by so
much further behind for as long as it plays.
"""

_ATTACHED_AT_MOST_S: Final = 0.06
"""The same where no picture comes so soon."""

_TICK_S: Final = 0.2
"""A playlist must change every 1.5 target durations (rfc8216bis section 6.2.1), even while the camera is away."""

_IDLE_TICK_S: Final = 1.0
"""The same while nobody watches, and nobody would see it change: what comes meanwhile is packaged all at once.

Once a second that costs a third of what it costs picture by picture, with something else in between.
"""

_MAX_HELD: Final = 256
"""Units that wait for that; more than any camera sends in a second."""

_GUESSED_BPS: Final = 2_000_000
_HEADROOM: Final = 1.25
_GZIP: Final = 16 + zlib.MAX_WBITS


class Origin:
    """Belongs to the event loop's thread.  Implements the hub's `Sink`."""

    def __init__(self, camera: Camera, lengths: Lengths, *, clock: Clock) -> None:
        self.camera = camera
        self.viewers = HttpViewers()
        self.generation = secrets.token_hex(4)
        """Stands in all addresses: numbers begin anew with an origin, and a cache must not mix two of them up."""
        self._always = False
        self._watching = False
        """Whether somebody watches, so that the camera's pictures are to come one by one and at once."""
        self._lengths = lengths
        self._clock = clock
        self._packager: Packager | None = None
        self._numbers = Numbers()
        self.waiting = Waiting()
        """Who waits without a task of their own (`look`)."""
        self._changed: asyncio.Future[None] | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._open_from = 0.0
        """From this monotonic time on the next picture opens the playlist."""
        self._next_part = NextPart(clock, self._tell)
        self._held: list[AccessUnit] = []
        """What the packager has not taken yet, while nobody watches."""
        self._capture_ahead_s = 0.0
        """What to add to the monotonic clock for the capture time of a picture that arrives just now."""
        self._snapshot: Snapshot | None = None
        self._playlists: dict[tuple[bool, bool], Answer] = {}

    # Starting and stopping.

    @property
    def packaging(self) -> bool:
        """Whether the camera is being packaged right now."""
        return self._packager is not None

    @property
    def packager(self) -> Packager | None:
        """What makes the parts, None while nobody watches; it knows all that has come."""
        self._catch_up()
        return self._packager

    @property
    def begins_far_behind(self) -> bool:
        """Whether who begins now has to begin further behind than PART-HOLD-BACK, and need not with another origin.

        Never where packaging goes on without viewers: newcomers are to find it going.  Nor where the camera's group
        of pictures is too long to be cached: another origin would have nothing to begin with before the next keyframe.
        """
        packager, camera = self._packager, self.camera
        if self._always or packager is None or not packager.ready:
            return False
        if camera.status.state is not CameraState.LIVE or not camera.hub.gop.usable:
            return False
        return start_offset_ms(self._now()) is not None

    async def start(self) -> Packager:
        """Package from now on, beginning with the cached group of pictures.

        Opens a camera on demand.  Raises CameraOffline, or Unprocessable for what HLS can't carry.
        """
        running = self.packager
        if running is not None:
            return running
        with self.camera.watched():
            stream = await self.camera.playing()
            # Another request may have started it meanwhile.
            packager = self.packager or self._begin(stream)
            self._watch()
            return packager

    def _watch(self) -> None:
        if not self._watching:
            self._catch_up()
            self._watching = True
            self.camera.watch()
            self._look_again(_TICK_S)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self.camera.unwatch()

    def _begin(self, stream: StreamInfo) -> Packager:
        verdict = assess(stream)[RUNG]
        if not verdict.ok:
            raise Unprocessable(verdict.message or "This camera can't be watched over HLS", code=verdict.code)
        hub = self.camera.hub
        packager = Packager(
            stream, self._lengths, gop_s=hub.gop.gop_s, numbers=self._numbers, on_change=self._changed_state
        )
        self._packager = packager
        group = hub.attach(self).units
        for unit in group:
            self._arrived(unit)
        packager.begin(group)
        loop = asyncio.get_running_loop()
        self._look_again(_TICK_S)
        self._open_from = self._clock.monotonic() + _ATTACHED_S
        # Players that begin with almost nothing stall at once; a moment later there is enough.
        wait_s = _ATTACHED_AT_MOST_S if packager.can_start_well else _GATHER_S
        self._opening = loop.call_later(wait_s, packager.open_playlist)
        return packager

    def keep(self) -> None:
        """Package whenever the camera sends pictures, until `close`.

        While nobody watches they may come a few at a time, which costs less than half.
        """
        self._always = True
        if self.camera.on_demand:
            self.camera.watch()
        for event in ("status", "stream"):
            self.camera.hub.events.on(event, self._begin_if_live)
        self._begin_if_live()

    def _begin_if_live(self, *_: object) -> None:
        stream = self.camera.stream
        live = self.camera.status.state is CameraState.LIVE
        if self._packager is None and live and stream is not None and assess(stream)[RUNG].ok:
            self._begin(stream)

    def close(self) -> None:
        """Stop for good."""
        if self._always:
            self._always = False
            for event in ("status", "stream"):
                self.camera.hub.events.remove_listener(event, self._begin_if_live)
            if self.camera.on_demand:
                self.camera.unwatch()
        self.stop()

    def stop(self) -> None:
        """Package no more, and forget all there is; harmless when nothing is packaged."""
        packager = self._packager
        if packager is None:
            return
        self.camera.hub.detach(self)
        self._unwatch()
        self._packager = None
        self._numbers = packager.numbers
        self.viewers.forget_all()
        self._held.clear()
        for timer in (self._tick, self._opening):
            if timer is not None:
                timer.cancel()
        self._tick = self._opening = None
        self._changed_state()

    def seen(self, viewer: Visitor) -> None:
        """A viewer asked for something; who does while nothing is packaged gets nothing and watches nothing."""
        if self._packager is not None:
            self._watch()
            self.viewers.seen(viewer, now=self._clock.monotonic())

    def _look_again(self, after_s: float) -> None:
        if self._tick is not None:
            self._tick.cancel()
        self._tick = asyncio.get_running_loop().call_later(after_s, self._look_around)

    def _look_around(self) -> None:
        packager = self.packager
        if packager is None:
            return
        self._look_again(_TICK_S if self._watching or not packager.ready else _IDLE_TICK_S)
        self.waiting.expire(asyncio.get_running_loop().time())
        # Waiting for the first picture, nobody can be heard of.
        idle_s = max(IDLE_TARGETS * self.target_duration_s, FIRST_PLAYLIST_S if not packager.ready else 0.0)
        left = self.viewers.forget_silent(now=self._clock.monotonic(), idle_s=idle_s)
        if left == 0 and not self._always:
            self.stop()
            return
        if left == 0:
            self._unwatch()
        # By arrivals: the clock that dates pictures may be the camera's, and anywhere.
        packager.absent(self._clock.monotonic() + self._capture_ahead_s)

    def _arrived(self, unit: AccessUnit) -> None:
        if unit.track is TrackKind.VIDEO:
            self._capture_ahead_s = unit.captured_at - self._clock.monotonic()

    @property
    def target_duration_s(self) -> float:
        """Of the running playlist; the nominal segment's length before there is one."""
        packager = self._packager
        if packager is None or not packager.ready:
            return max(1.0, self._lengths.segment_s)
        return packager.target_duration_s

    # From the hub.

    def on_unit(self, unit: AccessUnit) -> None:
        """Sink."""
        packager = self._packager
        if packager is None:
            return
        self._arrived(unit)
        if not self._watching and self._always and packager.ready:
            self._held.append(unit)
            if len(self._held) >= _MAX_HELD:
                self._catch_up()
            return
        if unit.track is TrackKind.VIDEO and unit.keyframe and not packager.started:
            packager.foresee(self.camera.hub.gop.gop_s)
        packager.add(unit)
        if not packager.ready and packager.can_start_well and self._clock.monotonic() >= self._open_from:
            packager.open_playlist()

    def _catch_up(self) -> None:
        held, packager = self._held, self._packager
        if held and packager is not None:
            self._held = []
            before = packager.next_part
            for unit in held:
                try:
                    packager.add(unit)
                except Exception:  # noqa: BLE001  as in the hub: what can't be taken must not cost all that follows
                    _log.exception("%s: packaging what the camera sent failed", self.camera.name)
                if packager.next_part != before:
                    before = packager.next_part
                    self._next_part.came(unit.captured_at - self._capture_ahead_s)

    def on_stream(self, stream: StreamInfo) -> None:
        """Sink."""
        packager = self.packager
        if packager is None:
            return
        if not assess(stream)[RUNG].ok:
            self.stop()
            return
        packager.change(stream)

    def _changed_state(self) -> None:
        self._playlists.clear()
        self._snapshot = None
        self._next_part.came(self._clock.monotonic())
        self._tell()

    def _tell(self) -> None:
        """All who wait look again."""
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)
        self.waiting.changed()

    # For requests.

    def multivariant(self, uri: str) -> str:
        """The multivariant playlist, whose one child is at `uri`."""
        packager = self._require()
        stream = packager.stream
        if stream.video is None:
            raise CameraOffline("The camera has sent no pictures yet", retry_after_s=2)
        codecs = [stream.video.codec_string]
        if packager.lane is not None and stream.audio is not None:
            codecs.append(stream.audio.codec_string)
        peak, average = self._bandwidth(packager)
        video = stream.video
        return multivariant_playlist(Variant(uri, peak, average, tuple(codecs), video.width, video.height, video.fps))

    def _bandwidth(self, packager: Packager) -> tuple[int, int]:
        segments = [segment for segment in packager.window.segments if not segment.is_gap]
        peak = peak_bps(segments, target_duration_s=self.target_duration_s)
        if peak:
            average = sum(s.size for s in segments) * 8 * 90_000 / sum(s.duration for s in segments)
            return peak, round(average)
        rate = self.camera.hub.bitrate_bps or _GUESSED_BPS
        return round(rate * _HEADROOM), rate

    async def answer(self, child: Child) -> Answer:
        """What `child` is answered as soon as it is there.

        Raises NotFound, BadRequest for what is too far ahead, and Unavailable when it does not come in time.
        """
        if child.kind is Kind.PLAYLIST:
            await self._until_ready()
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while (found := self.look(child)) is None:
            await self._change_until(deadline)
        return found

    @property
    def patience_s(self) -> float:
        """For how long somebody may wait who asked for what comes next."""
        return BLOCK_TARGETS * self.target_duration_s

    def look(self, child: Child) -> Answer | None:
        """What `child` is answered right now, None while it has to wait; raises NotFound and BadRequest."""
        packager = self._require()
        match child.kind:
            case Kind.PLAYLIST:
                return self._playlist(child.directives) if packager.ready else None
            case Kind.PART:
                part = packager.window.part(child.number)
                if part is not None:
                    return Answer(part.data, IMMUTABLE)
                if packager.started and child.number == packager.next_part:
                    return None
                raise NotFound("There is no such part, or no longer")
            case Kind.SEGMENT:
                segment = packager.window.segment(child.number)
                if segment is None:
                    raise NotFound("There is no such segment, or no longer")
                return Answer(segment.read(), IMMUTABLE)
            case Kind.INIT:
                section = packager.window.init(child.number)
                if section is None:
                    raise NotFound("There is no such initialization section, or no longer")
                return Answer(section, IMMUTABLE)

    def _playlist(self, directives: Directives) -> Answer | None:
        # What names a state never changes; what doesn't is old as soon as there is another part.
        names_state = directives.msn is not None
        snapshot = self._now()
        if decide(directives, snapshot) is Decision.WAIT:
            return None
        if not names_state and self._next_part.is_soon(seconds(snapshot.part_target)):
            return None
        found = self._playlists.get((directives.skip, names_state))
        if found is None:
            plain = media_playlist(snapshot, skip=skippable(snapshot) if directives.skip else 0).encode()
            compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
            age = f"max-age={round(6 * self.target_duration_s)}" if names_state else "no-cache"
            found = Answer(plain, age, compressor.compress(plain) + compressor.flush())
            self._playlists[directives.skip, names_state] = found
        return found

    def _now(self) -> Snapshot:
        """What there is; taken once for all who ask before it changes."""
        if self._snapshot is None:
            self._snapshot = self._require().snapshot()
        return self._snapshot

    def _require(self) -> Packager:
        packager = self.packager
        if packager is None:
            raise NotFound("Nobody watched any more; begin again with index.m3u8")
        return packager

    async def _until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + FIRST_PLAYLIST_S
        while not self._require().ready:
            if self.camera.status.state in (CameraState.OFFLINE, CameraState.UNSUPPORTED):
                await self.camera.playing(deadline_s=0)
            await self._change_until(deadline)

    async def _change_until(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        if self._changed is None:
            self._changed = loop.create_future()
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._changed)
        except TimeoutError:
            raise Unavailable("The camera sends nothing new right now", code="timeout", retry_after_s=1) from None
