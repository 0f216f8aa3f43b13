"""Configuration of MediaMTX beside the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import CameraUrl, Config
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsMode
from tests.support.config_text import CANARY, complaints, load

SECRET = f"{CANARY}-of-hook"
WHOLE = f"""\
hls: {{mode: mediamtx}}
mediamtx:
  hls: http://mediamtx:8888
  public_hls: https://cams.example.org/hls/
  rtsp: rtsp://mediamtx:8554/
  api: http://mediamtx:9997
  hook_secret: {SECRET}
  discover: true
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_everything_set() -> None:
    config = load(WHOLE)
    mediamtx = config.mediamtx
    assert config.hls.mode is HlsMode.MEDIAMTX
    assert [str(url) for url in (mediamtx.hls, mediamtx.public_hls, mediamtx.api, mediamtx.rtsp)] == [
        "http://mediamtx:8888",
        "https://cams.example.org/hls",
        "http://mediamtx:9997",
        "rtsp://mediamtx:8554",
    ]
    assert (mediamtx.hook_secret, mediamtx.discover, mediamtx.on_demand) == (SECRET, True, True)
    assert CANARY not in repr(config) + str(config)


def test_without_anything_there_is_no_mediamtx() -> None:
    assert Config().mediamtx == MediaMtxConfig()


def test_the_secret_can_stand_in_a_file_or_a_variable() -> None:
    Path("secret").write_text(f"{SECRET}\n", "utf-8")
    text = WHOLE.replace(f"  hook_secret: {SECRET}\n", "")
    assert load(text, GATEWAY_MEDIAMTX__HOOK_SECRET_FILE="secret").mediamtx.hook_secret == SECRET
    assert load(text, GATEWAY_MEDIAMTX__HOOK_SECRET=SECRET).mediamtx.hook_secret == SECRET


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "hls: {mode: mediamtx}",
            (
                "gateway.yml: mediamtx: hls.mode: mediamtx needs mediamtx.hls, mediamtx.public_hls, mediamtx.api, "
                "mediamtx.hook_secret too"
            ),
        ),
        (
            WHOLE.replace("  public_hls: https://cams.example.org/hls/\n", ""),
            "gateway.yml:2: mediamtx: hls.mode: mediamtx needs mediamtx.public_hls too",
        ),
        (
            "mediamtx: {discover: true}",
            "gateway.yml:1: mediamtx: mediamtx.discover needs mediamtx.rtsp, mediamtx.api too",
        ),
        (
            "mediamtx: {hook_secret: cAnArY}",
            (
                "gateway.yml:1: mediamtx.hook_secret: must be 16 to 128 letters A-Z a-z, digits, '_', '.', '~', '-'; "
                "openssl rand -hex 24 makes one"
            ),
        ),
        (
            "mediamtx: {hook_secret: 'cAnArY:with@special/signs'}",
            (
                "gateway.yml:1: mediamtx.hook_secret: must be 16 to 128 letters A-Z a-z, digits, '_', '.', '~', '-'; "
                "openssl rand -hex 24 makes one"
            ),
        ),
        (
            "mediamtx: {rtsp: 'rtsp://u:cAnArY@mediamtx:8554'}",
            (
                "gateway.yml:1: mediamtx.rtsp: must be an address without path or password, "
                "for example rtsp://mediamtx:8554"
            ),
        ),
        (
            "mediamtx: {rtsp: 'rtsp://mediamtx:8554/cam'}",
            (
                "gateway.yml:1: mediamtx.rtsp: must be an address without path or password, "
                "for example rtsp://mediamtx:8554"
            ),
        ),
        ("mediamtx: {hls: 'mediamtx:8888'}", "gateway.yml:1: mediamtx.hls: must be an address like https://"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: str) -> None:
    (complaint,) = complaints(text)
    assert complaint.startswith(line)


MEDIAMTX = MediaMtxConfig(rtsp=CameraUrl("rtsp://mediamtx:8554"), hook_secret=SECRET)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("rtsp://mediamtx:8554/site1/yard", "site1/yard"),
        ("rtsp://mediamtx:8554/yard/", "yard"),
        ("rtsp://user:pass@mediamtx:8554/yard", "yard"),
        ("rtsp://mediamtx/yard", None),
        ("rtsp://192.0.2.10:8554/yard", None),
    ],
)
def test_which_cameras_are_at_mediamtx(source: str, path: str | None) -> None:
    assert MEDIAMTX.path_of(CameraUrl(source)) == path
    assert MediaMtxConfig().path_of(CameraUrl(source)) is None


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://mediamtx:8554/yard", f"rtsp://gateway:{SECRET}@mediamtx:8554/yard"),
        ("rtsp://user:pass@mediamtx:8554/yard", "rtsp://user:pass@mediamtx:8554/yard"),
        ("rtsp://192.0.2.10/yard", "rtsp://192.0.2.10/yard"),
    ],
)
def test_only_mediamtx_is_shown_the_secret(source: str, shown: str) -> None:
    url = MEDIAMTX.with_credentials(CameraUrl(source))
    assert url.reveal() == shown
    assert CANARY not in repr(url)


def test_without_a_secret_none_is_shown() -> None:
    url = CameraUrl("rtsp://mediamtx:8554/yard")
    assert MediaMtxConfig(rtsp=CameraUrl("rtsp://mediamtx:8554")).with_credentials(url) == url


def test_a_path_is_read_from_there() -> None:
    assert MEDIAMTX.source_of("site1/yard").reveal() == "rtsp://mediamtx:8554/site1/yard"
