"""Decides which of MediaMTX's paths are cameras of the gateway, and since when (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.mediamtx.lists import ListedPath
from gateway.names import parse_camera_name

GRACE_S: Final = 10.0
"""A path that vanishes is a camera for so long yet: publishers reconnect, MediaMTX restarts."""

MOST_TOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """What changes: cameras that come, cameras that go, and why others don't come, in sentences for the log."""

    come: tuple[str, ...] = ()
    go: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


class Discovery:
    """A path is a camera under its own name, so that one grant opens it at the gateway, MediaMTX and the edge."""

    def __init__(self) -> None:
        self._seen_at: dict[str, float] = {}
        self._told: set[str] = set()

    def follow(self, paths: Iterable[ListedPath], *, taken: Iterable[str], now: float) -> Step:
        """One list of all paths at `now` (monotonic seconds); `taken` are the names of cameras from elsewhere."""
        others = _Names(taken)
        go = [name for name in self._seen_at if others.collision(name) is not None]
        listed = {path.name for path in paths if path.has_source}
        for name in listed & self._seen_at.keys():
            self._seen_at[name] = now
        go += [name for name, seen_at in self._seen_at.items() if now - seen_at > GRACE_S and name not in go]
        for name in go:
            del self._seen_at[name]
        # Those that are cameras already stay: nobody new pushes one out.
        others.update(self._seen_at)
        come: list[str] = []
        told: list[str] = []
        for name in sorted(listed - self._seen_at.keys()):
            reason = _unfit(name, others)
            if reason is None:
                come.append(name)
                others.update([name])
                self._seen_at[name] = now
            elif not others.is_same(name) and name not in self._told and len(self._told) < MOST_TOLD:
                self._told.add(name)
                told.append(f"MediaMTX's path {name[:256]!r} is no camera here: {reason}")
        return Step(tuple(come), tuple(go), tuple(told))


class _Names:
    """Names of which none may lie below another, found in as many steps as a name has parts."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._above: set[str] = set()
        self.update(names)

    def update(self, names: Iterable[str]) -> None:
        for name in names:
            self._names.add(name)
            self._above.update(_leading(name))

    def is_same(self, name: str) -> bool:
        """Whether there is one of that very name: configured by hand, then, and no news."""
        return name in self._names

    def collision(self, name: str) -> str | None:
        """What `name` collides with: a name, or `NAME/…`."""
        if name in self._names:
            return name
        if name in self._above:
            return f"{name}/…"
        return next((shorter for shorter in _leading(name) if shorter in self._names), None)


def _leading(name: str) -> Iterator[str]:
    end = name.find("/")
    while end >= 0:
        yield name[:end]
        end = name.find("/", end + 1)


def _unfit(name: str, others: _Names) -> str | None:
    try:
        parse_camera_name(name)
    except ValueError as error:
        return str(error)
    other = others.collision(name)
    return None if other is None else f"its address would collide with that of {other!r}"
