"""The addresses viewers are told to try: configured ones, this machine's own, or what a STUN server sees."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from typing import Final

from aioice import Candidate
from aioice.stun import Message

from gateway.errors import ConfigError
from gateway.webrtc.candidates import IpAddress, host_candidates, interface_addresses, resolve
from gateway.webrtc.port import MediaPort, StunResponse

_log = logging.getLogger(__name__)

_LOOKUP_DEADLINE_S: Final = 10.0
_ATTEMPTS: Final = 3
_ATTEMPT_S: Final = 1.0
_REFRESH_S: Final = 300.0
_STUN_PORT: Final = 3478


class Addresses:
    """Keeps the list up to date.  Without `advertise`: the interfaces' addresses, first the one that was asked for."""

    def __init__(self, port: MediaPort, advertise: Sequence[str]) -> None:
        self._port = port
        self._names = [entry for entry in advertise if not entry.startswith("stun:")]
        self._servers = [entry.removeprefix("stun:") for entry in advertise if entry.startswith("stun:")]
        self._configured = bool(advertise)
        self._known: list[IpAddress] = []
        self._discovered: dict[str, IpAddress] = {}
        self._refresher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look everything up; raises ConfigError for a name that can't be resolved."""
        self._known = await self._look_up()
        if self._servers:
            await self._discover()
            if not self._known and not self._discovered:
                raise ConfigError(
                    "webrtc.advertise: no STUN server answered, so there is no address to offer; "
                    "check the name and that UDP gets out, or write the public address"
                )
            self._refresher = asyncio.create_task(self._refresh(), name="public address")

    async def close(self) -> None:
        """Stop refreshing."""
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.wait([self._refresher])

    def candidates(self, host: IpAddress | None) -> list[Candidate]:
        """The candidates for a request that was sent to address `host`, None where it was sent to a name."""
        addresses = [*self._known, *self._discovered.values()]
        if not self._configured:
            if host is not None and not host.is_unspecified and not host.is_multicast:
                addresses.insert(0, host)
            addresses = addresses or [ipaddress.IPv4Address("127.0.0.1")]
        return host_candidates(addresses, self._port.number)

    async def _look_up(self) -> list[IpAddress]:
        if not self._configured:
            return await asyncio.to_thread(interface_addresses)
        try:
            async with asyncio.timeout(_LOOKUP_DEADLINE_S):
                return await asyncio.to_thread(resolve, self._names)
        except (OSError, TimeoutError):
            raise ConfigError(
                f"webrtc.advertise: a name in {', '.join(self._names)} can't be resolved; check it or write the address"
            ) from None

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            await self._discover()

    async def _discover(self) -> None:
        for server in self._servers:
            found = await self._ask(server)
            if found is None:
                _log.warning("webrtc.advertise: the STUN server %s did not answer", server)
            elif self._discovered.get(server) != found:
                _log.info("webrtc.advertise: our public address is %s, says %s", found, server)
                self._discovered[server] = found

    async def _ask(self, server: str) -> IpAddress | None:
        """Our address as a STUN server sees it (RFC 8489 section 7), asked from the media port itself."""
        host, _, port = server.rpartition(":") if server.rpartition(":")[2].isdigit() else (server, "", "")
        try:
            async with asyncio.timeout(_LOOKUP_DEADLINE_S):
                addresses = await asyncio.to_thread(resolve, [host.strip("[]")])
        except (OSError, TimeoutError):
            return None
        target = next((address for address in addresses if address.version == 4), addresses[0])
        for _ in range(_ATTEMPTS):
            answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            transaction: bytes | None = None
            try:
                transaction = self._port.ask((str(target), int(port or _STUN_PORT)), _resolver(answered))
                async with asyncio.timeout(_ATTEMPT_S):
                    mapped = (await answered).attributes.get("XOR-MAPPED-ADDRESS")
                return ipaddress.ip_address(mapped[0]) if mapped else None
            except (OSError, TimeoutError):
                continue
            finally:
                if transaction is not None:
                    self._port.forget(transaction)
        return None


def _resolver(future: asyncio.Future[Message]) -> StunResponse:
    def answered(message: Message) -> None:
        if not future.done():
            future.set_result(message)

    return answered
