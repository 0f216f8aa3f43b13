"""RTSP messages out of bytes, however they are cut, and within limits."""

from __future__ import annotations

import pytest

from gateway.demo.rtsp_message import InterleavedPacket, Message, Request, Response, RtspParser, RtspSyntaxError

_REQUEST = b"SET_PARAMETER rtsp://h/cam RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 4\r\nX-A: 1\r\nx-a:2\r\n\r\nbody"
_PARSED = Request("SET_PARAMETER", "rtsp://h/cam", {"cseq": "7", "content-length": "4", "x-a": "1,2"}, b"body")
_PACKET = b"$\x01\x00\x03abc"


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_messages_are_found_however_the_bytes_are_cut(step: int) -> None:
    data = b"\r\n" + _REQUEST + _PACKET + b"\r\n\r\n" + _REQUEST
    parser = RtspParser()
    messages: list[Message] = []
    for begin in range(0, len(data), step):
        messages += parser.feed(data[begin : begin + step])
    assert messages == [_PARSED, InterleavedPacket(1, b"abc"), _PARSED]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\xff", 400),
        (b"get / RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS *\r\n\r\n", 400),
        ("ÖPTIONS * RTSP/1.0\r\n\r\n".encode(), 400),
        (b"OPTIONS  * RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS * RTSP/2.0\r\n\r\n", 505),
        (b"OPTIONS * RTSP/1.0\r\n: empty\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nA : b\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nA: \xff\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\n" + b"A: b\r\n" * 65 + b"\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: 1e3\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: 9999999999\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: 65537\r\n\r\n", 413),
        (b"OPTIONS " + b"a" * 20_000, 400),
    ],
)
def test_what_is_not_rtsp_or_too_large_is_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(RtspSyntaxError) as caught:
        RtspParser().feed(data)
    assert caught.value.status == status


def test_response_carries_cseq_and_length() -> None:
    rendered = Response(200, {"Session": "1"}, "v=0").render("3")
    assert rendered == b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\nContent-Length: 3\r\n\r\nv=0"
    assert Response(454).render(None) == b"RTSP/1.0 454 Session Not Found\r\n\r\n"
