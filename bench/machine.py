"""Facts about this machine and the software on it that figures depend on; no names, no addresses."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.processes import output_of
from gateway import __version__

_PACKAGES = ("aiortc", "aioice", "aiohttp", "av", "cryptography")


def machine(*, server_core: int, load_core: int) -> dict[str, Any]:
    """Processor, cores, memory, kernel, and which core did what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release().partition("-")[0],
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "server_core": server_core,
        "load_core": load_core,
    }


def _cpu_model(cpuinfo: str) -> str:
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()


async def versions(others: Mapping[str, str]) -> dict[str, str]:
    """The gateway, what it stands on, and `others` as their servers name themselves."""
    commit = await output_of("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD")
    own = f"{__version__} ({commit})" if commit else __version__
    packages = {name: metadata.version(name) for name in _PACKAGES}
    return {"camera-gateway": own, "Python": platform.python_version(), **packages, **others}
