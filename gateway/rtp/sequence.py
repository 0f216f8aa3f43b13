"""One viewer's sequence numbers: the shared packet index seen through an offset, with gaps closed."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

_SPANS = 256
"""How many offset changes are remembered for NACKs; older ones can no longer be answered anyway."""


class SequenceMap:
    """Maps shared packet indexes to the sequence numbers one viewer was given, and back.

    `first` is the first sequence number; it must be below 32768, because a receiver that loses the first packets
    around a rollover can never decrypt the stream (RFC 3711 section 3.3.1).  Numbers given out are always
    consecutive: when the viewer was not sent some packets, the next ones close the gap, so that it does not ask
    for what it was never meant to have.
    """

    def __init__(self, first: int) -> None:
        if not 0 <= first < 1 << 15:
            raise ValueError(f"first sequence number is {first}, must be in 0…32767")
        self._next = first
        # (first extended number of the span, index - number); numbers are extended, i.e. they never wrap.
        self._spans: deque[tuple[int, int]] = deque(maxlen=_SPANS)

    def assign(self, index: int, count: int) -> int:
        """Give the packets from `index` on, `count` of them, the next numbers; returns the first, extended."""
        number = self._next
        offset = index - number
        if not self._spans or self._spans[-1][1] != offset:
            self._spans.append((number, offset))
        self._next = number + count
        return number

    @property
    def next_number(self) -> int:
        """The extended number the next packet will get."""
        return self._next

    def extend(self, sequence_number: int) -> int:
        """The extended number nearest below what was last sent that ends in this 16-bit `sequence_number`."""
        behind = (self._next - 1 - sequence_number) & 0xFFFF
        return self._next - 1 - behind

    def index_of(self, sequence_number: int) -> int | None:
        """The shared index of the packet this viewer knows by a 16-bit number; None if it was never sent one."""
        number = self.extend(sequence_number)
        spans = self._spans
        place = bisect_right(spans, number, key=lambda span: span[0]) - 1
        if place < 0:
            return None
        return number + spans[place][1]

    def number_of(self, index: int) -> int | None:
        """The extended number this viewer last knew packet `index` by; None if not sent, as far as remembered."""
        end = self._next
        for number, offset in reversed(self._spans):
            candidate = index - offset
            if number <= candidate < end:
                return candidate
            end = number
        return None
