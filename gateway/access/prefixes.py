"""What a grant can cover, as a prefix: `/site1/yard/`, `/site1/`, `/` (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.names import MAX_SEGMENTS, parse_camera_name

EVERYTHING: Final = "/"


def prefix_of(name: str) -> str:
    """The prefix that covers `name`: a camera (`site1/yard`), a site (`site1/`), or everything (`/`).

    Raises ValueError with the reason for what is neither.
    """
    if name == EVERYTHING:
        return EVERYTHING
    inner = name.removesuffix("/")
    # Words that can't end a camera's name may end a site's.
    is_site = name.endswith("/") and inner.count("/") + 1 < MAX_SEGMENTS
    parse_camera_name(f"{inner}/camera" if is_site else inner)
    return f"/{inner}/"


def is_prefix(text: str) -> bool:
    """Whether `prefix_of` makes it of some name."""
    try:
        return text == prefix_of(text.removeprefix("/") or EVERYTHING)
    except ValueError:
        return False


def covers(prefix: str, camera: str) -> bool:
    """Whether a grant for `prefix` is good for `camera`: `/cam1/` is not for `cam10`."""
    return f"/{camera}/".startswith(prefix)


def prefixes_covering(camera: str) -> list[str]:
    """The camera itself first, then what leads to it: at most 8, as a name has at most 8 parts; `/` is left out."""
    segments = camera.split("/")[:MAX_SEGMENTS]
    return [f"/{'/'.join(segments[:count])}/" for count in range(len(segments), 0, -1)]


def known_prefixes(cameras: Iterable[str]) -> tuple[str, ...]:
    """Every prefix that could have been signed for one of `cameras`; `/` is left out."""
    prefixes: dict[str, None] = {}
    for camera in cameras:
        prefixes.update(dict.fromkeys(prefixes_covering(camera)))
    return tuple(prefixes)
