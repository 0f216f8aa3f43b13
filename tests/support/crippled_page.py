"""The page with one of its remedies cut out, so that tests can show that they notice: no switch of the product."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Error, Page

from gateway.assets import static_dir


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to put into `file` of the page after each of these lines, so that it does nothing any more."""

    file: str
    lines: Mapping[str, str]

    def crippled(self) -> str:
        """The module without it; AssertionError where a line is not there any more: nothing would be crippled."""
        text = (static_dir() / self.file).read_text(encoding="utf-8")
        for line, more in self.lines.items():
            assert text.count(f"\n{line}\n") == 1, f"static/{self.file} has changed: where does {line!r} stand now?"
            text = text.replace(f"\n{line}\n", f"\n{line}\n{more}\n")
        return text


_ABLE: Final = "{ webrtc: ['h264/42e01f'], mse: ['avc1.640033'], native_hls: true, device: 'desktop', network: {} }"

REMEDIES: Final = {
    # What the browser can do is not asked, neither here nor in what the gateway is told.
    "capabilities": Remedy("capabilities.js", {"export function readCapabilities() {": f"return {_ABLE};"}),
    # The page's choice of rungs is not kept to.
    "wishes": Remedy("protocols.js", {"export function wantedRungs(wanted) {": "return PROTOCOLS;"}),
    "candidates": Remedy("rungs/candidates.js", {"export function allowedCandidates(sdp, kinds) {": "return sdp;"}),
    "relay-only": Remedy("planner.js", {"  get relayOnly() {": "return false;"}),
    # Nothing is said where nothing is left.
    "last-words": Remedy("player.js", {"  #halt(phase, failure) {": "if (phase === 'unplayable') return;"}),
    # Only the first rung of a plan is tried.
    "ladder": Remedy("climb.js", {"  plan(steps) {": "steps = steps.slice(0, 1);"}),
    # What began before the gateway named its relays goes on without them.
    "late-relays": Remedy("climb.js", {"  #useRelays(name) {": "return;"}),
}


async def cut_out(page: Page, name: str) -> None:
    """From the next navigation on, the page is without this remedy."""
    remedy = REMEDIES[name]
    body = base64.b64encode(remedy.crippled().encode()).decode("ascii")
    # Playwright's own routes would ask here about every request of the page, which takes it seconds.
    browser = await page.context.new_cdp_session(page)
    answers: set[asyncio.Task[None]] = set()

    async def answer(paused: dict[str, Any]) -> None:
        headers = [{"name": "Content-Type", "value": "text/javascript"}]
        with contextlib.suppress(Error):
            # The page may have been left meanwhile.
            await browser.send(
                "Fetch.fulfillRequest",
                {"requestId": paused["requestId"], "responseCode": 200, "responseHeaders": headers, "body": body},
            )

    def start(paused: dict[str, Any]) -> None:
        task = asyncio.create_task(answer(paused))
        answers.add(task)
        task.add_done_callback(answers.discard)

    browser.on("Fetch.requestPaused", start)
    await browser.send("Fetch.enable", {"patterns": [{"urlPattern": f"*/static/{remedy.file}"}]})
