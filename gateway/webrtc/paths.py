"""Ways to a viewer: what the agent, the wire and the port need of a UDP address or a TCP connection."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

PathKey = tuple[str, str, str, int]
"""Protocol, our address, the viewer's address and port."""


class Path(Protocol):
    """A way to one remote address, from the one of our addresses it was asked at."""

    @property
    def key(self) -> PathKey:
        """Identifies the path."""

    @property
    def remote(self) -> tuple[str, int]:
        """The viewer's address as the gateway sees it."""

    @property
    def protocol(self) -> str:
        """`udp` or `tcp`."""

    @property
    def congested(self) -> bool:
        """Whether so much is waiting to leave that pictures should be skipped rather than queued."""

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send one datagram now; False when it was dropped."""

    def send_packets(self, packets: memoryview, stride: int) -> int:
        """Send packets that lie `stride` bytes apart, the last possibly shorter; returns the bytes that left.

        `packets` is reused as soon as this returns.
        """

    def close(self) -> None:
        """Nothing leads anywhere by this path any more; what was sent still leaves."""


class Drop(StrEnum):
    """Why something that reached or should have left the media port was dropped."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_OURS = "not_ours"
    UNVALIDATED = "unvalidated"
    BAD_STUN = "bad_stun"
    NO_FINGERPRINT = "no_fingerprint"
    UNKNOWN_USER = "unknown_user"
    BAD_INTEGRITY = "bad_integrity"
    BAD_SRTP = "bad_srtp"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    ROLE_CONFLICT = "role_conflict"
    AMPLIFICATION = "amplification"
    HANDSHAKES_FULL = "handshakes_full"
    QUEUE_FULL = "queue_full"
    TOO_MUCH_CONTROL = "too_much_control"
    PATHS_FULL = "paths_full"
    PATH_SWITCHES = "path_switches"
    CONNECTIONS_FULL = "connections_full"
    ADDRESS_FULL = "address_full"
    SILENT_CONNECTION = "silent_connection"
    SEND_FULL = "send_full"
    SEND_FAILED = "send_failed"


class DropCounter(Protocol):
    """Counts drops."""

    def dropped(self, reason: Drop, count: int = 1) -> None:
        """Count `count` drops for `reason`."""
