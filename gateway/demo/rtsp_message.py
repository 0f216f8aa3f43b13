"""RTSP 1.0 messages (RFC 2326): bytes in, requests and interleaved packets out; responses to bytes.  No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

_HEAD_LIMIT: Final = 16 * 1024
_BODY_LIMIT: Final = 64 * 1024
_HEADER_COUNT_LIMIT: Final = 64
_INTERLEAVED_MARK: Final = 0x24
_INTERLEAVED_HEADER: Final = 4
_VERSION: Final = "RTSP/1.0"

_RTSP_REASONS: Final = {
    451: "Parameter Not Understood",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    505: "RTSP Version Not Supported",
}


class RtspSyntaxError(Exception):
    """What arrived is not RTSP, or beyond its limits; `status` is what to answer before closing."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, a repeated header's values joined by commas."""

    method: str
    uri: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class InterleavedPacket:
    """A binary packet the client sent between requests (RFC 2326 section 10.12): RTCP, for a camera."""

    channel: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; CSeq and Content-Length are added when it is rendered."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def render(self, cseq: str | None) -> bytes:
        """The message as sent; `cseq` is the request's."""
        reason = _RTSP_REASONS.get(self.status) or HTTPStatus(self.status).phrase
        lines = [f"{_VERSION} {self.status} {reason}"]
        if cseq is not None:
            lines.append(f"CSeq: {cseq}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        body = self.body.encode()
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Message = Request | InterleavedPacket


class RtspParser:
    """Collects bytes into messages; holds at most one incomplete message, within fixed limits."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by `data`; raises RtspSyntaxError, after which the parser is of no more use."""
        self._buffer += data
        messages: list[Message] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> Message | None:
        buffer = self._buffer
        # Empty lines between messages are to be ignored (RFC 2326 section 4.1).
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        if not buffer or buffer == b"\r":
            return None
        if buffer[0] == _INTERLEAVED_MARK:
            return self._next_packet()
        return self._next_request()

    def _next_packet(self) -> InterleavedPacket | None:
        buffer = self._buffer
        if len(buffer) < _INTERLEAVED_HEADER:
            return None
        end = _INTERLEAVED_HEADER + int.from_bytes(buffer[2:4], "big")
        if len(buffer) < end:
            return None
        packet = InterleavedPacket(buffer[1], bytes(buffer[_INTERLEAVED_HEADER:end]))
        del buffer[:end]
        return packet

    def _next_request(self) -> Request | None:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", 0, _HEAD_LIMIT)
        if end < 0:
            _check_start(buffer)
            if len(buffer) >= _HEAD_LIMIT:
                raise RtspSyntaxError(f"The request's header is over {_HEAD_LIMIT} bytes.")
            return None
        request = _parse_head(bytes(buffer[:end]))
        length = _content_length(request)
        body_begin = end + 4
        if len(buffer) < body_begin + length:
            return None
        body = bytes(buffer[body_begin : body_begin + length])
        del buffer[: body_begin + length]
        return Request(request.method, request.uri, request.headers, body)


def _check_start(buffer: bytearray) -> None:
    """Refuses early what can't become a request, so that garbage without line ends is not waited for."""
    if not 0x41 <= buffer[0] <= 0x5A:
        raise RtspSyntaxError("What arrived does not begin like an RTSP request.")


def _parse_head(head: bytes) -> Request:
    try:
        first, *lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        raise RtspSyntaxError("The request's header is not text.") from None
    parts = first.split(" ")
    if len(parts) != 3 or not parts[0].replace("_", "").isupper() or not parts[0].isascii():
        raise RtspSyntaxError("The request line is not METHOD URL RTSP/1.0.")
    method, uri, version = parts
    if version != _VERSION:
        raise RtspSyntaxError("Only RTSP/1.0 is spoken here.", status=505)
    if len(lines) > _HEADER_COUNT_LIMIT:
        raise RtspSyntaxError(f"The request has over {_HEADER_COUNT_LIMIT} headers.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise RtspSyntaxError("A header line is not NAME: VALUE.")
        key, value = name.lower(), value.strip()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return Request(method, uri, headers)


def _content_length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise RtspSyntaxError("Content-Length is not a number.")
    length = int(text)
    if length > _BODY_LIMIT:
        raise RtspSyntaxError(f"The request's body is over {_BODY_LIMIT} bytes.", status=413)
    return length
