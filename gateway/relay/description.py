"""The JSON shape of a camera."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from gateway.media.units import StreamInfo
from gateway.relay.camera import Camera
from gateway.source.status import CameraStatus
from gateway.source.validator import RungVerdict, Verdict, assess

Json = dict[str, Any]


_NOT_SERVED: Json = {"ok": False, "code": "config", "message": "This gateway does not offer this way of watching"}


def describe(
    camera: Camera, *, clock: Json | None, viewers: Mapping[str, int], served: Container[str], admin: bool
) -> Json:
    """A camera as JSON; `clock` and `viewers` come from who knows them, addresses are for admins only.

    `served` are the rungs this gateway offers at all.
    """
    stream = camera.stream
    return {
        "name": camera.name,
        **_status(camera.status, admin=admin),
        "video": _video(camera, stream),
        "audio": {"codec": stream.audio.codec_string} if stream and stream.audio else None,
        "rungs": _rungs(stream, served) if stream else {},
        "clock": clock,
        "viewers": {protocol: count for protocol, count in viewers.items() if count},
    }


def _status(status: CameraStatus, *, admin: bool) -> Json:
    reason: Json | None = None
    if status.reason is not None:
        reason = {"code": status.reason.code.value, "message": status.reason.message}
        if admin and status.reason.address:
            reason["address"] = status.reason.address
    return {"state": status.state.value, "reason": reason, "since": status.since, "retry_at": status.retry_at}


def _video(camera: Camera, stream: StreamInfo | None) -> Json | None:
    if stream is None or stream.video is None:
        return None
    video = stream.video
    gop_s = camera.hub.gop.gop_s
    return {
        "codec": video.codec_string,
        "width": video.width,
        "height": video.height,
        "fps": round(video.fps, 2),
        "gop_s": None if gop_s is None else round(gop_s, 2),
        "b_frames": video.b_frames,
        "bitrate_bps": camera.hub.bitrate_bps,
    }


def _rungs(stream: StreamInfo, served: Container[str]) -> Json:
    return {
        rung: _rung(verdict) if rung in served or not verdict.ok else _NOT_SERVED
        for rung, verdict in assess(stream).items()
    }


def _rung(verdict: RungVerdict) -> Json:
    shown = _verdict(verdict)
    if verdict.audio is not None and not verdict.audio.ok:
        shown["audio"] = {key: value for key, value in _verdict(verdict.audio).items() if key != "ok"}
    return shown


def _verdict(verdict: RungVerdict | Verdict) -> Json:
    return {"ok": True} if verdict.ok else {"ok": False, "code": verdict.code, "message": verdict.message}
