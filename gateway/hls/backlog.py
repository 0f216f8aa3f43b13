"""What a slow viewer's fragments wait in, and what is skipped when that is too much (pure)."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.clock import Clock

MAX_BYTES: Final = 12 << 20
MAX_WAITING_S: Final = 5.0
"""What waits for longer is skipped, though the next keyframe may be far."""

LATE_S: Final = 0.5
"""A viewer who is this late takes the next keyframe as the occasion to catch up."""

_TEXT: Final = 0x81
_BINARY: Final = 0x82
_MAX_SHORT: Final = 125
_MAX_MEDIUM: Final = 0xFFFF


class Kind(Enum):
    """What a message is to a player."""

    TEXT = auto()
    BEGINNING = auto()
    """An initialization section."""

    KEYFRAME = auto()
    FOLLOWING = auto()
    """Pictures that need the ones before."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a server as it goes over the wire (RFC 6455 section 5.2)."""

    kind: Kind
    framed: bytes
    header_size: int

    @classmethod
    def text(cls, text: str) -> Message:
        """A text message."""
        return cls._of(Kind.TEXT, text.encode())

    @classmethod
    def beginning(cls, data: bytes) -> Message:
        """An initialization section."""
        return cls._of(Kind.BEGINNING, data)

    @classmethod
    def binary(cls, data: bytes, *, keyframe: bool = False) -> Message:
        """Pictures."""
        return cls._of(Kind.KEYFRAME if keyframe else Kind.FOLLOWING, data)

    @classmethod
    def _of(cls, kind: Kind, payload: bytes) -> Message:
        first, size = _TEXT if kind is Kind.TEXT else _BINARY, len(payload)
        if size <= _MAX_SHORT:
            header = struct.pack(">BB", first, size)
        elif size <= _MAX_MEDIUM:
            header = struct.pack(">BBH", first, 126, size)
        else:
            header = struct.pack(">BBQ", first, 127, size)
        return cls(kind, header + payload, len(header))

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return self.kind is Kind.TEXT

    @property
    def payload(self) -> bytes:
        """What the client is given."""
        return self.framed[self.header_size :]


class Backlog:
    """Messages in order, bounded in bytes and in the time they wait; what is skipped ends at a keyframe."""

    def __init__(self, *, clock: Clock) -> None:
        self.skips = 0
        """How often pictures were left out."""
        self._clock = clock
        self._messages: deque[tuple[Message, float]] = deque()
        self._size = 0
        self._needs_keyframe = False

    @property
    def waits(self) -> bool:
        """Whether there is something."""
        return bool(self._messages)

    @property
    def is_idle(self) -> bool:
        """Whether any message can go past it: nothing waits, and nothing is skipped until a keyframe."""
        return not self._messages and not self._needs_keyframe

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size

    def clear(self) -> None:
        """Forget everything; what comes next begins something new."""
        self._messages.clear()
        self._size = 0
        self._needs_keyframe = False

    def may_pass(self, message: Message) -> bool:
        """Whether a message that need not wait can be used by the player; call it for each."""
        if message.kind is Kind.KEYFRAME:
            self._needs_keyframe = False
        return not (self._needs_keyframe and message.kind is Kind.FOLLOWING)

    def add(self, message: Message) -> None:
        """Let it wait, or skip: it, or, when there is too much, all that waits."""
        now = self._clock.monotonic()
        waiting_s = now - self._messages[0][1] if self._messages else 0.0
        patience_s = LATE_S if message.kind is Kind.KEYFRAME else MAX_WAITING_S
        if waiting_s > patience_s or self._size + len(message.framed) > MAX_BYTES:
            self._skip()
        if self.may_pass(message):
            self._messages.append((message, now))
            self._size += len(message.framed)

    def take(self) -> Message:
        """The next message; there must be one."""
        message, _ = self._messages.popleft()
        self._size -= len(message.framed)
        return message

    def _skip(self) -> None:
        # What says how to read the rest stays; nothing follows it but what it is about.
        kept = [message for message, _ in self._messages if message.kind in (Kind.TEXT, Kind.BEGINNING)]
        self.skips += len(kept) < len(self._messages)
        now = self._clock.monotonic()
        self._messages = deque((message, now) for message in kept)
        self._size = sum(len(message.framed) for message in kept)
        self._needs_keyframe = True
