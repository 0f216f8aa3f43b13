"""What the project promises beside its code: documents, image, lock file, Makefile."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway import assets
from gateway.config import (
    AccessConfig,
    ApiKeyConfig,
    CameraConfig,
    Config,
    SourcesConfig,
    TlsConfig,
    UserConfig,
    WebRtcConfig,
    load_config,
)
from gateway.config.edges import EdgeConfig
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig
from gateway.config.webrtc import TurnConfig

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", CONFIGURATION, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_file_shown_in_the_documentation_loads(text: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file, environment={"FRONT_DOOR_PASSWORD": "secret"}).config.listen.port == 8080


def test_the_variables_shown_in_the_documentation_load() -> None:
    (block,) = (block for block in blocks("sh") if block.startswith("GATEWAY_LISTEN="))
    variables = dict(line.split("=", 1) for line in block.splitlines())
    config = load_config(None, environment=variables).config
    assert sorted(config.cameras) == ["front-door", "yard"]
    assert config.cameras["front-door"].on_demand
    assert config.webrtc.advertise == ("203.0.113.7", "cams.example.org")


def test_the_container_shown_in_the_documentation_starts_with_a_valid_configuration() -> None:
    (block,) = (block for block in blocks("sh") if block.startswith("docker run"))
    words = shlex.split(block.replace("\\\n", " "))
    variables = dict(words[index + 1].split("=", 1) for index, word in enumerate(words) if word == "-e")
    config = load_config(None, environment={**dockerfile_environment(), **variables}).config
    assert str(config.listen) == "0.0.0.0:8080"


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    cells = re.findall(r"^\| (`[^|]+`) \|", CONFIGURATION, re.MULTILINE)
    documented = {key for cell in cells for key in re.findall(r"`([a-z_.A-Z]+)`", cell)} - {"GATEWAY_LISTEN"}
    keys = {"listen", "cameras.NAME", "public_url", "trusted_proxies"}
    keys |= {f"tls.{key}" for key in TlsConfig.model_fields}
    keys |= {f"mediamtx.{key}" for key in MediaMtxConfig.model_fields}
    keys |= {f"sources.{key}" for key in SourcesConfig.model_fields}
    keys |= {f"access.{key}" for key in AccessConfig.model_fields if key not in ("users", "api_keys")}
    keys |= {f"access.users.NAME.{key}" for key in UserConfig.model_fields}
    keys |= {f"access.api_keys.NAME.{key}" for key in ApiKeyConfig.model_fields}
    keys |= {f"cameras.NAME.{key}" for key in CameraConfig.model_fields}
    keys |= {f"webrtc.{key}" for key in WebRtcConfig.model_fields if key != "turn"}
    keys |= {f"webrtc.turn.{key}" for key in TurnConfig.model_fields}
    keys |= {f"hls.{key}" for key in HlsConfig.model_fields}
    keys |= {"edges", *(f"edges.N.{key}" for key in EdgeConfig.model_fields)}
    assert documented == keys
    assert set(Config.model_fields) == {key.split(".")[0] for key in keys}


def dockerfile_instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line.strip()]


def dockerfile_environment() -> dict[str, str]:
    settings = [value for name, value in dockerfile_instructions() if name == "ENV"]
    pairs = (word.split("=", 1) for value in settings for word in shlex.split(value))
    return {name: value for name, value in pairs if name.startswith("GATEWAY_")}


class TestImage:
    def test_the_last_stage_is_built_from_an_earlier_one(self) -> None:
        stages = [value for name, value in dockerfile_instructions() if name == "FROM"]
        assert len(stages) >= 2
        assert any(stage.endswith(" AS build") for stage in stages[:-1])
        assert any(name == "COPY" and "--from=build" in value for name, value in self.last_stage())

    def test_it_runs_as_nobody_special(self) -> None:
        (user,) = (value for name, value in self.last_stage() if name == "USER")
        assert int(user.split(":")[0]) >= 10000

    def test_it_checks_its_health_and_serves_by_default(self) -> None:
        last = dict(self.last_stage())
        assert last["HEALTHCHECK"].endswith('CMD ["camera-gateway", "healthcheck"]')
        assert last["ENTRYPOINT"] == '["camera-gateway"]'
        assert last["CMD"] == '["serve"]'
        assert last["EXPOSE"].split() == ["8080/tcp", "8190/udp", "8190/tcp"]

    def test_everything_it_copies_exists_and_is_let_through(self) -> None:
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        copies = [value for name, value in dockerfile_instructions() if name == "COPY" and "--from" not in value]
        sources = [source for value in copies for source in value.split()[:-1]]
        assert "gateway" in sources
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored

    @staticmethod
    def last_stage() -> list[tuple[str, str]]:
        instructions = dockerfile_instructions()
        start = max(index for index, (name, _) in enumerate(instructions) if name == "FROM")
        return instructions[start:]


class TestPage:
    def test_a_checkout_serves_its_own_folder(self) -> None:
        assert assets.static_dir() == ROOT / "static"

    def test_an_installed_package_serves_the_folder_inside_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "gateway"
        monkeypatch.setattr(assets, "_PACKAGE", package)
        with pytest.raises(FileNotFoundError, match="reinstall camera-gateway"):
            assets.static_dir()
        (package / "_static").mkdir(parents=True)
        assert assets.static_dir() == package / "_static"

    def test_a_built_wheel_takes_the_folder_and_the_licence_along(self, tmp_path: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=True,
        )
        (wheel,) = tmp_path.glob("camera_gateway-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        page = {file.relative_to(ROOT / "static") for file in (ROOT / "static").rglob("*") if file.is_file()}
        assert {Path("index.html"), Path("vendor/hls.mjs"), Path("vendor/hls.LICENSE")} <= page, "run scripts/vendor"
        assert {f"gateway/_static/{file}" for file in page} <= names
        assert any(name.endswith("/licenses/LICENSE") for name in names)
        assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


def test_the_lock_file_names_no_download_addresses() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert len(packages) > 10
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all("integrity" in package for name, package in packages.items() if name)


class TestMakefile:
    @pytest.mark.parametrize(
        ("arguments", "environment", "listen"),
        [
            ([], {}, "127.0.0.1:8080"),
            (["HOST=0.0.0.0", "PORT=9000"], {}, "0.0.0.0:9000"),
            (["HOST=::"], {}, "[::]:8080"),
            ([], {"HOST": "0.0.0.0", "PORT": "9000"}, "0.0.0.0:9000"),
            # Some shells export the machine's name as HOST, which nobody meant as an address to open.
            ([], {"HOST": "workstation"}, "127.0.0.1:8080"),
            (["HOST=workstation"], {}, "workstation:8080"),
        ],
    )
    def test_the_demo_listens_where_it_was_told(
        self, arguments: list[str], environment: dict[str, str], listen: str
    ) -> None:
        assert f"--listen '{listen}'" in self.dry_run("demo", *arguments, environment=environment)

    def test_the_media_port_can_be_changed(self) -> None:
        assert "--webrtc-port '9190'" in self.dry_run("demo", "WEBRTC_PORT=9190", environment={})

    @staticmethod
    def dry_run(*arguments: str, environment: dict[str, str]) -> str:
        inherited = {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["make", "--dry-run", *arguments],
            cwd=ROOT,
            env={**inherited, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=True,
        )
        return done.stdout


def test_every_file_a_document_links_to_exists() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    ]
    assert links
    assert [(str(document), target) for document, target in links if not (document.parent / target).exists()] == []
