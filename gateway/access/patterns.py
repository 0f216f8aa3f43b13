"""Which cameras somebody may see, as patterns: `*`, `site1/*`, `yard` (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from gateway.access.prefixes import EVERYTHING, covers, prefix_of

_ANY = "*"


def parse_pattern(text: str) -> str:
    """Returns `text` if it is a pattern, else raises ValueError with the reason in one sentence."""
    name = text.removesuffix(_ANY)
    if _ANY in name or (name != text and name and not name.endswith("/")):
        raise ValueError("'*' stands alone or for the whole last part: *, site1/*")
    if name == text and text.endswith("/"):
        raise ValueError(f"write {text}* for all cameras below {text}")
    if name:
        prefix_of(name)
    elif not text:
        raise ValueError("write a camera's name, site1/* or *")
    return text


@dataclass(frozen=True, slots=True)
class Patterns:
    """A set of patterns; without any it matches nothing."""

    cameras: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """From patterns as configured; raises ValueError as `parse_pattern` does."""
        parsed = [parse_pattern(text) for text in texts]
        prefixes = {f"/{text.removesuffix(_ANY)}" for text in parsed if text.endswith(_ANY)}
        return cls(frozenset(text for text in parsed if not text.endswith(_ANY)), tuple(sorted(prefixes)))

    def match(self, camera: str) -> bool:
        """Whether one of them matches the camera; `site1/*` matches everything below site1, not a camera `site1`."""
        if camera in self.cameras:
            return True
        return any(covers(prefix, camera) and prefix != f"/{camera}/" for prefix in self.prefixes)

    def match_all_of(self, prefix: str) -> bool:
        """Whether everything that a grant for `prefix` would cover is matched."""
        if prefix != EVERYTHING and prefix[1:-1] in self.cameras:
            # No camera lies below another, so this prefix covers that one camera only.
            return True
        return any(prefix.startswith(own) for own in self.prefixes)


NO_CAMERAS: Final = Patterns(frozenset(), ())
