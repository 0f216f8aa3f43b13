"""The broadcast of every camera that is watched by WebRTC."""

from __future__ import annotations

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.relay.hub import Hub
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.pump import Pump


class Broadcasts:
    """The broadcast of every camera, made on first use."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._pump = Pump(clock)
        self._by_name: dict[str, Broadcast] = {}

    def of(self, hub: Hub) -> Broadcast:
        """The broadcast of a camera's hub."""
        broadcast = self._by_name.get(hub.name)
        if broadcast is None or broadcast.hub is not hub:
            # A camera that was taken away and added again under its old name is another.
            broadcast = Broadcast(hub, self._pump, clock=self._clock)
            if not hub.retired:
                self._by_name[hub.name] = broadcast
        return broadcast

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_name)

    def forget(self, hub: Hub) -> None:
        """Keep nothing of a camera that is gone; harmless when there is nothing."""
        broadcast = self._by_name.get(hub.name)
        if broadcast is not None and broadcast.hub is hub:
            del self._by_name[hub.name]

    def close(self) -> None:
        """Stop sending."""
        self._pump.close()
