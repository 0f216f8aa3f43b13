"""The section `mediamtx`: where MediaMTX is, and what it shares with the gateway (pure)."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.access.media_server import GATEWAY_USER
from gateway.config.public_url import PublicUrl
from gateway.config.section import Section
from gateway.config.urls import CameraUrl

_SECRET = re.compile(r"[A-Za-z0-9_.~-]{16,128}")


def _secret(text: str) -> str:
    # It stands in an address, MediaMTX's authHTTPAddress, where anything else would have to be escaped.
    if not _SECRET.fullmatch(text):
        raise ValueError(
            "must be 16 to 128 letters A-Z a-z, digits, '_', '.', '~', '-'; openssl rand -hex 24 makes one"
        )
    return text


def _rtsp_base(url: CameraUrl) -> CameraUrl:
    parts = urlsplit(url.reveal())
    if parts.path not in ("", "/") or parts.query or parts.username is not None:
        raise ValueError("must be an address without path or password, for example rtsp://mediamtx:8554")
    return CameraUrl(f"{parts.scheme}://{parts.netloc}")


class MediaMtxConfig(Section):
    """`hls`, `rtsp` and `api` are for the gateway, `public_hls` is the address that browsers use."""

    hls: PublicUrl | None = None
    public_hls: PublicUrl | None = None
    rtsp: Annotated[CameraUrl, AfterValidator(_rtsp_base)] | None = None
    api: PublicUrl | None = None
    hook_secret: Annotated[str, AfterValidator(_secret)] | None = Field(None, repr=False)
    discover: bool = False
    on_demand: bool = True
    """Whether cameras found at MediaMTX are read only while somebody watches."""

    @model_validator(mode="after")
    def _discovers(self) -> Self:
        if self.discover:
            self.require("mediamtx.discover", "rtsp", "api")
        return self

    def require(self, what: str, *keys: str) -> None:
        """Raises ValueError naming the `keys` that `what` needs and that are not set."""
        missing = [f"mediamtx.{key}" for key in keys if getattr(self, key) is None]
        if missing:
            raise ValueError(f"{what} needs {', '.join(missing)} too")

    def path_of(self, source: CameraUrl) -> str | None:
        """The path at MediaMTX that a camera's address is, None if it is somewhere else."""
        if self.rtsp is None or source.address != self.rtsp.address:
            return None
        return urlsplit(source.reveal()).path.strip("/")

    def source_of(self, path: str) -> CameraUrl:
        """The address of a path, which `rtsp` must be set for."""
        assert self.rtsp is not None  # noqa: S101  checked above
        return CameraUrl(f"{self.rtsp.reveal()}/{path}")

    def with_credentials(self, source: CameraUrl) -> CameraUrl:
        """The address with what the gateway shows MediaMTX, if it is there and has no user of its own."""
        parts = urlsplit(source.reveal())
        if self.hook_secret is None or self.path_of(source) is None or parts.username is not None:
            return source
        return CameraUrl(urlunsplit(parts._replace(netloc=f"{GATEWAY_USER}:{self.hook_secret}@{parts.netloc}")))
