"""One camera's units on their way to everything that consumes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.media.units import AccessUnit, StreamInfo
from gateway.relay.gop import GopCache
from gateway.relay.hub import Hub
from gateway.source.status import CameraState, CameraStatus
from tests.relay.units import EPOCH_S, OPUS_STREAM, SILENT_STREAM, audio, picture


class Recorder:
    """A sink that writes down what it gets; `on_each` is called within the delivery."""

    def __init__(self, on_each: Callable[[AccessUnit], None] | None = None) -> None:
        self.units: list[AccessUnit] = []
        self.streams: list[StreamInfo] = []
        self._on_each = on_each

    def on_unit(self, unit: AccessUnit) -> None:
        self.units.append(unit)
        if self._on_each is not None:
            self._on_each(unit)

    def on_stream(self, stream: StreamInfo) -> None:
        self.streams.append(stream)


@pytest.fixture
def hub() -> Hub:
    return Hub("yard", status=CameraStatus(CameraState.CONNECTING, EPOCH_S))


GROUP = [picture(0.0, keyframe=True), audio(0.01), picture(0.1), picture(0.2), picture(0.3)]


def test_all_sinks_get_all_units_in_order(hub: Hub) -> None:
    sinks = [Recorder(), Recorder()]
    for sink in sinks:
        hub.attach(sink)
    hub.deliver(GROUP[:2])
    hub.deliver(GROUP[2:])
    assert [sink.units for sink in sinks] == [GROUP, GROUP]


@pytest.mark.parametrize("joined_after", range(len(GROUP) + 1))
def test_a_late_sink_gets_every_unit_of_the_group_once(hub: Hub, joined_after: int) -> None:
    hub.deliver(GROUP[:joined_after])
    sink = Recorder()
    joined = hub.attach(sink)
    hub.deliver(GROUP[joined_after:])
    assert [*joined.units, *sink.units] == GROUP


@pytest.mark.parametrize("joined_at", range(len(GROUP)))
def test_a_sink_that_joins_during_a_delivery_gets_every_unit_once(hub: Hub, joined_at: int) -> None:
    late = Recorder()
    start: list[AccessUnit] = []

    def join(unit: AccessUnit) -> None:
        if unit is GROUP[joined_at]:
            start.extend(hub.attach(late).units)

    hub.attach(Recorder(join))
    hub.deliver(GROUP)
    assert [*start, *late.units] == GROUP


def test_a_sink_that_leaves_during_a_delivery_disturbs_no_other(hub: Hub) -> None:
    other = Recorder()
    leaver = Recorder(lambda _: hub.detach(leaver))
    hub.attach(leaver)
    hub.attach(other)
    hub.deliver(GROUP)
    assert leaver.units == GROUP[:1]
    assert other.units == GROUP
    assert hub.sink_count == 1


def test_a_sink_that_is_not_attached_can_be_detached(hub: Hub) -> None:
    hub.detach(Recorder())
    assert hub.sink_count == 0


def test_a_sink_attached_twice_gets_units_once(hub: Hub) -> None:
    sink = Recorder()
    hub.attach(sink)
    hub.attach(sink)
    hub.deliver(GROUP)
    assert sink.units == GROUP


def test_a_joining_sink_learns_the_tracks(hub: Hub) -> None:
    assert hub.attach(Recorder()).stream is None
    hub.stream_changed(OPUS_STREAM)
    assert hub.attach(Recorder()).stream == OPUS_STREAM


def test_sinks_and_listeners_learn_when_the_tracks_change_and_only_then(hub: Hub) -> None:
    sink = Recorder()
    heard: list[StreamInfo] = []
    hub.attach(sink)
    hub.events.on("stream", heard.append)
    for stream in (OPUS_STREAM, OPUS_STREAM, SILENT_STREAM):
        hub.stream_changed(stream)
    assert sink.streams == heard == [OPUS_STREAM, SILENT_STREAM]


def test_listeners_learn_the_status(hub: Hub) -> None:
    heard: list[CameraStatus] = []
    hub.events.on("status", heard.append)
    status = CameraStatus(CameraState.LIVE, EPOCH_S)
    hub.status_changed(status)
    assert heard == [status]
    assert hub.status == status


@pytest.mark.parametrize("state", [CameraState.OFFLINE, CameraState.IDLE, CameraState.UNSUPPORTED])
def test_nobody_starts_from_pictures_of_a_camera_that_is_gone(hub: Hub, state: CameraState) -> None:
    hub.deliver(GROUP)
    hub.status_changed(CameraStatus(state, EPOCH_S))
    assert hub.attach(Recorder()).units == ()


@pytest.mark.parametrize("state", [CameraState.LIVE, CameraState.STALLED, CameraState.CONNECTING])
def test_a_pause_forgets_no_picture(hub: Hub, state: CameraState) -> None:
    hub.deliver(GROUP)
    hub.status_changed(CameraStatus(state, EPOCH_S))
    assert hub.attach(Recorder()).units == tuple(GROUP)


def test_the_newest_picture_is_known(hub: Hub) -> None:
    assert hub.last_video is None
    hub.deliver([*GROUP, audio(0.35)])
    assert hub.last_video == GROUP[-1]


def test_the_newest_keyframe_is_known_while_the_camera_sends_or_has_only_just_stopped(hub: Hub) -> None:
    for state in CameraState:
        hub.status_changed(CameraStatus(CameraState.LIVE, EPOCH_S))
        hub.deliver(GROUP)
        hub.status_changed(CameraStatus(state, EPOCH_S))
        known = state in (CameraState.LIVE, CameraState.STALLED)
        assert hub.last_keyframe == (GROUP[0] if known else None), state


def test_the_bit_rate_is_that_of_the_last_seconds_of_video(hub: Hub) -> None:
    assert hub.bitrate_bps == 0
    hub.deliver([picture(0.0, keyframe=True, size=9_999)])
    assert hub.bitrate_bps == 0
    hub.deliver([picture(place / 10, size=1000) for place in range(1, 101)])
    hub.deliver([audio(10.0, size=50_000)])
    assert hub.bitrate_bps == 80_000


def test_pictures_of_one_instant_have_no_bit_rate(hub: Hub) -> None:
    hub.deliver([picture(1.0, keyframe=True), picture(1.0)])
    assert hub.bitrate_bps == 0


def test_a_camera_that_paused_starts_its_bit_rate_anew(hub: Hub) -> None:
    hub.deliver([picture(0.0, keyframe=True, size=1000), picture(0.1, size=1000)])
    hub.deliver([picture(100.0, keyframe=True, size=1000)])
    assert hub.bitrate_bps == 0


def test_the_limits_of_the_group_can_be_chosen() -> None:
    hub = Hub("yard", status=CameraStatus(CameraState.LIVE, EPOCH_S), gop=GopCache(max_bytes=15))
    hub.deliver(GROUP)
    assert hub.attach(Recorder()).units == ()
