"""Sound with one byte per sample may be cut anywhere, and each part keeps its place in time."""

from fractions import Fraction

from gateway.media.units import AccessUnit, TrackKind
from gateway.rtp.packetizer import split_samples


def unit(size: int) -> AccessUnit:
    return AccessUnit(TrackKind.AUDIO, 800, 800, size, Fraction(1, 8000), True, bytes(range(256)) * (size // 256), 10.0)


def test_what_fits_stays_whole() -> None:
    small = unit(512)
    assert split_samples(small, max_payload=512) == [small]


def test_what_does_not_fit_is_cut_and_dated_sample_by_sample() -> None:
    large = unit(2048)
    parts = split_samples(large, max_payload=1000)
    assert b"".join(part.data for part in parts) == large.data
    assert [part.pts for part in parts] == [800, 1800, 2800]
    assert [part.duration for part in parts] == [1000, 1000, 48]
    assert [part.captured_at for part in parts] == [10.0, 10.125, 10.25]
