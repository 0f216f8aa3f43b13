"""The RTSP server, request by request (RFC 2326), and against clients that mean no good."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time

import pytest

from gateway.demo.digest import Credentials
from gateway.demo.rtsp_connection import ServerSettings
from gateway.demo.spec import AudioChoice
from tests.demo.rtsp_client import RtpPacket, h264_nal_types, rtsp_client
from tests.support.cameras import demo_camera

_NTP_EPOCH_OFFSET_S = 2_208_988_800
_DAMAGED = [
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS *\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nX: \xff\xfe\r\n\r\n",
    b"A" * 20_000,
    b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 100 + b"\r\n",
]


async def test_describe_setup_play_and_teardown_answer_as_the_rfc_says() -> None:
    async with demo_camera(audio=AudioChoice.OPUS) as camera, rtsp_client(camera.url) as client:
        assert "GET_PARAMETER" in (await client.request("OPTIONS")).headers["public"]
        described = await client.request("DESCRIBE", Accept="application/sdp")
        assert described.headers["content-type"] == "application/sdp"
        assert described.headers["content-base"] == camera.url + "/"
        assert re.search(r"a=fmtp:96 packetization-mode=1; profile-level-id=42[ce]0..; sprop-", described.body)
        assert "a=rtpmap:97 opus/48000/2" in described.body
        setup = await client.setup(0)
        assert setup.headers["transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1"
        assert setup.headers["session"].endswith(";timeout=60")
        assert (await client.setup(1)).status == 200
        played = await client.request("PLAY", camera.url + "/", Range="npt=0.000-")
        infos = dict(re.findall(r"trackID=(\d);seq=(\d+)", played.headers["rtp-info"]))
        # A report for each track comes first, then packets that continue from RTP-Info.
        assert [(await client.interleaved())[0] for _ in range(2)] == [1, 3]
        assert (await client.rtp(0)).sequence == int(infos["0"])
        assert (await client.rtp(2)).payload_type == 97
        assert (await client.request("TEARDOWN")).status == 200
        assert camera.camera.receiver_count == 0


async def test_packets_of_a_picture_share_a_timestamp_and_end_with_the_marker() -> None:
    async with demo_camera(width=640, height=480) as camera, rtsp_client(camera.url) as client:
        await client.play()
        units = [await client.access_unit() for _ in range(3)]
    packets = [packet for unit in units for packet in unit]
    assert h264_nal_types(units[0])[:2] == [7, 8]
    assert len(units[0]) > 3
    assert all(len({packet.timestamp for packet in unit}) == 1 for unit in units)
    first = packets[0].sequence
    assert [packet.sequence for packet in packets] == [(first + step) & 0xFFFF for step in range(len(packets))]
    assert max(len(packet.payload) for packet in packets) <= 1400


async def test_sender_reports_carry_real_time_at_play_and_regularly() -> None:
    async with demo_camera(report_interval_s=0.1) as camera, rtsp_client(camera.url) as client:
        await client.play()
        reports: list[bytes] = []
        while len(reports) < 3:
            channel, data = await client.interleaved()
            if channel == 1:
                reports.append(data)
    now_s = time.time()
    times_s = [
        int.from_bytes(report[8:12], "big") - _NTP_EPOCH_OFFSET_S + int.from_bytes(report[12:16], "big") / 2**32
        for report in reports
    ]
    timestamps = [int.from_bytes(report[16:20], "big") for report in reports]
    assert all(report[:2] == b"\x80\xc8" for report in reports)
    assert 0 <= now_s - times_s[-1] < 1
    rate = ((timestamps[2] - timestamps[0]) % (1 << 32)) / (times_s[2] - times_s[0])
    assert rate == pytest.approx(90_000, rel=0.02)


async def test_udp_goes_to_the_clients_ports_and_reports_beside_it() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as rtp, socket.socket(type=socket.SOCK_DGRAM) as rtcp:
        for sock in (rtp, rtcp):
            sock.settimeout(0)
            sock.bind(("127.0.0.1", 0))
        ports = (rtp.getsockname()[1], rtcp.getsockname()[1])
        async with demo_camera() as camera, rtsp_client(camera.url) as client:
            setup = await client.setup(transport=f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]}")
            server = re.search(r"server_port=(\d+)-(\d+)", setup.headers["transport"])
            assert server is not None
            assert int(server[2]) == int(server[1]) + 1
            assert (await client.request("PLAY")).status == 200
            async with asyncio.timeout(10):
                packet = RtpPacket.parse(await loop.sock_recv(rtp, 2048))
                report = await loop.sock_recv(rtcp, 2048)
    assert packet.payload_type == 96
    assert report[:2] == b"\x80\xc8"
    assert int.from_bytes(report[4:8], "big") == packet.ssrc


async def test_udp_client_that_only_sends_receiver_reports_keeps_its_session() -> None:
    settings = ServerSettings(session_timeout_s=0.4)
    with socket.socket(type=socket.SOCK_DGRAM) as rtp, socket.socket(type=socket.SOCK_DGRAM) as rtcp:
        for sock in (rtp, rtcp):
            sock.bind(("127.0.0.1", 0))
        transport = f"RTP/AVP;unicast;client_port={rtp.getsockname()[1]}-{rtcp.getsockname()[1]}"
        async with demo_camera(settings=settings) as camera, rtsp_client(camera.url) as client:
            setup = await client.setup(transport=transport)
            server = re.search(r"server_port=\d+-(\d+)", setup.headers["transport"])
            assert server is not None
            await client.request("PLAY")
            for _ in range(8):
                rtcp.sendto(b"\x80\xc9\x00\x01\x00\x00\x00\x01", ("127.0.0.1", int(server[1])))
                await asyncio.sleep(0.1)
            assert camera.camera.receiver_count == 1
            with pytest.raises(ConnectionResetError):
                await client.end()
            assert camera.camera.receiver_count == 0


async def test_client_that_says_nothing_for_the_session_timeout_is_gone() -> None:
    async with demo_camera(settings=ServerSettings(session_timeout_s=0.2)) as camera, rtsp_client(camera.url) as client:
        await client.play()
        with pytest.raises(ConnectionResetError):
            await client.end()
        assert camera.camera.receiver_count == 0


async def test_slow_client_is_dropped_and_the_others_play_on(caplog: pytest.LogCaptureFixture) -> None:
    settings = ServerSettings(pending_limit_bytes=100_000)
    async with (
        demo_camera(bitrate_bps=40_000_000, width=640, height=480, settings=settings) as camera,
        rtsp_client(camera.url) as quick,
        rtsp_client(camera.url) as slow,
    ):
        await quick.play()
        await slow.play()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with caplog.at_level(logging.WARNING):
            async with asyncio.timeout(10):
                while camera.camera.receiver_count == 2:
                    await quick.access_unit()
        assert await quick.access_unit()
    assert "dropped a client that left" in caplog.text


async def test_wrong_requests_get_their_status_and_the_connection_goes_on() -> None:
    async with demo_camera() as camera, rtsp_client(camera.url) as client:
        tcp = "RTP/AVP/TCP;unicast;interleaved=0-1"
        assert (await client.request("RECORD")).status == 501
        assert (await client.request("DESCRIBE", camera.url + "x")).status == 404
        assert (await client.request("SETUP", camera.url + "/trackID=1", Transport=tcp)).status == 404
        assert (await client.request("SETUP", camera.url + "/trackID=x", Transport=tcp)).status == 404
        assert (await client.request("SETUP", "rtsp://[/trackID=0", Transport=tcp)).status == 404
        assert (await client.request("SETUP", camera.url, Transport=tcp)).status == 404
        assert (await client.request("PLAY")).status == 455
        assert (await client.request("TEARDOWN")).status == 454
        for transport in (
            "RTP/AVP;multicast",
            "RAW/RAW/UDP",
            "RTP/AVP;client_port=0-1",
            "RTP/AVP/TCP;interleaved=0-999",
        ):
            assert (await client.setup(transport=transport)).status == 461
        assert (await client.setup()).status == 200
        assert (await client.setup()).status == 459
        assert (await client.request("PLAY", Session="0123")).status == 454
        assert (await client.request("PLAY")).status == 200
        assert (await client.setup()).status == 455


async def test_only_options_is_answered_without_the_password() -> None:
    async with demo_camera(credentials=Credentials("u", "p")) as camera, rtsp_client(camera.url) as client:
        assert (await client.request("OPTIONS")).status == 200
        refused = await client.request("DESCRIBE")
        assert refused.status == 401
        assert 'qop="auth"' in refused.headers["www-authenticate"]
        assert refused.body == ""


@pytest.mark.parametrize("damaged", _DAMAGED, ids=lambda data: repr(data[:12]))
async def test_garbage_is_refused_closed_and_leaves_no_trace(damaged: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with demo_camera() as camera, rtsp_client(camera.url) as client:
        client.writer.write(damaged)
        try:
            answer = await client.end()
        except ConnectionResetError:
            answer = b""
        assert not answer or answer.startswith((b"RTSP/1.0 400", b"RTSP/1.0 413", b"RTSP/1.0 505"))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        async with rtsp_client(camera.url) as other:
            assert (await other.request("DESCRIBE")).status == 200


async def test_request_without_cseq_is_400() -> None:
    async with demo_camera() as camera, rtsp_client(camera.url) as client:
        client.writer.write(b"OPTIONS * RTSP/1.0\r\n\r\n")
        assert (await client.answer()).status == 400


async def test_copies_serve_the_same_packets_under_several_paths() -> None:
    async with demo_camera(copies=3) as camera:
        urls = [camera.server.url(f"cam-{number}") for number in (1, 3)]
        async with rtsp_client(urls[0]) as first, rtsp_client(urls[1]) as second:
            await first.play()
            await second.play()
            theirs = await second.rtp()
            mine = await first.rtp()
            while mine.sequence != theirs.sequence:
                mine = await first.rtp()
    assert mine == theirs


async def test_connections_above_the_limit_are_closed() -> None:
    async with demo_camera(settings=ServerSettings(connection_limit=1)) as camera, rtsp_client(camera.url) as first:
        assert (await first.request("OPTIONS")).status == 200
        async with rtsp_client(camera.url) as second:
            assert await second.end() == b""
        assert (await first.request("OPTIONS")).status == 200


async def test_taken_port_is_an_os_error_and_leaves_nothing_running() -> None:
    async with demo_camera() as camera:
        with pytest.raises(OSError, match="in use"):
            async with demo_camera(port=camera.server.port):
                pass
