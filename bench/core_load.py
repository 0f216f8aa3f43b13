"""How busy a core is, whoever keeps it so: tells whether the load side was the bottleneck."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BUSY_LIMIT: Final = 0.9
"""Above this share the core that makes the load may have been what was measured."""


def parse_busy_ticks(stat: str, core: int) -> int:
    """Ticks the core did not idle or wait for disks, from `/proc/stat`; raises ValueError for an unknown core."""
    for line in stat.splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, *rest = map(int, fields)
            # irq, softirq, steal; guests are in user already.
            return user + nice + system + sum(rest[:3])
    raise ValueError(f"There is no core {core}")


def busy_s(core: int) -> float:
    """Seconds a core was busy since the machine started."""
    ticks = parse_busy_ticks(Path("/proc/stat").read_text(encoding="ascii"), core)
    return ticks / os.sysconf("SC_CLK_TCK")


def own_core() -> int:
    """The one core this process is on, as bench pins itself; of several, the first."""
    return min(os.sched_getaffinity(0))
