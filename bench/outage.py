"""Seconds in which a server is out of reach: this machine's firewall drops what goes to or comes from its ports."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bench.errors import BenchError

_TABLE: Final = "inet camera_gateway_bench"


def missing() -> str | None:
    """Why there can be no outage here, as a sentence; None when there can."""
    if shutil.which("nft") is None:
        return "nft is not installed (Debian's package nftables)."
    return None


@asynccontextmanager
async def unreachable(ports: Sequence[int]) -> AsyncIterator[None]:
    """For the length of the block; raises BenchError without the right to change the firewall."""
    chosen = ", ".join(str(port) for port in ports)
    rules = [f"{protocol} {side} {{ {chosen} }} drop" for protocol in ("tcp", "udp") for side in ("dport", "sport")]
    await _nft(f"add table {_TABLE}; add chain {_TABLE} cut {{ type filter hook input priority 0; }}")
    try:
        await _nft("; ".join(f"add rule {_TABLE} cut {rule}" for rule in rules))
        yield
    finally:
        await _nft(f"delete table {_TABLE}")


async def _nft(commands: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "nft", commands, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    if process.returncode:
        said = complaint.decode(errors="replace").strip().splitlines()
        raise BenchError(
            f"The firewall can't be changed (are you root?): {said[0] if said else 'nft does not say why'}"
        )
