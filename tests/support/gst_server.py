"""An RTSP camera made of the distribution's gst-rtsp-server; runs under /usr/bin/python3, which has its bindings.

Prints `ready PORT` when it listens and ends when standard input does.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

_AUDIO = {
    "none": "",
    "pcma": "alawenc ! rtppcmapay name=pay1 pt=8",
    "pcmu": "mulawenc ! rtppcmupay name=pay1 pt=0",
    "opus": "audioresample ! audio/x-raw,rate=48000 ! opusenc ! rtpopuspay name=pay1 pt=97",
    "aac": "avenc_aac ! rtpmp4gpay name=pay1 pt=98",
}


def _pipeline(options: argparse.Namespace) -> str:
    gop = max(1, round(options.fps * options.gop))
    video = (
        f"videotestsrc is-live=true pattern={options.pattern} ! "
        f"video/x-raw,format=I420,width={options.width},height={options.height},framerate={options.fps}/1 ! "
        f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} bframes=0 bitrate={options.bitrate_kbps} ! "
        f"video/x-h264,profile={options.profile} ! rtph264pay name=pay0 pt=96 config-interval={options.config_interval}"
    )
    if not _AUDIO[options.audio]:
        return f"( {video} )"
    rate = 8000 if options.audio in ("pcma", "pcmu") else 48000
    source = f"audiotestsrc is-live=true volume=0.05 ! audio/x-raw,rate={rate},channels=1 ! "
    return f"( {video} {source} audioconvert ! {_AUDIO[options.audio]} )"


def _authentication(user: str, password: str) -> tuple[Any, Any]:
    """Digest authentication, and the factory permissions of its one user."""
    authentication = GstRtspServer.RTSPAuth()
    authentication.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    authentication.add_digest(user, password, token)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(*("viewer", permission, True))
    return authentication, permissions


def main() -> None:
    """Serves /cam until standard input ends."""
    options = _options()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(_pipeline(options))
    # One pipeline for all clients, as a camera has one encoder.
    factory.set_shared(True)
    if options.login:
        user, _, password = options.login.partition(":")
        authentication, permissions = _authentication(user, password)
        server.set_auth(authentication)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/cam", factory)
    if server.attach(None) == 0:
        sys.exit(f"gst-rtsp-server can't listen on port {options.port}.")
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    sys.stdout.write(f"ready {server.get_bound_port()}\n")
    sys.stdout.flush()
    loop.run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--fps", type=int, default=20)
    parser.add_argument("--gop", type=float, default=1.0)
    parser.add_argument("--bitrate-kbps", type=int, default=500)
    parser.add_argument("--profile", default="constrained-baseline")
    parser.add_argument("--pattern", default="ball")
    parser.add_argument("--audio", choices=sorted(_AUDIO), default="none")
    parser.add_argument("--config-interval", type=int, default=-1)
    parser.add_argument("--login", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
