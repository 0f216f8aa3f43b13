"""Configuration: the shape of gateway.yml, and how it is read."""

from gateway.config.loading import Loaded, find_file, load_config
from gateway.config.model import (
    AccessConfig,
    AccessMode,
    CameraConfig,
    ClockSource,
    Config,
    Listen,
    Transport,
    WebRtcConfig,
)
from gateway.config.urls import CameraUrl

__all__ = [
    "AccessConfig",
    "AccessMode",
    "CameraConfig",
    "CameraUrl",
    "ClockSource",
    "Config",
    "Listen",
    "Loaded",
    "Transport",
    "WebRtcConfig",
    "find_file",
    "load_config",
]
