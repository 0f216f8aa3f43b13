"""The addresses viewers are told to try: configured ones, this machine's own, or what a STUN server sees."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from aioice import Candidate
from aioice.stun import Message

from gateway.errors import ConfigError
from gateway.webrtc.candidates import IpAddress, host_candidates, interface_addresses, resolve
from gateway.webrtc.lookups import Lookups
from gateway.webrtc.port import MediaPort, StunResponse

_log = logging.getLogger(__name__)

_LOOKUP_DEADLINE_S: Final = 10.0
_ATTEMPTS: Final = 3
_ATTEMPT_S: Final = 1.0
REFRESH_S: Final = 30.0
"""How often interfaces and names are looked at again: a lease may change, and so may a dynamic name."""

_STUN_EVERY: Final = 10
"""A STUN server is somebody else's: it is asked at each tenth refresh only."""

_STUN_PORT: Final = 3478


class Addresses:
    """Keeps the list up to date.  Without `advertise`: the interfaces' addresses, first the one that was asked for."""

    def __init__(self, port: MediaPort, advertise: Sequence[str]) -> None:
        self._port = port
        self._names = [entry for entry in advertise if not entry.startswith("stun:")]
        self._servers = [entry.removeprefix("stun:") for entry in advertise if entry.startswith("stun:")]
        self._configured = bool(advertise)
        self._lookups = Lookups()
        self._known: list[IpAddress] = []
        self._discovered: dict[str, IpAddress] = {}
        self._troubled: set[str] = set()
        self._refreshed = 0
        self._refresher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look everything up; raises ConfigError for a name that can't be resolved."""
        try:
            self._known = await self._look_up()
        except (OSError, TimeoutError):
            raise ConfigError(
                f"webrtc.advertise: a name in {', '.join(self._names)} can't be resolved; check it or write the address"
            ) from None
        await self._discover()
        if self._servers and not self._known and not self._discovered:
            raise ConfigError(
                "webrtc.advertise: no STUN server answered, so there is no address to offer; "
                "check the name and that UDP gets out, or write the public address"
            )
        if not self._configured or self._servers or any(_literal(name) is None for name in self._names):
            self._refresher = asyncio.create_task(self._refresh_on(), name="advertised addresses")

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

    async def refresh(self) -> None:
        """Look again; what can't be found out any more stays as it was."""
        self._refreshed += 1
        try:
            known = await self._look_up()
        except (OSError, TimeoutError):
            self._trouble("names", "a name can't be resolved any more; its last addresses are offered")
        else:
            self._troubled.discard("names")
            if known != self._known:
                self._known = known
                _log.info("webrtc.advertise: our addresses are now %s", ", ".join(map(str, known)) or "none")
        if self._refreshed % _STUN_EVERY == 0:
            await self._discover()

    async def _refresh_on(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Exception:  # noqa: BLE001  what was found before is still good, and the next time may go well
                _log.exception("webrtc.advertise: looking for our addresses failed")

    def _trouble(self, about: str, words: str) -> None:
        """Say so once, until it goes well again."""
        if about not in self._troubled:
            self._troubled.add(about)
            _log.warning("webrtc.advertise: %s", words)

    async def _look_up(self) -> list[IpAddress]:
        look_up = partial(resolve, self._names) if self._configured else interface_addresses
        return await self._lookups.run(look_up, deadline_s=_LOOKUP_DEADLINE_S)

    async def _discover(self) -> None:
        for server in self._servers:
            found = await self._ask(server)
            if found is None:
                self._trouble(server, f"the STUN server {server} did not answer")
                continue
            self._troubled.discard(server)
            if self._discovered.get(server) != found:
                _log.info("webrtc.advertise: our public address is %s, says %s", found, server)
                self._discovered[server] = found

    async def _ask(self, server: str) -> IpAddress | None:
        """Our address as a STUN server sees it (RFC 8489 section 7), asked from the media port itself."""
        host, _, port = server.rpartition(":") if server.rpartition(":")[2].isdigit() else (server, "", "")
        try:
            addresses = await self._lookups.run(partial(resolve, [host.strip("[]")]), deadline_s=_LOOKUP_DEADLINE_S)
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


def _literal(name: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _resolver(future: asyncio.Future[Message]) -> StunResponse:
    def answered(message: Message) -> None:
        if not future.done():
            future.set_result(message)

    return answered
