"""A gateway with one protection removed, so that the rig can show that its scenarios notice: no switch of the product.

`python -m tests.rig.crippled PROTECTION ARGUMENTS…` runs `camera-gateway ARGUMENTS…`.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from typing import Any, Final

from aioice import Candidate
from aioice.stun import Class, Message, Method

from gateway import app, cli
from gateway.relay.camera import Camera
from gateway.source import connection, reader, supervision
from gateway.webrtc import advertise, congestion, ice, pacing, port, renditions, sessions, track, udp
from gateway.webrtc.candidates import host_candidates
from gateway.webrtc.congestion import LinkGate
from gateway.webrtc.ice import Credentials, IceLiteAgent
from gateway.webrtc.paths import Path
from gateway.webrtc.port import MediaPort
from gateway.webrtc.session import Session
from gateway.webrtc.tcp import TcpPath
from tests.support.crippled_page import REMEDIES, crippled_page

_OF_THE_PAGE: Final = (
    "warming",
    "failure-memory",
    "probing",
    "background",
    "camera-word",
    "fallback-word",
    "loss-word",
    "both-loss-words",
    "hastening",
    "crowd",
    "gateway-return",
    "socket-retries",
)
_CHECK_S: Final = 0.5
_MISSES: Final = 6


def _replace(owner: object, name: str, replacement: object) -> None:
    """Raises AttributeError where there is nothing of that name any more: nothing would be crippled."""
    getattr(owner, name)
    setattr(owner, name, replacement)


def _tcp_candidates() -> None:
    def udp_only(*arguments: Any) -> list[Candidate]:
        return [candidate for candidate in host_candidates(*arguments) if candidate.transport == "udp"]

    _replace(advertise, "host_candidates", udp_only)


def _patience() -> None:
    """Checks viewers itself as aioice does: an answer within 0.5 s, six misses in a row and the viewer is gone."""
    sweep = MediaPort._sweep
    misses: dict[IceLiteAgent, int] = {}

    def check(self: MediaPort, agent: IceLiteAgent) -> None:
        path, password = agent.path, agent.remote_password
        if path is None or password is None or agent._closed:
            return
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["USERNAME"] = f"{agent.remote_username}:{agent.local_username}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLED"] = 1
        request.add_message_integrity(password.encode())
        request.add_fingerprint()
        answers: list[Message] = []
        self._transactions[request.transaction_id] = answers.append
        path.send(bytes(request))

        def judge() -> None:
            self.forget(request.transaction_id)
            misses[agent] = 0 if answers else misses.get(agent, 0) + 1
            if misses[agent] >= _MISSES:
                agent.shut()

        asyncio.get_running_loop().call_later(_CHECK_S, judge)

    def sweep_and_check(self: MediaPort) -> None:
        sweep(self)
        for agent in set(self._agents.values()):
            check(self, agent)

    _replace(port, "_SWEEP_S", _CHECK_S)
    _replace(MediaPort, "_sweep", sweep_and_check)


def _ice_restart() -> None:
    def never(_: object, __: Camera, ___: str) -> Session | None:
        return None

    _replace(sessions.Sessions, "find_restarting", never)


def _path_following() -> None:
    select = IceLiteAgent._select

    def first_only(self: IceLiteAgent, path: Path, *, nominated: bool, now: float) -> None:
        if self.path is None:
            select(self, path, nominated=nominated, now=now)

    _replace(IceLiteAgent, "_select", first_only)


def _retransmission() -> None:
    def nothing(*_: object) -> bool:
        return False

    _replace(track.ViewerTrack, "_queue_repeats", nothing)


def _pacing() -> None:
    def all_of_them(_: pacing.Pace, __: int, most: int, **___: object) -> int:
        return most

    _replace(pacing.Pace, "take", all_of_them)


def _validation() -> None:
    """Believes whoever writes: checks without integrity, and DTLS or RTCP from anywhere."""
    received = MediaPort._received

    def believe(self: IceLiteAgent, _: Message) -> Credentials:
        return self._credentials[-1]

    def from_anywhere(self: MediaPort, datagram: bytes, path: Path) -> None:
        if datagram[0] > 3 and path.key not in self._by_path:
            for agent in set(self._agents.values()):
                agent.receive(datagram)
            return
        received(self, datagram, path)

    _replace(ice.IceLiteAgent, "_authenticated", believe)
    _replace(MediaPort, "_received", from_anywhere)


def _answer_address() -> None:
    """Answers from whatever address the kernel likes best."""

    def unknown(*_: object) -> tuple[udp.Ancillary | None, str]:
        return None, ""

    _replace(udp, "origin_of", unknown)


def _skipping() -> None:
    """Sends a viewer everything, however slowly its connection takes it."""
    _replace(TcpPath, "congested", property(lambda _: False))


def _absence() -> None:
    """Goes on numbering packets for viewers nothing was heard of for seconds."""

    def only_without_path(self: IceLiteAgent, _: float) -> bool:
        return self.path is None

    _replace(IceLiteAgent, "quiet", only_without_path)


def _loss_gate() -> None:
    def never(*_: object, **__: object) -> bool:
        return False

    _replace(LinkGate, "report", never)


def _severe_gate() -> None:
    """Bears a loss of most packets as long as any other."""
    _replace(congestion, "SEVERE_HOLD_S", math.inf)


def _very_narrow() -> None:
    """Likewise before the substream."""
    _replace(renditions, "VERY_NARROW_S", renditions.NARROW_S)


def _substream() -> None:
    """Finds no link too narrow."""

    def nothing(*_: object, **__: object) -> None:
        return None

    _replace(renditions.RenditionChoice, "report", nothing)


def _camera_threads() -> None:
    """Opens cameras on the event loop, where one that hangs holds up all."""
    opened = connection.open_container
    start = reader.Reader.start

    def on_the_loop(self: reader.Reader) -> None:
        loop = asyncio.get_running_loop()

        def open_there(*arguments: Any) -> Any:
            async def work() -> Any:
                return opened(*arguments)

            return asyncio.run_coroutine_threadsafe(work(), loop).result()

        _replace(connection, "open_container", open_there)
        start(self)

    _replace(reader.Reader, "start", on_the_loop)


def _camera_deadlines() -> None:
    """Waits for a silent camera for ever."""
    options = connection.options

    def without_timeout(*arguments: Any) -> dict[str, str]:
        return {name: value for name, value in options(*arguments).items() if name != "timeout"}

    _replace(connection, "options", without_timeout)
    _replace(supervision, "OPEN_WITHIN_S", math.inf)
    _replace(supervision, "RECONNECT_AFTER_S", math.inf)


def _remedy(name: str) -> Callable[[], None]:
    def cut() -> None:
        folder = crippled_page(REMEDIES[name])
        _replace(app, "static_dir", lambda: folder)

    return cut


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    "tcp-candidates": _tcp_candidates,
    "patience": _patience,
    "ice-restart": _ice_restart,
    "path-following": _path_following,
    "retransmission": _retransmission,
    "pacing": _pacing,
    "validation": _validation,
    "answer-address": _answer_address,
    "skipping": _skipping,
    "absence": _absence,
    "loss-gate": _loss_gate,
    "severe-gate": _severe_gate,
    "substream": _substream,
    "very-narrow": _very_narrow,
    "camera-threads": _camera_threads,
    "camera-deadlines": _camera_deadlines,
    **{name: _remedy(name) for name in _OF_THE_PAGE},
}
"""Of the gateway, and the remedies of its page."""


def main(arguments: list[str]) -> int:
    """Removes the protection named first and runs the rest as the gateway's own command line."""
    PROTECTIONS[arguments[0]]()
    return cli.main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
