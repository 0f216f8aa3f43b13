"""Reads HTTP/1.1 responses off a connection byte by byte, keeping only what is wanted (pure)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from bench.errors import BenchError

_MAX_HEAD: Final = 65_536
_GZIP: Final = 16 + zlib.MAX_WBITS


class ResponseReader:
    """One response; `take` its bytes until it says that it is complete.

    Knows bodies with a length and chunked ones (RFC 9112 section 6); media is counted and not `keep`-t.
    """

    def __init__(self, *, keep: bool) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.size = 0
        """Bytes of the body so far, as they came."""
        self._keep = keep
        self._kept = bytearray()
        self._line = bytearray()
        self._left = 0
        self._step: Callable[[memoryview], int] | None = self._head

    @property
    def complete(self) -> bool:
        """Whether the body has ended."""
        return self._step is None

    def take(self, data: memoryview) -> bool:
        """Returns whether the response is complete; raises BenchError for what is no such response."""
        while len(data) and self._step is not None:
            data = data[self._step(data) :]
        if len(data):
            raise BenchError("A server sent more than its response.")
        return self.complete

    def text(self) -> str:
        """The body, unzipped."""
        body = bytes(self._kept)
        if self.headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, _GZIP)
        return body.decode()

    def _until(self, end: bytes, data: memoryview) -> tuple[int, bytes | None]:
        """How much of `data` belongs to what ends with `end`, and all of that once it is there."""
        known = len(self._line)
        self._line += data
        place = self._line.find(end, max(0, known - len(end)))
        if place < 0:
            if len(self._line) > _MAX_HEAD:
                raise BenchError("A server sent a head without an end.")
            return len(data), None
        found = bytes(self._line[:place])
        self._line.clear()
        return place + len(end) - known, found

    def _head(self, data: memoryview) -> int:
        used, found = self._until(b"\r\n\r\n", data)
        if found is None:
            return used
        first, *lines = found.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            raise BenchError(f"A server answered {first[:80]!r}, which is not HTTP.")
        self.status = int(words[1])
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            self._step = self._chunk_head
        else:
            self._left = int(self.headers.get("content-length", 0))
            self._step = self._body if self._left else None
        return used

    def _body(self, data: memoryview) -> int:
        used = self._media(data)
        if self._left == 0:
            self._step = None
        return used

    def _media(self, data: memoryview) -> int:
        used = min(self._left, len(data))
        if self._keep:
            self._kept += data[:used]
        self._left -= used
        self.size += used
        return used

    def _chunk_head(self, data: memoryview) -> int:
        used, found = self._until(b"\r\n", data)
        if found is not None:
            self._left = int(found.partition(b";")[0], 16)
            self._step = self._chunk if self._left else self._trailer
        return used

    def _chunk(self, data: memoryview) -> int:
        used = self._media(data)
        if self._left == 0:
            self._step = self._chunk_end
        return used

    def _chunk_end(self, data: memoryview) -> int:
        used, found = self._until(b"\r\n", data)
        if found is not None:
            self._step = self._chunk_head
        return used

    def _trailer(self, data: memoryview) -> int:
        used, found = self._until(b"\r\n", data)
        if found == b"":
            self._step = None
        return used
