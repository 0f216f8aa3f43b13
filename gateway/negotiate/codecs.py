"""Whether a browser's list of codecs covers what a camera sends (pure)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_AVC: Final = re.compile(r"avc[13]\.(?P<profile>[0-9a-f]{2})(?P<constraints>[0-9a-f]{2})(?P<level>[0-9a-f]{2})")

_DECODED_BY: Final = {"64": ("64", "4d", "42"), "4d": ("4d", "42")}


def webrtc_plays(offered: Collection[str] | None, codec: str) -> bool:
    """Whether a browser whose receivers take `offered` (`h264/42e01f`) decodes `codec` (`avc1.640028`, RFC 6381).

    Any H.264 will do: browsers decode more profiles than they name, and profile-level-id only limits what they would
    send (RFC 6184 section 8.2.2).  None is a browser that did not say.
    """
    if offered is None:
        return True
    family = "h264" if _AVC.fullmatch(codec.lower()) else codec.partition(".")[0].lower()
    return any(item.partition("/")[0] == family for item in offered)


def mse_plays(supported: Collection[str] | None, codec: str) -> bool:
    """Whether a browser whose MediaSource takes `supported` plays `codec`, both as RFC 6381 writes them.

    What decodes a level of a profile decodes the lower ones too, and High decodes Main and Baseline (ISO/IEC 14496-10
    annex A; what of Baseline the higher profiles lack, no camera uses).
    """
    if supported is None or codec.lower() in supported:
        return True
    wanted = _AVC.fullmatch(codec.lower())
    if wanted is None:
        return False
    for item in supported:
        known = _AVC.fullmatch(item)
        if known is None or int(known["level"], 16) < int(wanted["level"], 16):
            continue
        if wanted["profile"] in _DECODED_BY.get(known["profile"], (known["profile"],)):
            return True
    return False
