"""RTCP sender reports (RFC 3550 section 6.4.1): one a second for each viewer, spread over that second."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from gateway.clock import Clock
from gateway.sparing import SparingLog
from gateway.webrtc.streams import Streams
from gateway.webrtc.viewer import Viewer

_log = logging.getLogger(__name__)

_INTERVAL_S: Final = 1.0
_AT_ONCE: Final = 25
"""Sender reports made in one go: those of hundreds of viewers would hold up a frame."""


class SenderReports:
    """Those of one camera's viewers, while there are any."""

    def __init__(
        self,
        viewers: Mapping[Viewer, None],
        streams: Streams,
        *,
        name: str,
        clock: Clock,
        each: Callable[[Viewer], None],
    ) -> None:
        """`name` is the camera's; `each` is called for every viewer before its regular report."""
        self._viewers = viewers
        self._streams = streams
        self._name = name
        self._clock = clock
        self._each = each
        self._log = SparingLog(_log, clock=clock)
        self._unreported: deque[Viewer] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Report regularly from now on."""
        self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._report_some)

    def stop(self) -> None:
        """Until started again."""
        self._unreported.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _report_some(self) -> None:
        rounds = -(-len(self._viewers) // _AT_ONCE)
        self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S / max(1, rounds), self._report_some)
        if not self._unreported:
            self._unreported.extend(self._viewers)
        for _ in range(min(_AT_ONCE, len(self._unreported))):
            viewer = self._unreported.popleft()
            if viewer in self._viewers:
                self._each(viewer)
                self.report(viewer)

    def report(self, viewer: Viewer) -> None:
        """Report to one viewer now."""
        try:
            self._report_each_track(viewer)
        except Exception:  # noqa: BLE001  one viewer's trouble must hold up nobody else
            self._log.exception("%s: reporting to a viewer failed", self._name)

    def _report_each_track(self, viewer: Viewer) -> None:
        now, streams = self._clock.now(), self._streams
        for kind, track in viewer.tracks.items():
            frame = streams.newest.get(kind)
            if frame is None:
                continue
            # Reports say what time it is now on the media clock, carried on from the newest capture.
            ahead = round((now - frame.captured_at) * streams.tracks[kind].clock_rate)
            track.report(rtp_timestamp=frame.timestamp + ahead, at=now, cname=streams.cname)
