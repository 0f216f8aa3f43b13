"""`python -m bench.vanilla_server PORT FILE`: aiortc as documented, without decoding, for the cameras of a JSON file.

What aiortc's webcam example does with `--play-without-decoding --video-codec video/H264`, with its relay for several
viewers and WHEP's way to exchange the descriptions.  `GET /live` tells how many cameras are open.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aioice.ice
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay  # noqa: TID251  measured because aiortc documents it

# Viewers that only count do not answer the server's checks; their own checks keep the connection wanted.
aioice.ice.CONSENT_FAILURES = sys.maxsize


class Vanilla:
    """Players, their relay, and the peer connections that are open."""

    def __init__(self) -> None:
        self._players: dict[str, MediaPlayer] = {}
        self._relay = MediaRelay()
        self._peers: set[RTCPeerConnection] = set()

    async def open(self, cameras: dict[str, str]) -> None:
        """Open all cameras, one after the other."""
        options = {"rtsp_transport": "tcp", "fflags": "nobuffer"}
        for name, url in cameras.items():
            self._players[name] = await asyncio.to_thread(MediaPlayer, url, options=options, decode=False)

    async def live(self, _: web.Request) -> web.Response:
        """How many cameras are open."""
        return web.json_response(len(self._players))

    async def offer(self, request: web.Request) -> web.Response:
        """A viewer's offer in, the answer out."""
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)

        @peer.on("connectionstatechange")
        async def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                await peer.close()
                self._peers.discard(peer)

        video = self._players[request.match_info["camera"]].video
        if video is None:
            raise web.HTTPConflict(text="The camera has no picture")
        sender = peer.addTrack(self._relay.subscribe(video))
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver = next(one for one in peer.getTransceivers() if one.sender is sender)
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return web.Response(status=201, text=peer.localDescription.sdp, content_type="application/sdp")


async def build(cameras: dict[str, str]) -> web.Application:
    """The server; cameras open while it already answers."""
    vanilla = Vanilla()
    app = web.Application()
    app.add_routes([web.get("/live", vanilla.live), web.post("/{camera}/whep", vanilla.offer)])
    opening = asyncio.create_task(vanilla.open(cameras))
    app.on_cleanup.append(lambda _: asyncio.wait([opening], timeout=0))
    return app


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    web.run_app(build(found), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
