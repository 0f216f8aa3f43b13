from __future__ import annotations

import pytest

from gateway.media.annexb import START_CODE, split_annex_b
from gateway.media.capture_clock import ClockSource
from gateway.media.timestamps import Resume
from gateway.media.units import AccessUnit, AudioCodec, TrackKind, VideoCodec
from gateway.source.assembler import Arrival, Assembler, AudioSource, Continuation, VideoSource
from tests.media.sps_writer import Bits, SpsFields, write_sps

SMALL = write_sps(SpsFields(timing=(1, 60)))
LARGE = write_sps(SpsFields(width_mbs=80, height_map_units=45, crop=None, timing=(1, 60)))
REORDERING = write_sps(SpsFields(timing=(1, 60), reorder_frames=2))
PPS = b"\x68\xce\x3c\x80"
P_SLICE = b"\x41" + Bits().ue(0, 5, 0).payload() + b"\x55" * 40
B_SLICE = b"\x01" + Bits().ue(0, 6, 0).payload() + b"\x55" * 40
IDR = b"\x65" + Bits().ue(0, 7, 0).payload() + b"\x55" * 40


def _annex_b(*nal_units: bytes) -> bytes:
    return b"".join(START_CODE + nal_unit for nal_unit in nal_units)


class Feed:
    """Gives an assembler 30 pictures a second."""

    def __init__(self, assembler: Assembler) -> None:
        self.assembler = assembler
        self.index = 0

    def picture(self, *nal_units: bytes, keyframe: bool = False, reported: bool = False) -> AccessUnit | None:
        moment_s = self.index / 30
        unit = self.assembler.video(
            _annex_b(*nal_units),
            pts=self.index * 3000,
            dts=self.index * 3000,
            keyframe=keyframe,
            arrival=Arrival(1000.0 + moment_s, moment_s),
            reported_at=1000.0 + moment_s - 0.1 if reported else None,
        )
        self.index += 1
        return unit

    def is_suspicious(self) -> bool:
        return self.assembler.suspects_b_frames

    def clock_source(self) -> ClockSource | None:
        return self.assembler.clock.source if self.assembler.clock else None

    def keyframe(self, *sets: bytes) -> AccessUnit:
        unit = self.picture(*sets, IDR, keyframe=True)
        assert unit is not None
        return unit


def _from_sdp(sps: bytes = SMALL, *, continuation: Continuation | None = None) -> Feed:
    return Feed(Assembler(VideoSource("h264", _annex_b(sps, PPS)), None, continuation=continuation))


def test_nothing_comes_before_the_first_keyframe() -> None:
    feed = _from_sdp()
    assert feed.picture(P_SLICE) is None
    unit = feed.keyframe()
    assert unit.keyframe
    assert (unit.track, unit.pts, unit.dts, unit.duration) == (TrackKind.VIDEO, 0, 0, 3000)
    assert split_annex_b(unit.data) == [SMALL, PPS, IDR]


def test_nothing_comes_before_the_parameter_sets() -> None:
    feed = Feed(Assembler(VideoSource("h264"), None))
    assert feed.picture(IDR, keyframe=True) is None
    assert feed.picture(P_SLICE) is None
    feed.keyframe(SMALL, PPS)


def test_the_stream_is_described_from_the_sdp() -> None:
    video = _from_sdp().assembler.stream.video
    assert video is not None
    assert (video.codec, video.codec_string) == (VideoCodec.H264, "avc1.42c01e")
    assert (video.width, video.height, video.fps) == (640, 360, 30.0)


def test_the_stream_is_described_from_the_first_keyframe_where_the_sdp_says_nothing() -> None:
    feed = Feed(Assembler(VideoSource("h264"), None))
    before = feed.assembler.stream.video
    assert before is not None
    assert (before.codec_string, before.width) == ("avc1", 0)
    feed.keyframe(SMALL, PPS)
    after = feed.assembler.stream.video
    assert after is not None
    assert (after.codec_string, after.width) == ("avc1.42c01e", 640)


def test_a_change_of_resolution_shows_at_its_keyframe() -> None:
    feed = _from_sdp()
    feed.keyframe()
    before = feed.assembler.stream
    feed.picture(P_SLICE)
    assert feed.assembler.stream is before
    feed.keyframe(LARGE, PPS)
    video = feed.assembler.stream.video
    assert video is not None
    assert (video.width, video.height) == (1280, 720)


def test_a_broken_parameter_set_leaves_the_description_alone() -> None:
    feed = _from_sdp()
    feed.keyframe(b"\x67\x42", PPS)
    video = feed.assembler.stream.video
    assert video is not None
    assert video.width == 640


def test_the_measured_frame_rate_corrects_the_declared_one_at_a_keyframe() -> None:
    feed = _from_sdp(write_sps(SpsFields(timing=(1, 20))))
    feed.keyframe()
    for _ in range(20):
        feed.picture(P_SLICE)
    declared = feed.assembler.stream.video
    feed.keyframe()
    measured = feed.assembler.stream.video
    assert declared is not None
    assert measured is not None
    assert (declared.fps, measured.fps) == (10.0, 30.0)


def test_b_frames_are_seen_at_the_first_one() -> None:
    feed = _from_sdp()
    feed.keyframe()
    feed.picture(P_SLICE)
    video = feed.assembler.stream.video
    assert video is not None
    assert not video.b_frames
    feed.picture(B_SLICE)
    video = feed.assembler.stream.video
    assert video is not None
    assert video.b_frames


def test_b_frames_that_begin_after_an_hour_are_seen_too() -> None:
    feed = _from_sdp()
    feed.keyframe()
    for _ in range(300):
        feed.picture(P_SLICE)
    feed.keyframe()
    feed.picture(B_SLICE)
    video = feed.assembler.stream.video
    assert video is not None
    assert video.b_frames


def test_a_slice_that_can_not_be_read_is_no_b_frame() -> None:
    feed = _from_sdp()
    feed.keyframe()
    feed.picture(b"\x41")
    feed.picture(b"\x06\x05")
    video = feed.assembler.stream.video
    assert video is not None
    assert not video.b_frames


def test_reordering_in_the_parameter_sets_raises_suspicion_for_a_while() -> None:
    feed = _from_sdp(REORDERING)
    feed.keyframe()
    assert feed.is_suspicious()
    for _ in range(20):
        feed.picture(P_SLICE)
    assert not feed.is_suspicious()
    assert not _from_sdp().is_suspicious()


def test_a_picture_shown_later_than_decoded_keeps_both_times() -> None:
    feed = _from_sdp()
    feed.keyframe()
    arrival = Arrival(1000.05, 0.05)
    unit = feed.assembler.video(_annex_b(P_SLICE), pts=12_000, dts=3000, keyframe=False, arrival=arrival)
    assert unit is not None
    assert (unit.dts, unit.pts) == (3000, 12_000)


def test_pictures_are_dated_by_arrival_less_the_parsers_hold() -> None:
    feed = _from_sdp()
    assert feed.clock_source() is None
    unit = feed.keyframe()
    assert unit.captured_at == pytest.approx(1000.0 - 1 / 30)
    assert feed.clock_source() is ClockSource.GATEWAY


def test_pictures_are_dated_by_the_cameras_reports() -> None:
    feed = _from_sdp()
    feed.keyframe()
    unit = None
    for _ in range(60):
        unit = feed.picture(P_SLICE, reported=True)
    assert unit is not None
    assert unit.captured_at == pytest.approx(1000.0 + 2.0 - 0.1, abs=0.001)
    assert feed.clock_source() is ClockSource.CAMERA


def test_a_connection_goes_on_where_the_last_one_ended() -> None:
    feed = _from_sdp(continuation=Continuation(Resume(video=90_000, arrived_s=-2.0), last_captured_at=5000.0))
    unit = feed.keyframe()
    assert unit.pts == 270_000
    assert unit.captured_at == 5000.0


def test_sound_shares_the_timeline_and_the_clock() -> None:
    feed = Feed(Assembler(VideoSource("h264", _annex_b(SMALL, PPS)), AudioSource("pcm_alaw", 8000, 1)))
    arrival = Arrival(1000.0, 0.0)
    assert feed.assembler.audio(b"before", pts=0, duration=160, arrival=arrival) is None
    video = feed.keyframe()
    assert feed.assembler.audio(b"lost", pts=None, duration=160, arrival=arrival) is None
    unit = feed.assembler.audio(b"sound", pts=800, duration=160, arrival=arrival)
    assert unit is not None
    assert (unit.track, unit.pts, unit.duration, unit.time_base) == (TrackKind.AUDIO, 800, 160, unit.time_base)
    assert unit.time_base.denominator == 8000
    assert unit.data == b"sound"
    assert unit.captured_at == pytest.approx(video.captured_at + 0.1)
    audio = feed.assembler.stream.audio
    assert audio is not None
    assert (audio.codec, audio.codec_string, audio.codec_name) == (AudioCodec.PCMA, "pcma", "G.711 A-law")


def test_aac_keeps_its_configuration() -> None:
    audio = Assembler(None, AudioSource("aac", 16_000, 1, bytes.fromhex("1408"))).stream.audio
    assert audio is not None
    assert (audio.codec_string, audio.config) == ("mp4a.40.2", bytes.fromhex("1408"))


def test_unknown_codecs_are_named_as_they_are() -> None:
    stream = Assembler(VideoSource("mjpeg", width=640, height=480), AudioSource("adpcm_g726", 8000, 1)).stream
    assert stream.video is not None
    assert (stream.video.codec, stream.video.codec_name) == (VideoCodec.OTHER, "Motion JPEG")
    assert stream.audio is not None
    assert (stream.audio.codec, stream.audio.codec_name) == (AudioCodec.OTHER, "G.726")


def test_pictures_of_an_unknown_codec_pass_unread() -> None:
    feed = Feed(Assembler(VideoSource("mjpeg"), None))
    unit = feed.picture(b"\xff\xd8", keyframe=True)
    assert unit is not None
    assert unit.data.endswith(b"\xff\xd8")


def test_h265_is_named_from_its_parameter_sets() -> None:
    sps = bytes.fromhex("42010101600000030090000003000003005da00280802d165955")
    video = Assembler(VideoSource("hevc", _annex_b(sps)), None).stream.video
    assert video is not None
    assert (video.codec, video.codec_string) == (VideoCodec.H265, "hvc1.1.6.L93.90")
    assert (video.width, video.height) == (1280, 720)


@pytest.mark.parametrize(("early", "captured_at"), [(False, 1000.0 - 1 / 30), (True, 1000.0)])
def test_a_picture_is_dated_by_its_own_arrival(*, early: bool, captured_at: float) -> None:
    """The parser's pictures arrive with the next one."""
    assembler = _from_sdp().assembler
    unit = assembler.video(
        _annex_b(IDR), pts=0, dts=0, keyframe=True, arrival=Arrival(1000.0, 0.0), reported_at=None, early=early
    )
    assert unit is not None
    assert unit.captured_at == pytest.approx(captured_at)
