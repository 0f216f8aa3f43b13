"""The rig's network: camera – gateway – router – viewers and an attacker, each in a namespace of its own.

Nothing outside is touched: all devices and addresses (10.77.0.0/16) live inside the namespaces, whose names carry this
process's id, so that what a crashed run left behind is known and swept by the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.rig.faults import Faults
from tests.rig.tun_relay import Character

CAMERA: Final = "camera"
GATEWAY: Final = "gateway"
ROUTER: Final = "router"
VIEWER: Final = "viewer"
NEIGHBOUR: Final = "neighbour"
ATTACKER: Final = "attacker"
_ROLES: Final = (CAMERA, GATEWAY, ROUTER, VIEWER, NEIGHBOUR, ATTACKER)

CAMERA_ADDRESS: Final = "10.77.1.2"
GATEWAY_ADDRESS: Final = "10.77.2.1"
GATEWAY_SECOND_ADDRESS: Final = "10.77.2.9"
GATEWAY_ADDRESSES_6: Final = ("fd77:2::1", "fd77:2::9")
"""The second of each kind is never the one that the kernel would answer from by itself."""

ROUTER_ADDRESS: Final = "10.77.2.254"
NAT_ADDRESSES: Final = ("10.77.2.101", "10.77.2.102", "10.77.2.103")
VIEWER_ADDRESS: Final = "10.77.10.2"
OTHER_VIEWER_ADDRESS: Final = "10.77.10.3"
NEIGHBOUR_ADDRESS: Final = "10.77.11.2"
ATTACKER_ADDRESS: Final = "10.77.12.2"
_BEHIND_ROUTER: Final = ((VIEWER, "10.77.10"), (NEIGHBOUR, "10.77.11"), (ATTACKER, "10.77.12"))

_COMMAND_DEADLINE_S: Final = 10
_NAME: Final = re.compile(r"rig-(\d+)-[a-z]+")
_FOLDER: Final = Path(__file__).parent


class RigUnavailableError(Exception):
    """This machine or user can't make the rig; the text says why."""


class Network:
    """A context manager; everything in it ends with the block."""

    def __init__(self) -> None:
        self._relay: subprocess.Popen[str] | None = None
        self._viewer_address = VIEWER_ADDRESS
        self._further_addresses: list[tuple[str, str]] = []
        self.faults = Faults()

    def namespace(self, role: str) -> str:
        """Its name."""
        return f"rig-{os.getpid()}-{role}"

    def inside(self, role: str, *command: str) -> list[str]:
        """The command that runs `command` in a role's namespace."""
        return ["ip", "netns", "exec", self.namespace(role), *command]

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise RigUnavailableError("the rig makes network namespaces, which only root may: run it as root")
        _sweep()
        try:
            self._build()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def _build(self) -> None:
        for role in _ROLES:
            _run("ip", "netns", "add", self.namespace(role))
            self._ip(role, "link set lo up")
        self._cable(CAMERA, GATEWAY, "10.77.1.2/24", "10.77.1.1/24")
        self._cable(GATEWAY, ROUTER, f"{GATEWAY_ADDRESS}/24", f"{ROUTER_ADDRESS}/24")
        for address in NAT_ADDRESSES:
            self._ip(ROUTER, f"addr add {address}/24 dev {GATEWAY}")
        self._lay_relay()
        for role, net in _BEHIND_ROUTER:
            if role != VIEWER:
                self._cable(ROUTER, role, f"{net}.1/24", f"{net}.2/24")
            self._ip(role, f"route add default via {net}.1")
        self._ip(GATEWAY, f"route add 10.77.0.0/16 via {ROUTER_ADDRESS}")
        # A batch of segments (UDP_SEGMENT, TSO) is one packet to veth: here they part, as on a real network card, so
        # that loss falls on packets and a queue counts them.
        self._ip(GATEWAY, f"link set {ROUTER} gso_max_segs 1")
        self._sysctl(ROUTER, "net.ipv4.ip_forward=1")
        self._sysctl(ROUTER, "net.ipv6.conf.all.forwarding=1")
        for role in (ROUTER, GATEWAY):
            for device in ("all", "default", GATEWAY if role == ROUTER else ROUTER):
                self._sysctl(role, f"net.ipv4.conf.{device}.rp_filter=0")
        self._sysctl(ROUTER, f"net.ipv4.conf.{ATTACKER}.rp_filter=0")
        self.impose(Faults())

    def _cable(self, one: str, other: str, address: str, other_address: str) -> None:
        """Devices are named after what they lead to."""
        ours, theirs = self.namespace(one), self.namespace(other)
        _run("ip", "link", "add", other, "netns", ours, "type", "veth", "peer", "name", one, "netns", theirs)
        for role, device, place in ((one, other, address), (other, one, other_address)):
            self._ip(role, f"addr add {place} dev {device}")
            self._ip(role, f"link set {device} up")

    def _lay_relay(self) -> None:
        """The viewer's line."""
        command = self.inside(ROUTER, sys.executable, str(_FOLDER / "tun_relay.py"), VIEWER, "wire")
        try:
            self._relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise RigUnavailableError(f"the delaying relay can't be started: {error.strerror}") from None
        if self._answer_of_relay() != "ready":
            raise RigUnavailableError("no TUN device can be made here (/dev/net/tun), so the rig has no delaying line")
        _run("ip", "-n", self.namespace(ROUTER), "link", "set", "wire", "netns", self.namespace(VIEWER))
        self._ip(VIEWER, f"link set wire name {ROUTER}")
        for role, device, address in ((ROUTER, VIEWER, "10.77.10.1/24"), (VIEWER, ROUTER, f"{VIEWER_ADDRESS}/24")):
            self._ip(role, f"addr add {address} dev {device}")
            self._ip(role, f"link set {device} txqueuelen 4000 up")

    def _answer_of_relay(self) -> str:
        assert self._relay is not None
        assert self._relay.stdout is not None
        return self._relay.stdout.readline().strip()

    # What can be wrong.

    def impose(self, faults: Faults) -> None:
        """Block, lose and translate packets so from now on; connections the router knows keep their mapping."""
        self.faults = faults
        _run(*self.inside(ROUTER, "nft", "-f", "-"), text=faults.ruleset())

    def rebind(self, faults: Faults) -> None:
        """As `impose`, and the NAT forgets all mappings at once."""
        self.impose(faults)
        _run(*self.inside(ROUTER, sys.executable, str(_FOLDER / "forget_connections.py")))

    def shape(self, character: Character) -> None:
        """Delay, jitter and reorder on the viewer's line, each way."""
        assert self._relay is not None
        assert self._relay.stdin is not None
        line = json.dumps({"delay_s": character.delay_s, "jitter_s": character.jitter_s, "reorder": character.reorder})
        self._relay.stdin.write(line + "\n")
        self._relay.stdin.flush()
        assert self._answer_of_relay() == "changed"

    def limit(self, *, rate_bps: int, queue_bytes: int) -> None:
        """A slow line to the viewer: a token bucket with a queue that drops what does not fit."""
        self._tc("replace", f"tbf rate {rate_bps}bit burst 4000 limit {queue_bytes}")

    def unlimit(self) -> None:
        """As fast as it can again."""
        if "tbf" in _run("tc", "-n", self.namespace(ROUTER), "qdisc", "show", "dev", VIEWER):
            _run("tc", "-n", self.namespace(ROUTER), "qdisc", "del", "dev", VIEWER, "root")

    def _tc(self, verb: str, discipline: str) -> None:
        _run("tc", "-n", self.namespace(ROUTER), "qdisc", verb, "dev", VIEWER, "root", *discipline.split())

    def set_uplink(self, *, up: bool) -> None:
        """The router's cable to the gateway: viewers see no device go down, packets just don't arrive."""
        self._ip(ROUTER, f"link set {GATEWAY} {'up' if up else 'down'}")

    def move_viewer(self, address: str) -> None:
        """The viewer's machine gets this address and loses the one it had: another network, as after a walk."""
        if address != self._viewer_address:
            self._ip(VIEWER, f"addr flush dev {ROUTER}")
            self._ip(VIEWER, f"addr add {address}/24 dev {ROUTER}")
            self._ip(VIEWER, "route replace default via 10.77.10.1")
            self._viewer_address = address

    def add_addresses(self) -> None:
        """The gateway gets a second address, and it and the viewer two of IPv6 and one."""
        first, second = GATEWAY_ADDRESSES_6
        self._further_addresses = [
            (GATEWAY, f"{GATEWAY_SECOND_ADDRESS}/24 dev {ROUTER}"),
            (GATEWAY, f"{first}/64 dev {ROUTER} nodad"),
            # Without a preferred lifetime it is no source, unless somebody asks for it.
            (GATEWAY, f"{second}/64 dev {ROUTER} nodad preferred_lft 0"),
            (ROUTER, f"fd77:2::fe/64 dev {GATEWAY} nodad"),
            (ROUTER, f"fd77:10::1/64 dev {VIEWER} nodad"),
            (VIEWER, f"fd77:10::2/64 dev {ROUTER} nodad"),
        ]
        for role, address in self._further_addresses:
            self._ip(role, f"addr add {address}")
        self._ip(GATEWAY, "-6 route replace fd77::/16 via fd77:2::fe")
        self._ip(VIEWER, "-6 route replace default via fd77:10::1")

    def _remove_addresses(self) -> None:
        for role, address in self._further_addresses:
            place, _, device = address.partition(" dev ")
            self._ip(role, f"addr del {place} dev {device.split()[0]}")
        self._further_addresses = []

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self.set_uplink(up=True)
        self.move_viewer(VIEWER_ADDRESS)
        self.unlimit()
        self.shape(Character())
        self.rebind(Faults())
        self._remove_addresses()

    # Inside.

    def _ip(self, role: str, command: str) -> None:
        _run("ip", "-n", self.namespace(role), *command.split())

    def _sysctl(self, role: str, setting: str) -> None:
        path, _, value = setting.partition("=")
        target = "/proc/sys/" + path.replace(".", "/")
        _run(*self.inside(role, "sh", "-c", f"echo {value} > {target}"))

    def _clear(self) -> None:
        if self._relay is not None:
            with self._relay as relay:
                assert relay.stdin is not None
                relay.stdin.close()
                try:
                    relay.wait(_COMMAND_DEADLINE_S)
                except subprocess.TimeoutExpired:
                    relay.kill()
            self._relay = None
        for role in _ROLES:
            _remove(self.namespace(role))


def _sweep() -> None:
    """Remove what runs that did not end well left behind."""
    for line in _run("ip", "netns", "list").splitlines():
        found = _NAME.match(line)
        if found and not Path("/proc", found[1]).exists():
            _remove(found[0])


def _remove(namespace: str) -> None:
    """Ends the programs in a namespace of ours, and the namespace."""
    try:
        pids = _run("ip", "netns", "pids", namespace).split()
    except RigUnavailableError:
        return
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _run("ip", "netns", "del", namespace)


def _run(*command: str, text: str | None = None) -> str:
    """What it prints; RigUnavailableError with its own words when it fails."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_COMMAND_DEADLINE_S, check=False
        )
    except FileNotFoundError:
        raise RigUnavailableError(f"{command[0]} is not installed; the rig needs iproute2 and nftables") from None
    if done.returncode:
        raise RigUnavailableError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
