"""Lays file, environment and command line over each other, remembering where each value came from (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.config.document import Document, Path, Value
from gateway.redaction import escape_controls, redact

PREFIX: Final = "GATEWAY_"
CONFIG_VARIABLE: Final = "GATEWAY_CONFIG"

_PAIR_BOUNDARY = re.compile(r",\s*(?=[^,=\s]+=[A-Za-z][A-Za-z0-9+.\-]*://)")
# Kubernetes and docker links describe services called gateway… to their neighbours by such variables.
_SERVICE_LINK = re.compile(
    r"GATEWAY_(?:\w*_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)"
)
_SERVICE_PORT_VALUE = ("tcp://", "udp://", "sctp://")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value was written; orders as the layers do, then by line (0: not in lines)."""

    layer: int
    line: int
    label: str

    def __str__(self) -> str:
        return f"{self.label}:{self.line}" if self.line else self.label


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, and where."""

    origin: Origin
    path: Path
    message: str

    def __str__(self) -> str:
        line = ": ".join(part for part in (str(self.origin), ".".join(self.path), self.message) if part)
        # A key can be anything, an address with its password too.
        return escape_controls(redact(line))


@dataclass(slots=True)
class Layers:
    """The merged values; later layers win key by key, except that a NAME=URL pair replaces its camera as a whole."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    fallback: Origin = Origin(0, 0, "configuration")

    def add_document(self, document: Document, label: str) -> None:
        """The lowest layer: a file."""
        self.fallback = Origin(0, 0, label)
        self.values = document.values
        self.origins = {path: Origin(0, line, label) for path, line in document.lines.items()}
        self.problems += [Problem(Origin(0, flaw.line, label), flaw.path, flaw.message) for flaw in document.flaws]

    def add_environment(self, environment: Mapping[str, str], read: Callable[[str], str]) -> None:
        """The `GATEWAY_…` variables; `read` returns the text of a file or raises OSError or ValueError."""
        for name in sorted(environment):
            text = environment[name]
            if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not text or _describes_service(name, text):
                continue
            origin = Origin(1, 0, name)
            path = self._environment_path(name)
            if path in self.origins and self.origins[path].layer == 1:
                self.problems.append(Problem(origin, path, f"also set by {self.origins[path]}; keep one of the two"))
                continue
            if name.endswith("_FILE") and _is_secret(stem := (*path[:-1], path[-1].removesuffix("_file"))):
                self._add_secret_file(name, stem, text, read)
            elif path == ("cameras",):
                self.add_pairs(_PAIR_BOUNDARY.split(text), origin)
                self.origins[path] = origin
            else:
                self.put(path, text, origin)

    def add_pairs(self, pairs: Iterable[str], origin: Origin) -> None:
        """Cameras as NAME=URL."""
        self._add_numbered_pairs((origin, pair.strip()) for pair in pairs if pair.strip())

    def put(self, path: Path, value: Value, origin: Origin) -> None:
        """Sets one value, making sections of what stands in its way (a camera's short form becomes its source)."""
        section = self.values
        for depth, key in enumerate(path[:-1], start=1):
            below = section.get(key)
            if not isinstance(below, dict):
                below = {"source": below} if path[0] == "cameras" and depth == 2 and below is not None else {}
                section[key] = below
                self.origins.setdefault(path[:depth], origin)
            section = below
        section[path[-1]] = value
        self.origins = {known: where for known, where in self.origins.items() if known[: len(path)] != path}
        self.origins[path] = origin

    def origin_of(self, path: Path) -> Origin:
        """Where the value at `path`, or the nearest section around it, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return self.fallback

    def _environment_path(self, variable: str) -> Path:
        segments = variable.removeprefix(PREFIX).split("__")
        path = tuple(segment.lower() for segment in segments)
        depth = 1 if path[0] == "cameras" else 2 if path[:2] in (("access", "users"), ("access", "api_keys")) else 0
        named: Value = self.values
        for key in path[:depth]:
            named = named.get(key) if isinstance(named, dict) else None
        if not depth or len(path) <= depth or not isinstance(named, dict):
            return path
        # A variable's name can't hold "front-door": FRONT_DOOR means that camera where there is one.
        for name in named:
            if re.sub(r"[^A-Za-z0-9]", "_", name).lower() == path[depth]:
                return (*path[:depth], name, *path[depth + 1 :])
        return path

    def _add_secret_file(self, name: str, path: Path, filename: str, read: Callable[[str], str]) -> None:
        origin = Origin(1, 0, name)
        if path in self.origins and self.origins[path].layer == 1:
            self.problems.append(Problem(origin, path, f"also set by {self.origins[path]}; keep one of the two"))
            return
        try:
            text = read(filename)
        except (OSError, ValueError) as error:
            self.problems.append(Problem(origin, path, describe_unreadable(filename, error)))
            return
        if path != ("cameras",):
            self.put(path, text.strip(), origin)
            return
        lines = ((Origin(1, number, filename), line.strip()) for number, line in enumerate(text.splitlines(), start=1))
        self._add_numbered_pairs((where, line) for where, line in lines if line and not line.startswith("#"))
        self.origins[path] = origin

    def _add_numbered_pairs(self, pairs: Iterable[tuple[Origin, str]]) -> None:
        seen: set[str] = set()
        for origin, pair in pairs:
            name, separator, url = (part.strip() for part in pair.partition("="))
            if not separator or "://" in name:
                message = "a camera is given as NAME=rtsp://…, for example front=rtsp://192.0.2.10/stream1"
                self.problems.append(Problem(origin, ("cameras",), message))
            elif name in seen:
                self.problems.append(Problem(origin, ("cameras", name), "given twice"))
            else:
                seen.add(name)
                self.put(("cameras", name), url, origin)


def describe_unreadable(filename: str, error: OSError | ValueError) -> str:
    """Why a file can't be read, without its content."""
    if isinstance(error, OSError):
        return f"can't read {filename}: {error.strerror or type(error).__name__}"
    return f"can't read {filename}: it isn't UTF-8 text"


def _is_secret(path: Path) -> bool:
    match path:
        case ("cameras",) | ("cameras", _, "source" | "substream") | ("access", "users" | "api_keys", _, "hash"):
            return True
        case ("mediamtx", "hook_secret") | ("webrtc", "turn", "secret"):
            return True
    return False


def _describes_service(name: str, text: str) -> bool:
    return _SERVICE_LINK.fullmatch(name) is not None or (name.endswith("PORT") and text.startswith(_SERVICE_PORT_VALUE))
