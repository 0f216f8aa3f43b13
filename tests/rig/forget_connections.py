"""Makes this network namespace's NAT forget all its mappings (netlink's conntrack flush); run inside it."""

from __future__ import annotations

import socket
import struct
import sys

_NETLINK_NETFILTER = 12
_CONNTRACK_DELETE = 1 << 8 | 2
_REQUEST_AND_ACKNOWLEDGE = 0x5
_HEADER = struct.Struct("=IHHII")


def main() -> int:
    """0, or the kernel's error number."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as sock:
        sock.settimeout(5)
        size = _HEADER.size + 4
        sock.send(_HEADER.pack(size, _CONNTRACK_DELETE, _REQUEST_AND_ACKNOWLEDGE, 1, 0) + bytes(4))
        (error,) = struct.unpack_from("=i", sock.recv(4096), _HEADER.size)
    return -int(error)


if __name__ == "__main__":
    sys.exit(main())
