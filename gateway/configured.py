"""Parts of the gateway as its configuration wants them."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.config import CameraConfig, CameraUrl, Config
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsMode
from gateway.hls.packager import Lengths
from gateway.hls.routes import Elsewhere, Hls
from gateway.negotiate.turn import Turn
from gateway.relay.registry import Registry
from gateway.source.settings import SourceSettings


def source_settings(config: Config) -> dict[str, SourceSettings]:
    """The enabled cameras as the source wants them."""
    return {name: settings_of(camera, config.mediamtx) for name, camera in config.cameras.items() if camera.enabled}


def settings_of(camera: CameraConfig, mediamtx: MediaMtxConfig | None = None) -> SourceSettings:
    """One camera as the source wants it; `mediamtx` is for those that may be read there with its secret."""

    def address(url: CameraUrl) -> str:
        return (url if mediamtx is None else mediamtx.with_credentials(url)).reveal()

    return SourceSettings(
        source=address(camera.source),
        substream=None if camera.substream is None else address(camera.substream),
        transport=camera.transport.value,
        on_demand=camera.on_demand,
        clock=camera.clock.value,
    )


def hls_of(config: Config, registry: Registry, *, clock: Clock, elsewhere: Elsewhere | None = None) -> Hls | None:
    """HLS as configured; None where it is switched off."""
    hls = config.hls
    if hls.mode is HlsMode.OFF:
        return None
    lengths = Lengths(part_s=hls.part, segment_s=hls.segment, segments=hls.segments)
    always = tuple(registry) if hls.always else ()
    return Hls(registry.find, lengths, clock=clock, always=always, elsewhere=elsewhere)


def turn_of(config: Config) -> Turn | None:
    """The TURN server as configured; None where there is none."""
    turn = config.webrtc.turn
    return None if turn.secret is None else Turn(turn.urls, turn.secret)
