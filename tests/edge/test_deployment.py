"""What docker/ holds fits together: compose file, secrets, MediaMTX's settings, the gateway's, nginx's files."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench import edge_config
from bench.edge_config import EdgeSettings
from gateway.config import load_config
from tests.support.nginx import free_port, make_certificate

DOCKER: Final = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: Final = yaml.safe_load((DOCKER / "compose.yml").read_text("utf-8"))
SERVICES: Final[Mapping[str, dict[str, Any]]] = COMPOSE["services"]
MEDIAMTX: Final = yaml.safe_load((DOCKER / "mediamtx.yml").read_text("utf-8"))
NGINX: Final = (DOCKER / "nginx" / "nginx.conf").read_text("utf-8")

# Of the Compose specification what this file uses; a word that is misspelt is in none of these.
SERVICE_KEYS: Final = {
    "build", "cap_add", "cap_drop", "depends_on", "entrypoint", "env_file", "environment", "image", "networks", "ports",
    "profiles", "read_only", "restart", "secrets", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
TOP_KEYS: Final = {"name", "services", "networks", "volumes", "secrets", "x-gateway"}

MEDIAMTX_BIN: Final = shutil.which(os.environ.get("MEDIAMTX_BIN", "mediamtx"))


def members(profile: str) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in SERVICES.items() if profile in service["profiles"]}


def made_secrets(tmp_path: Path, *names: str) -> Path:
    script = shutil.copy(DOCKER / "make-secrets", tmp_path)
    shutil.copy(DOCKER / "coturn.conf", tmp_path)
    subprocess.run([script, *names], check=True, capture_output=True, timeout=20)
    return tmp_path / "secrets"


def named_networks(service: Mapping[str, Any]) -> set[str]:
    return set(service.get("networks", {"default": {}}))


class TestCompose:
    def test_it_uses_words_that_there_are(self) -> None:
        assert set(COMPOSE) <= TOP_KEYS
        for name, service in SERVICES.items():
            assert set(service) <= SERVICE_KEYS, name
            assert "image" in service, name
            assert service["profiles"], "without a profile it would always run"

    def test_its_profiles_are_the_documented_ones(self) -> None:
        assert set(members("gateway")) == {"gateway"}
        assert set(members("full")) == {"gateway-full", "mediamtx", "nginx"}
        assert set(members("turn")) == {"turn"}

    def test_what_it_refers_to_exists(self, tmp_path: Path) -> None:
        made = made_secrets(tmp_path)
        for name, service in SERVICES.items():
            assert named_networks(service) - {"default"} <= set(COMPOSE["networks"]), name
            assert set(service.get("depends_on", ())) <= set(SERVICES), name
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                assert (DOCKER / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], volume
            for secret in service.get("secrets", ()):
                assert (secret if isinstance(secret, str) else secret["source"]) in COMPOSE["secrets"]
            for file in service.get("env_file", ()):
                assert (made.parent / file).is_file()
            build = service.get("build")
            if build:
                assert (DOCKER / build["context"] / build.get("dockerfile", "Dockerfile")).is_file()
        for secret in COMPOSE["secrets"].values():
            assert (made.parent / secret["file"]).stat().st_size > 0

    def test_mediamtx_is_reached_through_the_edge_only(self) -> None:
        services = members("full")
        assert "ports" not in services["mediamtx"]
        assert "network_mode" not in services["mediamtx"]
        shared = {
            name
            for name, service in services.items()
            if name != "mediamtx" and named_networks(service) & named_networks(services["mediamtx"])
        }
        assert shared == {"nginx", "gateway-full"}
        # What these two are in common with it leads nowhere else, and what they publish is not it.
        assert COMPOSE["networks"]["inside"]["internal"] is True
        assert named_networks(services["mediamtx"]) & named_networks(services["nginx"]) == {"inside"}
        assert services["nginx"]["ports"] == ["443:443/tcp"]
        assert {port.split(":")[0] for port in services["gateway-full"]["ports"]} == {"8190"}

    def test_addresses_that_are_trusted_are_nginxs(self) -> None:
        address = SERVICES["nginx"]["networks"]["inside"]["ipv4_address"]
        assert MEDIAMTX["hlsTrustedProxies"] == [address]
        full = yaml.safe_load((DOCKER / "gateway-full.yml").read_text("utf-8"))
        assert full["trusted_proxies"] == [address]

    def test_nginx_finds_its_origins_files_and_keys_where_they_are(self) -> None:
        aliases = set(SERVICES["gateway-full"]["networks"]["inside"]["aliases"]) | set(SERVICES)
        for name, port in re.findall(r"server ([a-z]+):(\d+);", NGINX):
            assert name in aliases
            assert (name, port) in {("gateway", "8080"), ("mediamtx", MEDIAMTX["hlsAddress"].lstrip(":"))}
        targets = {secret["target"] for secret in SERVICES["nginx"]["secrets"]}
        assert targets == {"/etc/nginx/mediamtx-secret.conf", "/run/certs/cert.pem", "/run/certs/key.pem"}
        (keys,) = (volume for volume in SERVICES["nginx"]["volumes"] if volume.startswith("keys:"))
        assert keys == "keys:/run/keys:ro"
        assert "default /run/keys/keys.yml;" in NGINX
        (shared,) = (volume for volume in SERVICES["gateway-full"]["volumes"] if volume.startswith("keys:"))
        full = yaml.safe_load((DOCKER / "gateway-full.yml").read_text("utf-8"))
        assert full["access"]["keys_file"] == shared.split(":")[1] + "/keys.yml"
        assert shared.split(":")[1] in (DOCKER / "Dockerfile").read_text("utf-8")
        image = (DOCKER / "nginx" / "Dockerfile").read_text("utf-8")
        copied = re.findall(r"^COPY (.*) /etc/nginx/$", image, re.MULTILINE)[0].split()
        assert sorted(copied) == sorted([file.name for file in edge_config.FILES.glob("*.*")])
        # The gateway's file is readable by its own user only, which is nginx's workers'.
        (user,) = re.findall(r"^user (\S+);", NGINX, re.MULTILINE)
        assert f"--uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}" in image
        assert "--uid 10001 " in (DOCKER / "Dockerfile").read_text("utf-8")


class TestTurn:
    def test_it_leads_to_the_gateways_media_port_and_nowhere_else(self, tmp_path: Path) -> None:
        turn, gateway = SERVICES["turn"], SERVICES["gateway-full"]
        settings = _settings(made_secrets(tmp_path, "cams.example.org") / "turnserver.conf")
        assert settings["allowed-peer-ip"] == [gateway["networks"]["relay"]["ipv4_address"]]
        assert settings["relay-ip"] == [turn["networks"]["relay"]["ipv4_address"]]
        # Only these two are in the network that it relays into, which leads nowhere.
        assert {name for name, service in SERVICES.items() if "relay" in named_networks(service)} == {
            "turn",
            "gateway-full",
        }
        assert COMPOSE["networks"]["relay"]["internal"] is True
        assert "inside" not in turn["networks"]
        # The gateway may say that it is there for who comes through the relay.
        said = (DOCKER / "gateway-full.yml").read_text("utf-8") + (DOCKER.parent / "docs" / "turn.md").read_text(
            "utf-8"
        )
        assert said.count(f"[192.0.2.1, {settings['allowed-peer-ip'][0]}]") == 2
        assert {port.split("/")[0].split(":")[1] for port in turn["ports"]} == {"3478", "443"}

    def test_its_settings_are_those_of_the_file_but_for_names_and_addresses(self, tmp_path: Path) -> None:
        written = _settings(DOCKER / "coturn.conf")
        made = made_secrets(tmp_path, "cams.example.org")
        meant = _settings(made / "turnserver.conf")
        own = {"allowed-peer-ip", "relay-ip", "realm", "cert", "pkey", "static-auth-secret"}
        assert set(written) - set(meant) == {"listening-ip"}
        assert set(meant) - set(written) == {"pidfile", "userdb"}
        assert {key for key in set(written) & set(meant) if written[key] != meant[key]} == own
        assert meant["static-auth-secret"] == [(made / "turn").read_text("utf-8")]
        files = {f"/run/secrets/{name}" for name in SERVICES["turn"]["secrets"]}
        assert {meant["cert"][0], meant["pkey"][0], SERVICES["turn"]["entrypoint"][2]} == files

    def test_the_gateway_is_told_of_it_only_where_its_addresses_are(self, tmp_path: Path) -> None:
        made = made_secrets(tmp_path)
        environment = dict(SERVICES["gateway-full"]["environment"])
        turn_urls = "turn:cams.example.org:3478,turns:cams.example.org:5349?transport=tcp"
        for urls, count in (("", 0), (turn_urls, 2)):
            filled = {name: _interpolated(value, urls) for name, value in environment.items()}
            named = {name: value.replace("/run/secrets", str(made)) for name, value in filled.items()}
            config = load_config(DOCKER / "gateway-full.yml", environment=named).config
            assert len(config.webrtc.turn.urls) == count
            assert config.webrtc.turn.secret == ((made / "turn").read_text("utf-8") if count else None)


def _settings(file: Path) -> dict[str, list[str]]:
    """What is set by key, one value for each time it is there."""
    found: dict[str, list[str]] = {}
    for line in file.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def _interpolated(text: str, turn_urls: str) -> str:
    """A value as Compose fills in TURN_URLS."""
    text = re.sub(r"\$\{TURN_URLS:\+([^}]*)\}", lambda found: found[1] if turn_urls else "", text)
    return text.replace("${TURN_URLS:-}", turn_urls)


class TestSecrets:
    def test_they_are_made_once_and_are_their_owners(self, tmp_path: Path) -> None:
        made = made_secrets(tmp_path, "cams.example.org", "localhost")
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        before = {file.name: file.read_bytes() for file in made.iterdir()}
        made_secrets(tmp_path)
        assert {file.name: file.read_bytes() for file in made.iterdir()} == before
        hook, cdn = before["mediamtx-hook"].decode(), before["mediamtx-cdn"].decode()
        assert hook != cdn
        assert re.fullmatch("[0-9a-f]{48}", hook)
        assert before["mediamtx-secret.conf"].decode() == f'proxy_set_header Authorization "Bearer {cdn}";\n'
        assert f"http://mediamtx:{hook}@gateway:8080/api/mediamtx/auth\n" in before["mediamtx.env"].decode()
        assert f"MTX_HLSCDNSECRET={cdn}\n" in before["mediamtx.env"].decode()
        for name in set(before) - {"mediamtx-hook", "turn"}:
            assert stat.S_IMODE((made / name).stat().st_mode) == 0o600, name

    def test_none_is_in_the_repository(self) -> None:
        ignored = (DOCKER.parent / ".gitignore").read_text("utf-8").splitlines()
        assert "/docker/secrets/" in ignored
        for file in (DOCKER / "nginx").iterdir():
            assert "Bearer " not in file.read_text("utf-8").replace('"Bearer HLSCDNSECRET"', "").replace(
                "'Bearer realm", ""
            )
        assert not {"authHTTPAddress", "hlsCDNSecret"} & set(MEDIAMTX)


class TestGateway:
    def test_its_files_load(self) -> None:
        config = load_config(DOCKER / "gateway.yml", environment={}).config
        assert list(config.cameras) == ["front-door"]

    def test_the_one_with_mediamtx_loads_with_its_secret(self, tmp_path: Path) -> None:
        hook = made_secrets(tmp_path) / "mediamtx-hook"
        environment = {"GATEWAY_MEDIAMTX__HOOK_SECRET_FILE": str(hook)}
        config = load_config(DOCKER / "gateway-full.yml", environment=environment).config
        assert [str(network) for network in config.trusted_proxies] == ["172.30.7.4/32"]


class TestNginx:
    async def test_it_accepts_its_files(self, tmp_path: Path) -> None:
        problem = edge_config.missing()
        assert problem is None, problem
        cert, key = await make_certificate(tmp_path)
        settings = EdgeSettings(free_port(), free_port(), free_port(), cert, key, tmp_path / "keys.yml", "x")
        edge_config.write(tmp_path, settings)
        process = await asyncio.create_subprocess_exec(
            *edge_config.command(tmp_path), "-t", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        # Newer ones than Debian 12's would write http2 on a line of its own.
        warnings = [line for line in output.decode().splitlines() if "[warn]" in line and "http2" not in line]
        assert (process.returncode, warnings) == (0, []), output.decode()


class TestMediaMtx:
    def test_it_is_set_up_for_low_latency_and_lets_the_gateway_decide(self) -> None:
        assert MEDIAMTX["hlsVariant"] == "lowLatency"
        assert MEDIAMTX["hlsSegmentCount"] >= 7
        assert (MEDIAMTX["webrtc"], MEDIAMTX["authMethod"], MEDIAMTX["authHTTPExclude"]) == (False, "http", [])

    @pytest.mark.skipif(MEDIAMTX_BIN is None, reason="no mediamtx on PATH or in MEDIAMTX_BIN")
    async def test_the_real_one_starts_with_it_and_refuses_what_it_doesnt_know(self, tmp_path: Path) -> None:
        text = (DOCKER / "mediamtx.yml").read_text("utf-8")
        ports = {f"MTX_{name}ADDRESS": f"127.0.0.1:{free_port()}" for name in ("HLS", "API", "RTSP")}
        secrets = dict(
            line.split("=", 1) for line in (made_secrets(tmp_path) / "mediamtx.env").read_text("utf-8").splitlines()
        )
        assert "[HLS] started" in await _started(tmp_path, text, ports | secrets)
        log = await _started(tmp_path, text + "\nhlsSegmentcount2: 1\n", ports | secrets)
        assert "unknown field" in log
        # Without its secret it would ask nobody: it must not start.
        assert "authHTTPAddress" in await _started(tmp_path, text, ports)


async def _started(folder: Path, text: str, environment: Mapping[str, str]) -> str:
    """What it says until it listens for HLS or ends."""
    file = folder / "mediamtx.yml"
    file.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(MEDIAMTX_BIN),
        str(file),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(15):
            while line := (await process.stdout.readline()).decode():
                lines.append(line)
                if "[HLS] started" in line:
                    break
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
    return "".join(lines)
