"""What the kernel counted for processes and sockets: CPU time, resident memory, dropped datagrams."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterable
from pathlib import Path

_UDP_TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


def parse_cpu_ticks(stat: str) -> int:
    """User and system time in clock ticks from `/proc/PID/stat`."""
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def parse_resident_bytes(status: str) -> int:
    """Resident memory from `/proc/PID/status`; raises ValueError when it is not there (the process has ended)."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError("The process has no resident memory; it has ended")


def parse_udp_drops(table: str, inodes: Collection[int]) -> int:
    """Datagrams dropped at the sockets `inodes`, from `/proc/net/udp`."""
    total = 0
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 13 and int(fields[9]) in inodes:
            total += int(fields[12])
    return total


def parse_core_ticks(stat: str, core: int) -> tuple[int, int]:
    """Busy and all clock ticks of a core since the machine started, from `/proc/stat`; ValueError without that core."""
    for line in stat.splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            # user nice system idle iowait irq softirq steal; what follows is part of user already.
            ticks = [int(field) for field in fields[:8]]
            return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    raise ValueError(f"There is no core {core}")


def core_ticks(core: int) -> tuple[int, int]:
    """Busy and all clock ticks of a core since the machine started."""
    return parse_core_ticks(Path("/proc/stat").read_text(encoding="ascii"), core)


def open_descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def thread_count(pid: int) -> int:
    """How many threads a process has."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def cpu_s(pid: int) -> float:
    """CPU time of a process with all its threads since it started, in seconds; resolution 10 ms."""
    ticks = parse_cpu_ticks(Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace"))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return parse_resident_bytes(Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace"))


def socket_inode(descriptor: int) -> int:
    """The number by which `/proc/net` knows a socket of this process."""
    return os.fstat(descriptor).st_ino


def udp_drops(inodes: Collection[int]) -> int:
    """Datagrams the kernel dropped at these sockets since they were opened."""
    return sum(parse_udp_drops(table.read_text(encoding="ascii"), inodes) for table in _tables())


def _tables() -> Iterable[Path]:
    return (table for table in _UDP_TABLES if table.exists())


def free_port() -> int:
    """A port that is free on loopback for TCP and UDP at this moment; raises OSError when none is found."""
    for _ in range(100):
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("No port is free for TCP and UDP at once")
