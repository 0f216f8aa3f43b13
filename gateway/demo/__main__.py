"""`python -m gateway.demo`: demo cameras on their own, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from gateway.demo.camera import DEFAULT_REPORT_INTERVAL_S
from gateway.demo.cameras import start_demo_cameras
from gateway.demo.digest import Credentials
from gateway.demo.rtsp_connection import ServerSettings
from gateway.demo.spec import DEMO_CAMERAS, CameraSpec, parse_camera

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAMERA_HELP = (
    "NAME[:WIDTHxHEIGHT[@FPS]][:KEY=VALUE]…, repeatable; keys: gop (seconds), bitrate (4M), codec (h264, h265), "
    "profile (baseline, main, high), bframes, audio (none, opus, pcmu, pcma, aac), "
    "sets (everywhere, sdp-only, in-band-only), scene (front-door, yard, garage), "
    "copies (serves one encoder under NAME-1 to NAME-N); default: the demo's three cameras"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 after SIGINT, SIGTERM or the end of standard input; 2 when the cameras can't be served."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        sys.stderr.write(f"Demo cameras can't listen on {where}: {error.strerror or error}. Choose another --port.\n")
        return 2
    return 0


async def _serve(options: argparse.Namespace) -> None:
    user, _, password = (options.login or "").partition(":")
    settings = ServerSettings(credentials=Credentials(user, password) if user else None)
    cameras = await start_demo_cameras(
        options.host,
        port=options.port,
        specs=options.camera or DEMO_CAMERAS,
        settings=settings,
        report_interval_s=options.report_interval,
    )
    async with cameras:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if options.child:
            loop.add_reader(sys.stdin, _read_stdin, stop)
        _announce(cameras.urls, as_json=options.child)
        await stop.wait()


def _read_stdin(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()
        asyncio.get_running_loop().remove_reader(sys.stdin)


def _announce(urls: dict[str, str], *, as_json: bool) -> None:
    lines = [json.dumps(urls)] if as_json else [f"{name} {url}" for name, url in urls.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.demo", description="Cameras that speak real RTSP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8554, help="RTSP port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--camera", action="append", type=_camera, metavar="CAMERA", help=_CAMERA_HELP)
    parser.add_argument("--login", metavar="USER:PASSWORD", help="ask for it by digest authentication")
    parser.add_argument(
        "--report-interval",
        type=float,
        default=DEFAULT_REPORT_INTERVAL_S,
        metavar="SECONDS",
        help="time between RTCP sender reports (default: %(default)s)",
    )
    # For gateway.demo.process: addresses as one line of JSON, and an end when the parent's end of stdin closes.
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser


def _camera(text: str) -> CameraSpec:
    try:
        return parse_camera(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
