"""What we write as MP4 is read back by FFmpeg, picture by picture, and by the letter of the standard."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from gateway.hls.fmp4 import AacEntry, AvcEntry, OpusEntry, Run, Sample, fragment, initialization
from gateway.hls.packager import Lengths, Packager
from gateway.media.annexb import split_annex_b
from gateway.media.h264 import parse_sps
from gateway.media.units import (
    VIDEO_TIME_BASE,
    AccessUnit,
    AudioCodec,
    AudioTrack,
    StreamInfo,
    TrackKind,
    VideoCodec,
    VideoTrack,
)
from tests.hls.mp4 import find, track_runs
from tests.hls.streams import EPOCH_S, PPS, SPS

FPS = 25
RATE = 16_000


def encoded_video(*, b_frames: int, count: int) -> list[AccessUnit]:
    """Real H.264 with parameter sets in band."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 160, 96, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.gop_size = FPS
    encoder.options = {"preset": "veryfast", "profile": "high", "bf": str(b_frames), "x264-params": "scenecut=0:aud=1"}
    picture = np.random.default_rng(3).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.roll(picture, 4 * number, axis=1), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    first = packets[0].dts
    assert first is not None
    ticks = 90_000 // FPS
    units = []
    for packet in packets:
        assert packet.pts is not None
        assert packet.dts is not None
        pts, dts = (packet.pts - first) * ticks, (packet.dts - first) * ticks
        at = EPOCH_S + dts / 90_000
        units.append(
            AccessUnit(TrackKind.VIDEO, pts, dts, ticks, VIDEO_TIME_BASE, packet.is_keyframe, bytes(packet), at)
        )
    return units


def encoded_audio(codec: str, *, seconds: float) -> tuple[list[AccessUnit], AudioTrack]:
    """A tone in AAC or Opus."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    rate = RATE if codec == "aac" else 48_000
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "fltp" if codec == "aac" else "s16"
    encoder.open()
    length = encoder.frame_size
    units = []
    count = 0
    for number in range(round(seconds * rate / length)):
        samples = np.sin(np.arange(number * length, (number + 1) * length) * 2 * np.pi * 440 / rate)[None, :]
        data = samples.astype(np.float32) if codec == "aac" else (samples * 20_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(data, format=encoder.format.name, layout="mono")
        frame.sample_rate, frame.pts = rate, number * length
        for packet in encoder.encode(frame):
            tick = count * length
            base = Fraction(1, rate)
            units.append(
                AccessUnit(TrackKind.AUDIO, tick, tick, length, base, True, bytes(packet), EPOCH_S + tick / rate)
            )
            count += 1
    kind = AudioCodec.AAC if codec == "aac" else AudioCodec.OPUS
    config = bytes(encoder.extradata or b"") if codec == "aac" else b""
    return units, AudioTrack(kind, kind.value, kind.value, rate, 1 if codec == "aac" else 2, config)


def packaged(units: list[AccessUnit], audio: AudioTrack | None) -> bytes:
    """Initialization and all parts, one after the other."""
    sps = next(nal for nal in split_annex_b(units[0].data) if nal[0] & 0x1F == 7)
    parsed = parse_sps(sps)
    video = VideoTrack(VideoCodec.H264, "H.264", parsed.codec_string, parsed.width, parsed.height, FPS)
    packager = Packager(StreamInfo(video, audio), Lengths(segment_s=10.0), gop_s=1.0)
    # Sound that belongs to the pictures may stand behind them.
    for unit in sorted(units, key=lambda unit: unit.track is TrackKind.VIDEO):
        packager.add(unit)
    packager.open_playlist()
    window = packager.window
    return b"".join([window.init(1) or b"", *(segment.read() for segment in window.segments)])


@pytest.mark.parametrize("b_frames", [0, 2])
def test_ffmpeg_decodes_every_picture_at_its_time(b_frames: int) -> None:
    units = encoded_video(b_frames=b_frames, count=60)
    with av.open(io.BytesIO(packaged(units, None)), "r") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height) == (160, 96)
        assert stream.time_base == VIDEO_TIME_BASE
        frames = [frame.pts for frame in container.decode(video=0)]
    assert frames == sorted(unit.pts for unit in units)


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_ffmpeg_decodes_sound_beside_pictures(codec: str) -> None:
    pictures = encoded_video(b_frames=0, count=50)
    sound, track = encoded_audio(codec, seconds=2.0)
    media = packaged(sorted(pictures + sound, key=lambda unit: unit.captured_at), track)
    with av.open(io.BytesIO(media), "r") as container:
        decoded = list(container.decode(audio=0))
    rate = decoded[0].sample_rate
    samples = sum(frame.samples for frame in decoded)
    assert samples / rate == pytest.approx(2.0, abs=0.15)
    loud = np.concatenate([frame.to_ndarray().astype(np.float64).ravel() for frame in decoded])
    assert np.abs(loud).max() > 0


def test_parameter_sets_stand_in_the_initialization_and_nowhere_else() -> None:
    media = packaged(encoded_video(b_frames=0, count=30), None)
    (entry,) = [box for box in find_entry(media) if box.startswith(b"avc1", 4)]
    assert b"avcC" in entry
    begin = media.index(b"moof") - 4
    rest = media[begin:]
    for runs in split_fragments(rest):
        for sample in track_runs(runs)[1].data:
            kinds = []
            position = 0
            while position < len(sample):
                (length,) = struct.unpack_from(">I", sample, position)
                kinds.append(sample[position + 4] & 0x1F)
                position += 4 + length
            assert position == len(sample)
            assert not {7, 8, 9} & set(kinds)


def find_entry(media: bytes) -> list[bytes]:
    """Sample descriptions' entries."""
    return [box.content[8:] for box in find(media, "moov/trak/mdia/minf/stbl/stsd")]


def split_fragments(data: bytes) -> list[bytes]:
    """Pairs of moof and mdat."""
    fragments = []
    position = 0
    while position < len(data):
        (moof,) = struct.unpack_from(">I", data, position)
        (mdat,) = struct.unpack_from(">I", data, position + moof)
        fragments.append(data[position : position + moof + mdat])
        position += moof + mdat
    return fragments


def test_an_initialization_names_both_tracks() -> None:
    data = initialization(AvcEntry(640, 360, (SPS,), (PPS,)), AacEntry(bytes.fromhex("1408"), 1, 16_000))
    ids = [struct.unpack_from(">I", box.content, 12)[0] for box in find(data, "moov/trak/tkhd")]
    scales = [struct.unpack_from(">I", box.content, 12)[0] for box in find(data, "moov/trak/mdia/mdhd")]
    extended = [struct.unpack_from(">I", box.content, 4)[0] for box in find(data, "moov/mvex/trex")]
    assert (ids, scales, extended) == ([1, 2], [90_000, 16_000], [1, 2])
    video, audio = find_entry(data)
    assert video[video.index(b"avcC") + 4 :].startswith(b"\x01" + SPS[1:4] + b"\xff\xe1\x00\x0a" + SPS + b"\x01")
    assert b"\x05\x02\x14\x08" in audio[audio.index(b"esds") :]


def test_opus_says_how_many_channels_it_has() -> None:
    data = initialization(AvcEntry(640, 360, (SPS,), (PPS,)), OpusEntry(2))
    entry = find_entry(data)[1]
    assert entry[entry.index(b"dOps") + 4 :] == struct.pack(">BBHIhB", 0, 2, 0, 48_000, 0, 0)


def test_a_long_audio_configuration_has_a_long_length() -> None:
    config = bytes(200)
    data = initialization(AvcEntry(640, 360, (SPS,), (PPS,)), AacEntry(config, 1, 16_000))
    assert b"\x05\x81\x48" + config in data


def test_a_fragment_holds_its_samples_in_order() -> None:
    video = Run(
        1, 1 << 33, [Sample((b"ab", b"c"), 3, 3000), Sample((b"def",), 3, 2999, sync=False, composition_offset=-5)]
    )
    audio = Run(2, 7, [Sample((b"gh",), 2, 1024), Sample((b"i",), 1, 1023)])
    runs = track_runs(fragment(4, [video, audio]))
    assert runs[1].decode_time == 1 << 33
    assert runs[1].data == (b"abc", b"def")
    assert (runs[1].durations, runs[1].offsets, runs[1].sync) == ((3000, 2999), (0, -5), (True, False))
    assert (runs[2].data, runs[2].durations, runs[2].sync) == ((b"gh", b"i"), (1024, 1023), (True, True))
