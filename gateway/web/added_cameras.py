"""The cameras that were added over the API, kept in a file of the state directory."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from gateway.config import CameraConfig
from gateway.errors import ConfigError
from gateway.names import check_prefix_free, parse_camera_name
from gateway.private_file import replace_file

FILE: Final = "cameras.json"
MAX_CAMERAS: Final = 1000

_log = logging.getLogger(__name__)


def parse_camera(values: Mapping[str, Any]) -> CameraConfig:
    """From JSON; ValueError with every mistake, none of which repeats an address."""
    # The configuration's models take text, as YAML and the environment give it.
    texts = {key: value if value is None else str(value) for key, value in values.items()}
    try:
        return CameraConfig.model_validate({key: text for key, text in texts.items() if text is not None})
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise ValueError("; ".join(problems)) from None


def camera_values(camera: CameraConfig) -> dict[str, Any]:
    """As `parse_camera` takes it, with passwords."""
    return {
        "source": camera.source.reveal(),
        "substream": None if camera.substream is None else camera.substream.reveal(),
        "transport": camera.transport.value,
        "on_demand": camera.on_demand,
        "enabled": camera.enabled,
        "clock": camera.clock.value,
    }


def read_added(file: Path, *, configured: Mapping[str, CameraConfig]) -> dict[str, CameraConfig]:
    """What is in the file, without those that gateway.yml has taken the place of; ConfigError if it is damaged."""
    try:
        entries = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise ConfigError(f"{file}: can't be read; restore or delete it") from None
    cameras: dict[str, CameraConfig] = {}
    try:
        for name, values in entries.items():
            cameras[parse_camera_name(name)] = parse_camera(values)
    except (AttributeError, ValueError):
        raise ConfigError(f"{file}: it doesn't hold cameras; restore or delete it") from None
    for name in tuple(cameras):
        try:
            check_prefix_free([name, *configured])
        except ValueError as error:
            problem = str(error)
        else:
            if name not in configured:
                continue
            problem = f"'{name}' is in the configuration, too"
        _log.warning("the camera '%s' that was added over the API is left out: %s", name, problem)
        del cameras[name]
    return cameras


def write_added(file: Path, cameras: Mapping[str, CameraConfig]) -> None:
    """Writes the whole file or nothing of it, readable by its owner only; blocks.  Raises OSError."""
    text = json.dumps({name: camera_values(camera) for name, camera in cameras.items()}, indent=1)
    replace_file(file, text + "\n")
