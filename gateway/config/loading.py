"""Loads the configuration, or says everything that is wrong with it, one line each with key path and line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from gateway.config.access import ApiKeyConfig, UserConfig
from gateway.config.document import Path as KeyPath
from gateway.config.document import parse
from gateway.config.edges import EdgeConfig
from gateway.config.layers import CONFIG_VARIABLE, PREFIX, Layers, Origin, Problem, describe_unreadable
from gateway.config.model import CameraConfig, Config
from gateway.errors import ConfigError
from gateway.names import describe_conflict, parse_camera_name, prefix_conflicts

DEFAULT_FILE: Final = Path("gateway.yml")
COMMAND_LINE: Final = Origin(2, 0, "command line")

_MAX_FILE_BYTES = 4 * 1024 * 1024
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "dict_type": "must be a mapping (NAME: value lines)",
    "mapping_type": "must be a mapping (NAME: value lines)",
    "model_type": "must be a mapping (key: value lines)",
    "model_attributes_type": "must be a mapping (key: value lines)",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "enum": "must be one of: {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must name at least one",
}


def find_file(explicit: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The file to read: the one named, else `GATEWAY_CONFIG`, else ./gateway.yml if it exists, else None."""
    if explicit is not None:
        return explicit
    if environment.get(CONFIG_VARIABLE):
        return Path(environment[CONFIG_VARIABLE])
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where its values were written."""

    config: Config
    origins: Mapping[KeyPath, Origin]

    def where(self, key: str) -> str | None:
        """`gateway.yml:3`, `GATEWAY_LISTEN`, …; None if the value of `key` (`webrtc.port`) is the default."""
        origin = self.origins.get(tuple(key.split(".")))
        return None if origin is None else str(origin)


def load_config(
    file: Path | None,
    *,
    environment: Mapping[str, str],
    pairs: Sequence[str] = (),
    settings: Mapping[KeyPath, str] | None = None,
) -> Loaded:
    """Reads `file`, lays the environment, then the command line's `settings` and NAME=URL `pairs` over it.

    Raises ConfigError with every problem found; none of its lines repeats a value that could be secret.
    """
    layers = Layers()
    if file is not None:
        _add_file(layers, file, environment)
    layers.add_environment(environment, lambda name: _read(Path(name)))
    for path, value in (settings or {}).items():
        layers.put(path, value, COMMAND_LINE)
    layers.add_pairs(pairs, COMMAND_LINE)
    # A section without content is the same as none.
    values = {key: value for key, value in layers.values.items() if value is not None}
    conflicts = _name_conflicts(layers, values.get("cameras"))
    layers.problems += conflicts
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        layers.problems += _validation_problems(layers, details, hide=[("cameras",)] if conflicts else [])
    else:
        if not layers.problems:
            return Loaded(_with_absolute_paths(config, layers, file), layers.origins)
    raise _config_error(layers.problems)


def _with_absolute_paths(config: Config, layers: Layers, file: Path | None) -> Config:
    """A path in the file is meant from the file's folder, elsewhere from the current one."""

    def absolute(path: Path, *key: str) -> Path:
        written_in_file = layers.origin_of(key).layer == 0
        return (file.absolute().parent if file is not None and written_in_file else Path.cwd()) / path

    changes: dict[str, BaseModel] = {}
    if config.access.keys_file is not None:
        keys_file = absolute(config.access.keys_file, "access", "keys_file")
        changes["access"] = config.access.model_copy(update={"keys_file": keys_file})
    if (files := config.tls.files) is not None:
        cert, key = files
        tls = {"cert": absolute(cert, "tls", "cert"), "key": absolute(key, "tls", "key")}
        changes["tls"] = config.tls.model_copy(update=tls)
    return config.model_copy(update=changes) if changes else config


def _add_file(layers: Layers, file: Path, environment: Mapping[str, str]) -> None:
    label = str(file)
    try:
        text = _read(file)
    except FileNotFoundError:
        raise ConfigError(f"{label}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise ConfigError(describe_unreadable(label, error)) from None
    document = parse(text, environment)
    layers.add_document(document, label)
    if any(not flaw.path for flaw in document.flaws):
        # The file's content is unknown, so nothing else can be judged.
        raise _config_error(layers.problems)


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise OSError(0, f"it is larger than {_MAX_FILE_BYTES} bytes")
    return content.decode("utf-8-sig")


def _config_error(problems: Sequence[Problem]) -> ConfigError:
    ordered = sorted(problems, key=lambda problem: (problem.origin, problem.path))
    return ConfigError(list(dict.fromkeys(str(problem) for problem in ordered)))


def _name_conflicts(layers: Layers, cameras: object) -> list[Problem]:
    names = [name for name in cameras if _is_name(name)] if isinstance(cameras, dict) else []
    paths = ((("cameras", longer), describe_conflict(shorter, longer)) for shorter, longer in prefix_conflicts(names))
    return [Problem(layers.origin_of(path), path, message) for path, message in paths]


def _is_name(text: str) -> bool:
    try:
        parse_camera_name(text)
    except ValueError:
        return False
    return True


def _validation_problems(layers: Layers, details: Sequence[Any], *, hide: Sequence[KeyPath]) -> list[Problem]:
    known = {problem.path for problem in layers.problems} | set(hide)
    problems = []
    for detail in details:
        path = tuple(str(key) for key in detail["loc"] if key != "[key]")
        # What has been reported with a better cause (an unset variable, say) is not reported again.
        if path not in known and path[:-1] not in known - set(hide):
            problems.append(Problem(layers.origin_of(path), path, _sentence(detail, path)))
    return problems


def _sentence(detail: Any, path: KeyPath) -> str:
    kind = detail["type"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "value_error":
        return str(context["error"])
    if detail["input"] is None and kind != "missing":
        return "has no value; write one, or leave the key out"
    # pydantic's own words (msg) don't repeat the input either.
    return _SENTENCES[kind].format(**context) if kind in _SENTENCES else str(detail["msg"])


def _unknown_key(path: KeyPath) -> str:
    section = _section(path[:-1])
    allowed = sorted(section.model_fields)
    key = path[-1].lower()
    outer, _, inner = key.partition("_")
    if section is Config and inner and outer in allowed:
        return f"unknown key; a key inside '{outer}' takes two underscores: {PREFIX}{outer.upper()}__{inner.upper()}"
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"unknown key{hint}; allowed here: {', '.join(allowed)}"


def _section(path: KeyPath) -> type[BaseModel]:
    """The model whose keys stand below `path`."""
    match path:
        case ("cameras", *_):
            return CameraConfig
        case ("edges", _, *_):
            return EdgeConfig
        case ("access", "users", _, *_):
            return UserConfig
        case ("access", "api_keys", _, *_):
            return ApiKeyConfig
    section: type[BaseModel] = Config
    for key in path:
        annotation = section.model_fields[key].annotation
        if not isinstance(annotation, type) or not issubclass(annotation, BaseModel):
            return section
        section = annotation
    return section
