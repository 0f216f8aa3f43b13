"""Camera gateway: any RTSP camera in any browser."""

__version__ = "0.1.0"
