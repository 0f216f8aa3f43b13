"""Configuration: the shape of gateway.yml, and how it is read."""

from gateway.config.loading import Loaded, find_file, load_config
from gateway.config.model import (
    AccessConfig,
    AccessMode,
    ApiKeyConfig,
    CameraConfig,
    ClockSource,
    Config,
    Listen,
    SourcesConfig,
    TlsConfig,
    Transport,
    UserConfig,
    WebRtcConfig,
)
from gateway.config.public_url import PublicUrl
from gateway.config.urls import CameraUrl

__all__ = [
    "AccessConfig",
    "AccessMode",
    "ApiKeyConfig",
    "CameraConfig",
    "CameraUrl",
    "ClockSource",
    "Config",
    "Listen",
    "Loaded",
    "PublicUrl",
    "SourcesConfig",
    "TlsConfig",
    "Transport",
    "UserConfig",
    "WebRtcConfig",
    "find_file",
    "load_config",
]
