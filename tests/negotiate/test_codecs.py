"""Whether a browser decodes what a camera sends."""

from __future__ import annotations

import pytest

from gateway.negotiate.codecs import mse_plays, webrtc_plays


@pytest.mark.parametrize(
    ("offered", "codec", "plays"),
    [
        (None, "avc1.640028", True),
        ({"h264/42e01f"}, "avc1.640028", True),
        ({"h264/42e01f"}, "AVC1.42E01F", True),
        ({"vp8", "opus"}, "avc1.42e01f", False),
        (set(), "avc1.42e01f", False),
        ({"h264/42e01f"}, "hvc1.1.6.L93.B0", False),
        ({"hvc1/1"}, "hvc1.1.6.L93.B0", True),
    ],
)
def test_webrtc_needs_the_family(offered: set[str] | None, codec: str, *, plays: bool) -> None:
    assert webrtc_plays(offered, codec) is plays


@pytest.mark.parametrize(
    ("supported", "codec", "plays"),
    [
        (None, "avc1.640028", True),
        ({"avc1.640028"}, "avc1.640028", True),
        ({"avc1.640033"}, "avc1.640028", True),  # level 5.1 decodes level 4.0
        ({"avc1.640028"}, "avc1.640033", False),
        ({"avc1.42e01f"}, "avc1.64001f", False),  # Baseline is not High
        ({"avc1.640028"}, "avc1.42c01e", True),  # but High is Main and Baseline, too
        ({"avc1.4d4028"}, "avc1.42c01e", True),
        ({"avc1.4d4028"}, "avc1.64001e", False),
        ({"avc1.64001e"}, "avc1.42c028", False),
        ({"avc1.f4001e"}, "avc1.f4001e", True),
        ({"mp4a.40.2"}, "avc1.64001f", False),
        (set(), "avc1.640028", False),
        ({"avc1.640028"}, "hvc1.1.6.L93.B0", False),
        ({"hvc1.1.6.l93.b0"}, "hvc1.1.6.L93.B0", True),
    ],
)
def test_media_source_needs_profile_and_level(supported: set[str] | None, codec: str, *, plays: bool) -> None:
    assert mse_plays(supported, codec) is plays
