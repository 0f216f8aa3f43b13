"""A viewer in Chromium that plays without a peer connection: hls.js, or fragments over a WebSocket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.browser import BrowserViewer
from bench.errors import BenchError
from bench.stats import Picture

_PLAYERS: Final = Path(__file__).with_name("hls_players.js")
_HLS_JS: Final = Path(__file__).parents[1] / "node_modules" / "hls.js" / "dist" / "hls.light.min.js"
_STATE: Final = """() => {
  const { readyState, networkState, currentTime, paused, seeking, error, buffered } = document.querySelector('video');
  const spans = Array.from({ length: buffered.length }, (_, index) => [buffered.start(index), buffered.end(index)]);
  const requests = performance.getEntriesByType('resource').slice(-5).map(({ name }) => new URL(name).pathname);
  return JSON.stringify(
    { readyState, networkState, currentTime, paused, seeking, error: error?.message, buffered: spans, requests });
}"""
"""What to know of a player that shows nothing."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a viewer saw during a stretch of time; `stalls` counts since it joined how often it waited for pictures."""

    pictures: list[Picture]
    stalls: int


class PlayerViewer(BrowserViewer):
    """At most one player at a time, on a page that belongs to the server it watches."""

    async def load_players(self) -> None:
        """Load hls.js and what drives it, before anybody clicks; raises BenchError when hls.js is not installed."""
        if not _HLS_JS.is_file():
            raise BenchError("hls.js is not installed; run: npm ci")
        for script in (_HLS_JS, _PLAYERS):
            await self._page.evaluate(script.read_text(encoding="utf-8") + "\nundefined")

    async def join_player(self, player: str, url: str) -> float:
        """Milliseconds from the click to the first picture of `hls` or `mse`; raises BenchError without one."""
        try:
            return await self._start({"player": player, "url": url})
        except BenchError as error:
            state = await self._page.evaluate(_STATE)
            raise BenchError(f"{error}; {player} in that moment: {state}") from None

    async def take_played(self) -> Played:
        """What was seen since the last call."""
        taken = await self._page.evaluate("() => bench.take()")
        pictures = [Picture(at, age, catching_up) for at, age, catching_up in taken["pictures"]]
        return Played(pictures, taken["statistics"]["stalls"])
