"""A bare RTSP client for tests: says exactly what a test wants, and shows what came back byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """The parts of an RTP packet that tests look at."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        assert data[0] == 0x80, "version 2, no padding, extension or sources"
        return cls(
            payload_type=data[1] & 0x7F,
            marker=bool(data[1] & 0x80),
            sequence=int.from_bytes(data[2:4], "big"),
            timestamp=int.from_bytes(data[4:8], "big"),
            ssrc=int.from_bytes(data[8:12], "big"),
            payload=data[12:],
        )


class RtspClient:
    """Every wait has a deadline of 5 seconds."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.url = url
        self.reader = reader
        self.writer = writer
        self._cseq = 0
        self._session: str | None = None

    async def request(self, method: str, url: str | None = None, **headers: str) -> Answer:
        """Sends a request (underscores in header names become dashes) and returns its answer."""
        self._cseq += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self._cseq}"]
        if self._session is not None and "Session" not in headers:
            lines.append(f"Session: {self._session}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        answer = await self.answer()
        assert answer.headers.get("cseq") == str(self._cseq)
        return answer

    async def answer(self) -> Answer:
        """The next response, skipping interleaved packets."""
        async with asyncio.timeout(_DEADLINE_S):
            first = await self.reader.readexactly(1)
            while first == b"$":
                header = await self.reader.readexactly(3)
                await self.reader.readexactly(int.from_bytes(header[1:], "big"))
                first = await self.reader.readexactly(1)
            head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
            status_line, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(status_line.split(" ")[1]), headers, body.decode())

    async def setup(self, track: int = 0, *, transport: str | None = None) -> Answer:
        """SETUP of one track, interleaved unless told otherwise; remembers the session."""
        transport = transport or f"RTP/AVP/TCP;unicast;interleaved={2 * track}-{2 * track + 1}"
        answer = await self.request("SETUP", f"{self.url}/trackID={track}", Transport=transport)
        if answer.status == 200:
            self._session = answer.headers["session"].partition(";")[0]
        return answer

    async def play(self, *, tracks: int = 1) -> Answer:
        """SETUP of the first `tracks` tracks, then PLAY."""
        for track in range(tracks):
            assert (await self.setup(track)).status == 200
        answer = await self.request("PLAY")
        assert answer.status == 200
        return answer

    async def interleaved(self) -> tuple[int, bytes]:
        """The next interleaved packet: channel and content."""
        async with asyncio.timeout(_DEADLINE_S):
            header = await self.reader.readexactly(4)
            assert header[:1] == b"$"
            return header[1], await self.reader.readexactly(int.from_bytes(header[2:], "big"))

    async def rtp(self, channel: int = 0) -> RtpPacket:
        """The next RTP packet on `channel`; others are skipped."""
        while True:
            arrived_on, data = await self.interleaved()
            if arrived_on == channel:
                return RtpPacket.parse(data)

    async def access_unit(self) -> list[RtpPacket]:
        """The packets up to the next marker on channel 0."""
        packets = [await self.rtp()]
        while not packets[-1].marker:
            packets.append(await self.rtp())
        return packets

    async def end(self) -> bytes:
        """What arrives until the connection ends; ConnectionError when it was reset."""
        async with asyncio.timeout(_DEADLINE_S):
            return await self.reader.read()


@asynccontextmanager
async def rtsp_client(url: str) -> AsyncIterator[RtspClient]:
    """A connection to the server of `url`."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield RtspClient(url, reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def h264_nal_types(packets: list[RtpPacket]) -> list[int]:
    """The NAL unit types in the payloads of H.264 packets; a fragmented one counts once."""
    types: list[int] = []
    for packet in packets:
        payload = packet.payload
        kind = payload[0] & 31
        if kind == 24:
            at = 1
            while at < len(payload):
                types.append(payload[at + 2] & 31)
                at += 2 + int.from_bytes(payload[at : at + 2], "big")
        elif kind == 28:
            if payload[1] & 0x80:
                types.append(payload[1] & 31)
        else:
            types.append(kind)
    return types
