"""Configuration: the shape of gateway.yml, and how it is read."""

from gateway.config.access import AccessConfig, AccessMode, ApiKeyConfig, UserConfig
from gateway.config.hosts import Listen
from gateway.config.loading import Loaded, find_file, load_config
from gateway.config.model import CameraConfig, ClockSource, Config, SourcesConfig, TlsConfig, Transport
from gateway.config.public_url import PublicUrl
from gateway.config.urls import CameraUrl
from gateway.config.webrtc import WebRtcConfig

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
